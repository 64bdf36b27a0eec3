"""Storing, using again, validating and making invalid (RFC 9111 and its extensions)."""

import concurrent.futures
import re
import time

from .rows import EITHER, HIT, MISS, REUSE, SEARCH, STATUSES, TARGETED
from .wire import calls, check, made, origin

LAST_MODIFIED = "Last-Modified: {now-1000000}"


def reuse(proxy):
    """Each row on a path of its own, all at once."""
    rows = [tuple(row) for row in REUSE]
    statuses = [(f"9111 4.2.2 heuristic {s}", LAST_MODIFIED, "", "", e, s) for s, e in STATUSES]
    statuses += [
        (f"9111 4.2.2 public {s}", LAST_MODIFIED + "\nCache-Control: public", "", "", HIT, s)
        for s, _ in STATUSES
    ]
    statuses += [
        (f"9111 3 explicit {s}", "Cache-Control: max-age=60", "", "", HIT, s)
        for s in [s for s, _ in STATUSES] + [299, 399, 499, 599]
    ]
    statuses += [
        (
            f"9111 5.2.2.3 must-understand {s}",
            "Cache-Control: max-age=60, must-understand, no-store",
            "",
            "",
            MISS,
            s,
        )
        for s in (299, 399, 499, 599)
    ]
    rows = [r + (200,) for r in rows] + statuses

    def run(numbered):
        number, (section, fields, first, second, expected, status) = numbered
        path = f"/reuse/{number}"
        origin.answers[path] = made(fields, status=f"{status} Some")
        one = proxy.ask(path, first)
        time.sleep(0.05)
        two = proxy.ask(path, second)
        came = len(calls(path))
        # What is revalidated behind the answer is a hit all the same.
        is_hit = "hit" in two["Cache-Status"] if "while" in fields else came == 1
        name = f"{section} [{fields!r} {first!r} {second!r} {status}]"
        check(name, expected in (EITHER, HIT if is_hit else MISS), (came, two))
        check(name + " status", one.status == status and two.status == status, (one, two))
        aged = two["Age"] is not None and int(two["Age"]) >= 0
        check(name + " Age", aged or not is_hit, two)
        check(name + " same", one.body == two.body, (one, two))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(run, enumerate(rows)))


# MARK: invalidation


def invalidation(proxy):
    number = 0

    def row(name, method, status, fields, removed, other=None, target=None):
        nonlocal number
        number += 1
        read, write = f"/inv/{number}", f"/inv/{number}"
        if other:
            write = f"/inv/{number}/w"
        r, w = made("Cache-Control: max-age=60"), made(fields.replace("READ", read), "x", status)
        origin.answers[read] = lambda q, c: (r if q.method in ("GET", "HEAD") else w)(q, c)
        if write != read:
            origin.answers[write] = w
        proxy.ask(read)
        answer = proxy.ask(
            target or write,
            method=method,
            body="" if method in ("GET", "HEAD", "OPTIONS", "TRACE") else "b",
        )
        before = len([q for q in calls(read) if q.method == "GET"])
        proxy.ask(read)
        asked = len([q for q in calls(read) if q.method == "GET"]) > before
        check(f"9111 4.4 {name}", asked == removed, (method, status, fields, answer))

    for method in ("POST", "PUT", "DELETE", "PATCH", "FROB", "MOVE"):
        for status in ("200 OK", "201 Created", "303 See Other"):
            row(f"{method} {status}", method, status, "", True)
        row(f"{method} 204", method, "204 None", "", True)
        for status in ("404 No", "500 Bad", "400 Bad"):
            row(f"{method} {status}", method, status, "", False)
    for method in ("OPTIONS", "TRACE"):
        row(f"{method}", method, "200 OK", "", False)
    for field in ("Location", "Content-Location"):
        for method in ("POST", "PUT", "DELETE", "FROB"):
            row(f"{method} {field}", method, "201 Made", f"{field}: READ", True, other=True)
        row(f"{field} whole", "POST", "201 Made", f"{field}: http://aREAD", True, other=True)
        row(f"{field} other host", "POST", "201 Made", f"{field}: http://bREAD", False, other=True)
        row(
            f"{field} other port",
            "POST",
            "201 Made",
            f"{field}: http://a:81READ",
            False,
            other=True,
        )
        row(f"{field} error", "POST", "500 Bad", f"{field}: READ", False, other=True)

    # RFC 9875
    def group(name, stored, method, fields, status, removed, host="Host: a"):
        nonlocal number
        number += 1
        read, write = f"/inv/{number}", f"/inv/{number}/w"
        g = f"g{number}"
        origin.answers[read] = made("Cache-Control: max-age=60\n" + stored.replace("@", g))
        origin.answers[write] = made(fields.replace("@", g), "x", status)
        proxy.ask(read)
        proxy.ask(write, method=method, body="b" if method != "GET" else "", host=host)
        proxy.ask(read)
        check(f"9875 {name}", (len(calls(read)) == 2) == removed, (stored, fields, calls(read)))

    group(
        "invalidated", 'Cache-Groups: "@"', "POST", 'Cache-Group-Invalidation: "@"', "200 OK", True
    )
    group(
        "one of several",
        'Cache-Groups: "x", "@"',
        "POST",
        'Cache-Group-Invalidation: "y", "@";a=1',
        "200 OK",
        True,
    )
    group(
        "another", 'Cache-Groups: "@"', "POST", 'Cache-Group-Invalidation: "other"', "200 OK", False
    )
    group("case", 'Cache-Groups: "@"', "POST", 'Cache-Group-Invalidation: "@x"', "200 OK", False)
    group(
        "safe method", 'Cache-Groups: "@"', "GET", 'Cache-Group-Invalidation: "@"', "200 OK", False
    )
    group(
        "tokens are no strings",
        "Cache-Groups: @",
        "POST",
        "Cache-Group-Invalidation: @",
        "200 OK",
        False,
    )
    group(
        "other origin",
        'Cache-Groups: "@"',
        "POST",
        'Cache-Group-Invalidation: "@"',
        "200 OK",
        False,
        host="Host: b",
    )


# MARK: conditions and ranges


def conditions(proxy):
    when = "Sun, 01 Nov 2026 00:00:00 GMT"
    path = "/cond"
    origin.answers[path] = made(
        f'Cache-Control: max-age=600\nETag: "1"\nLast-Modified: {when}\nContent-Type: text/plain\nContent-Language: en\nX-A: b'
    )
    proxy.ask(path)

    def ask(name, fields, status, method="GET"):
        answer = proxy.ask(path, fields, method)
        check(f"9110 13 {name}", answer.status == status, answer)
        return answer

    for tag in ('"1"', 'W/"1"', "*", '"0", "1"', '"0" , W/"1"', '"a,b", "1"', ', "1",'):
        answer = ask(f"If-None-Match {tag}", f"If-None-Match: {tag}", 304)
        check(
            "304 fields",
            answer["ETag"] == '"1"'
            and answer["Content-Length"] in (None, "10")
            and answer["Cache-Control"]
            and answer["Date"],
            answer,
        )
        ask(f"HEAD If-None-Match {tag}", f"If-None-Match: {tag}", 304, "HEAD")
    for tag in ('"2"', "1", '"1', 'w/"1"', '"*"'):
        ask(f"If-None-Match {tag}", f"If-None-Match: {tag}", 200)
    ask("If-None-Match lines", 'If-None-Match: "0"\nIf-None-Match: "1"', 304)
    ask("precedence", f'If-None-Match: "2"\nIf-Modified-Since: {when}', 200)
    ask("precedence", 'If-None-Match: "1"\nIf-Modified-Since: Sun, 01 Nov 2020 00:00:00 GMT', 304)
    ask("If-Modified-Since", f"If-Modified-Since: {when}", 304)
    ask("If-Modified-Since later", "If-Modified-Since: Sun, 15 Nov 2026 00:00:00 GMT", 304)
    ask("If-Modified-Since 850", "If-Modified-Since: Sunday, 01-Nov-26 00:00:00 GMT", 304)
    ask("If-Modified-Since asctime", "If-Modified-Since: Sun Nov  1 00:00:00 2026", 304)
    ask("If-Modified-Since earlier", "If-Modified-Since: Sat, 31 Oct 2026 23:59:59 GMT", 200)
    ask("If-Modified-Since malformed", "If-Modified-Since: yesterday", 200)

    def ranged(name, fields, status, body=None, content_range=None, method="GET"):
        answer = proxy.ask(path, fields, method)
        holds = answer.status == status and (body is None or answer.body == body)
        if content_range is not None:
            holds = holds and answer["Content-Range"] == content_range
        elif status == 200:
            holds = holds and answer["Content-Range"] is None
        check(f"9110 14 {name}", holds, answer)
        return answer

    ranged("middle", "Range: bytes=2-4", 206, b"234", "bytes 2-4/10")
    ranged("case", "Range: Bytes=2-4", 206, b"234", "bytes 2-4/10")
    ranged("open", "Range: bytes=7-", 206, b"789", "bytes 7-9/10")
    ranged("suffix", "Range: bytes=-3", 206, b"789", "bytes 7-9/10")
    ranged("long suffix", "Range: bytes=-30", 206, b"0123456789", "bytes 0-9/10")
    ranged("beyond the end", "Range: bytes=8-99", 206, b"89", "bytes 8-9/10")
    ranged("huge", "Range: bytes=8-99999999999999999999999", 206, b"89", "bytes 8-9/10")
    ranged("unsatisfiable", "Range: bytes=10-", 416, None, "bytes */10")
    ranged("suffix of nothing", "Range: bytes=-0", 416, None, "bytes */10")
    ranged("unsatisfiable huge", "Range: bytes=99999999999999999999999-", 416, None, "bytes */10")
    ranged("backwards", "Range: bytes=4-2", 200, b"0123456789")
    ranged("other unit", "Range: lines=1-2", 200, b"0123456789")
    ranged("malformed", "Range: bytes=a-b", 200, b"0123456789")
    ranged("malformed", "Range: bytes", 200, b"0123456789")
    ranged("HEAD", "Range: bytes=2-4", 200, b"", None, "HEAD")
    origin.answers["/cond/long"] = made(
        "Cache-Control: max-age=600\nContent-Type: text/plain", "0123456789" * 200
    )
    proxy.ask("/cond/long")
    answer = proxy.ask("/cond/long", "Range: bytes=0-1,1004-1005,-1")
    kind = answer["Content-Type"] or ""
    check(
        "9110 14.6 multipart",
        kind.startswith("multipart/byteranges; boundary=")
        and answer["Content-Range"] is None
        and answer.body.count(b"Content-Range: bytes ") == 3
        and b"bytes 1004-1005/2000" in answer.body
        and answer.body.count(b"Content-Type: text/plain") == 3,
        answer,
    )
    ranged("one of two satisfiable", "Range: bytes=2-4,99-", 206, b"234", "bytes 2-4/10")
    ranged("none satisfiable", "Range: bytes=50-,99-", 416, None, "bytes */10")
    ranged("empty members", "Range: bytes=,2-4,", 206, b"234", "bytes 2-4/10")
    ranged("many overlapping", "Range: bytes=" + ",".join(["0-"] * 200), 200)
    ranged("If-Range tag", 'Range: bytes=0-1\nIf-Range: "1"', 206, b"01")
    ranged("If-Range other tag", 'Range: bytes=0-1\nIf-Range: "2"', 200, b"0123456789")
    ranged("If-Range weak tag", 'Range: bytes=0-1\nIf-Range: W/"1"', 200, b"0123456789")
    ranged("If-Range date", f"Range: bytes=0-1\nIf-Range: {when}", 206, b"01")
    ranged("If-Range other date", "Range: bytes=0-1\nIf-Range: Sun, 15 Nov 2026 00:00:00 GMT", 200)
    ranged("If-Range unsatisfiable", 'Range: bytes=99-\nIf-Range: "2"', 200)
    ranged("If-Range malformed", "Range: bytes=0-1\nIf-Range: x", 200)
    ranged("condition first", 'Range: bytes=0-1\nIf-None-Match: "1"', 304)
    check("all of it from one call", len(calls(path)) == 1, len(calls(path)))

    # Stored parts.
    def part(fields):
        def answer(request, _):
            span = re.match(r"bytes=(\d+)-(\d+)?$", request["Range"] or "")
            if not span:
                return made(fields)(request, _)
            first, last = int(span[1]), min(int(span[2] or 9), 9)
            return made(
                f"{fields}\nContent-Range: bytes {first}-{last}/10",
                "0123456789"[first : last + 1],
                "206 Partial",
            )(request, _)

        return answer

    origin.answers["/part"] = part('Cache-Control: max-age=60\nETag: "1"')
    for _ in range(2):
        answer = proxy.ask("/part", "Range: bytes=2-5")
        check("9111 3.3 a stored part", answer.status == 206 and answer.body == b"2345", answer)
    check("9111 3.3 is used again", len(calls("/part")) == 1, calls("/part"))
    answer = proxy.ask("/part", "Range: bytes=3-4")
    check(
        "9111 3.3 a part of a part",
        answer.status == 206 and answer.body == b"34" and len(calls("/part")) == 1,
        answer,
    )
    answer = proxy.ask("/part")
    check(
        "9111 3.3 a part is never the whole",
        answer.status == 200 and answer.body == b"0123456789",
        answer,
    )
    before = len(calls("/part"))
    answer = proxy.ask("/part", "Range: bytes=0-9")
    check("9111 3.4 joined", answer.body == b"0123456789" and len(calls("/part")) == before, answer)
    origin.answers["/part/all"] = part('Cache-Control: max-age=60\nETag: "1"')
    asked = [("Range: bytes=0-", 206), ("", 200), ("Range: bytes=3-4", 206)]
    statuses = [proxy.ask("/part/all", fields).status for fields, _ in asked]
    check("9110 15.3.7 a part of all bytes is the whole", statuses == [206, 200, 206], statuses)
    check("9110 15.3.7 from one call", len(calls("/part/all")) == 1, calls("/part/all"))
    origin.answers["/part/tag"] = part('Cache-Control: max-age=60\nETag: "1"')
    proxy.ask("/part/tag", "Range: bytes=2-5")
    answer = proxy.ask("/part/tag", 'Range: bytes=2-5\nIf-None-Match: "1"')
    check("9111 4.3.2 a stored part's tag", answer.status == 304, answer)
    # A part that has to be validated.
    stale = part('Cache-Control: max-age=0\nETag: "1"')
    origin.answers["/part/stale"] = lambda q, c: (
        made('Cache-Control: max-age=60\nETag: "1"', status="304 Not Modified")
        if q["If-None-Match"]
        else stale
    )(q, c)
    proxy.ask("/part/stale", "Range: bytes=2-8")
    for state in ("fwd-status=304", "; hit"):
        answer = proxy.ask("/part/stale", "Range: bytes=3-6")
        check(
            f"9111 4.3.4 a validated part, {state}",
            (answer.status, answer.body, answer["Content-Range"])
            == (206, b"3456", "bytes 3-6/10")
            and state in answer["Cache-Status"],
            answer,
        )
    varied = "Cache-Control: max-age=60\nVary: X-A"
    origin.answers["/part/variant"] = lambda q, c: (
        made(varied + '\nETag: "1"', status="304 Not Modified")
        if q["If-None-Match"]
        else part(varied + f'\nETag: "{q["X-A"]}"')
    )(q, c)
    proxy.ask("/part/variant", "X-A: 1\nRange: bytes=2-5")
    answer = proxy.ask("/part/variant", "X-A: 2")
    check(
        "9111 4.1 another variant's part is never the whole",
        answer.status == 200 and answer.body == b"0123456789",
        answer,
    )
    origin.answers["/part/none"] = part("Cache-Control: max-age=60")
    proxy.ask("/part/none", "Range: bytes=2-5")
    answer = proxy.ask("/part/none")
    check(
        "9111 3.4 not joined without a validator",
        answer.status == 200 and answer.body == b"0123456789",
        answer,
    )


def validation(proxy):
    """Stale responses, and what the origin says of them."""

    def serve(path, fields, changed=False, extra="", confirm=None):
        def answer(request, _):
            first = len(calls(path)) == 1
            conditional = request["If-None-Match"] or request["If-Modified-Since"]
            if conditional and not changed:
                return made(confirm if confirm is not None else fields, "", "304 Not Modified")(
                    request, _
                )
            return made(fields, "first" if first else "second")(request, _)

        origin.answers[path] = answer

    serve(
        "/val/tag",
        'Cache-Control: max-age=0\nETag: "1"\nX-A: 1',
        confirm='Cache-Control: max-age=60\nETag: "1"\nX-A: 2',
    )
    proxy.ask("/val/tag")
    two = proxy.ask("/val/tag")
    three = proxy.ask("/val/tag")
    check(
        "9111 4.3 validated",
        two.status == 200
        and two.body == b"first"
        and calls("/val/tag")[1]["If-None-Match"] == '"1"',
        two,
    )
    check("9111 3.2 fields updated", two["X-A"] == "2" and three["X-A"] == "2", three)
    check("9111 4.3.4 fresh again", len(calls("/val/tag")) == 2, three)
    check("9111 5.1 no age", (two["Age"], three["Age"]) == (None, "0"), (two, three))
    serve("/val/date", "Cache-Control: max-age=0\nLast-Modified: Sun, 01 Nov 2026 00:00:00 GMT")
    proxy.ask("/val/date")
    two = proxy.ask("/val/date")
    check(
        "9111 4.3.1 by date",
        calls("/val/date")[1]["If-Modified-Since"] == "Sun, 01 Nov 2026 00:00:00 GMT"
        and two.body == b"first",
        two,
    )
    serve("/val/changed", 'Cache-Control: max-age=0\nETag: "1"', changed=True)
    proxy.ask("/val/changed")
    two = proxy.ask("/val/changed")
    check("9111 4.3.3 replaced", two.body == b"second" and two.status == 200, two)
    serve("/val/client", 'Cache-Control: max-age=0\nETag: "1"')
    proxy.ask("/val/client")
    two = proxy.ask("/val/client", 'If-None-Match: "1"')
    check(
        "9111 4.3.2 client's condition",
        two.status == 304 and two["Content-Length"] in (None, "5"),
        two,
    )
    two = proxy.ask("/val/client", 'If-None-Match: "9"')
    check("9111 4.3.2 client's other condition", two.status == 200 and two.body == b"first", two)
    # Errors (RFC 5861, 9111 4.2.4)
    for name, fields, later, status in [
        (
            "stale-if-error",
            "Cache-Control: max-age=0, stale-if-error=60",
            made("", "bad", "503 Bad"),
            200,
        ),
        (
            "stale-if-error, closed",
            "Cache-Control: max-age=0, stale-if-error=60",
            lambda q, c: None,
            200,
        ),
        (
            "no stale-if-error",
            "Cache-Control: max-age=0, must-revalidate",
            made("", "bad", "503 Bad"),
            503,
        ),
        (
            "must-revalidate, closed",
            "Cache-Control: max-age=0, must-revalidate",
            lambda q, c: None,
            502,
        ),
        (
            "past stale-if-error",
            "Cache-Control: max-age=1, stale-if-error=1\nAge: 90",
            made("", "bad", "500 Bad"),
            500,
        ),
    ]:
        path = "/err/" + name.replace(" ", "_").replace(",", "")
        good = made(fields, "good")
        origin.answers[path] = lambda q, c, path=path, good=good, later=later: (
            good if len(calls(path)) == 1 else later
        )(q, c)
        proxy.ask(path)
        answer = proxy.ask(path)
        check(f"5861 4 {name}", answer.status == status, answer)
    for status, stands in [(500, 200), (501, 501), (502, 200), (503, 200), (504, 200), (505, 505)]:
        path = f"/err/{status}"
        origin.answers[path] = lambda q, c, status=status: (
            made("Cache-Control: max-age=0, stale-if-error=60", "good")
            if len(calls(q.target)) == 1
            else made("", "bad", f"{status} Bad")
        )(q, c)
        proxy.ask(path)
        answer = proxy.ask(path)
        check(f"5861 4 {status}", answer.status == stands, answer)
    origin.answers["/err/fresh"] = lambda q, c: (
        made("Cache-Control: max-age=60")(q, c) if len(calls("/err/fresh")) == 1 else None
    )
    proxy.ask("/err/fresh")
    answer = proxy.ask("/err/fresh", "Cache-Control: no-cache")
    check("9111 5.2.1.4 no-cache, closed", answer.status == 502, answer)
    origin.answers["/val/never"] = made('Cache-Control: no-store\nETag: "1"')
    answer = proxy.ask("/val/never", 'If-None-Match: "1"')
    check("9110 13.2.1 a condition on what is never stored", answer.status == 304, answer)
    answer = proxy.ask("/never/there", "Cache-Control: only-if-cached")
    check("9111 5.2.1.7 only-if-cached", answer.status == 504 and not calls("/never/there"), answer)
    # HEAD
    origin.answers["/head"] = made('Cache-Control: max-age=60\nETag: "1"')
    proxy.ask("/head")
    answer = proxy.ask("/head", method="HEAD")
    check(
        "9111 4 HEAD from a stored GET",
        len(calls("/head")) == 1 and answer["Content-Length"] == "10" and not answer.body,
        answer,
    )
    origin.answers["/head2"] = made("Cache-Control: max-age=60")
    proxy.ask("/head2", method="HEAD")
    answer = proxy.ask("/head2")
    check("9111 2 HEAD doesn't answer GET", answer.body == b"0123456789", answer)
    # POST
    origin.answers["/post"] = made("Cache-Control: max-age=60\nContent-Location: /post")
    proxy.ask("/post", method="POST", body="a")
    answer = proxy.ask("/post")
    check("9110 9.3.3 POST with Content-Location answers GET", answer.body == b"0123456789", answer)
    proxy.ask("/post", method="POST", body="a")
    check(
        "9110 9.3.3 POST is never answered",
        len([q for q in calls("/post") if q.method == "POST"]) == 2,
        calls("/post"),
    )


def query(proxy):
    origin.answers["/query"] = made("Cache-Control: max-age=60")
    T = "Content-Type: text/plain"
    n = lambda: len(calls("/query"))
    proxy.ask("/query", T, "QUERY", "q1"), proxy.ask("/query", T, "QUERY", "q1")
    check("10008 the same content", n() == 1, n())
    proxy.ask("/query", T, "QUERY", "q2")
    check("10008 other content", n() == 2, n())
    proxy.ask("/query", "Content-Type: text/html", "QUERY", "q1")
    check("10008 other type", n() == 3, n())
    proxy.ask("/query")
    check("10008 not for GET", n() == 4, n())
    proxy.ask("/query", T + "\nTransfer-Encoding: chunked", "QUERY", "2\r\nq1\r\n0\r\n\r\n")
    check(
        "10008 chunked passes whole",
        calls("/query")[-1].body in (b"q1", b""),
        calls("/query")[-1].body,
    )
    proxy.ask("/query", T + "\nContent-Encoding: gzip", "QUERY", "q1")
    check("10008 other coding", n() >= 5, n())
    check("10008 content arrives", calls("/query")[0].body == b"q1", calls("/query")[0].body)
    before = n()
    proxy.ask("/query", method="POST", body="x")
    proxy.ask("/query", T, "QUERY", "q1")
    check("9111 4.4 POST invalidates QUERY", n() == before + 2, n() - before)


def search(proxy):
    rows = SEARCH
    for number, (field, one, two, expected) in enumerate(rows):
        path = f"/search/{number}"
        origin.answers[path] = made("Cache-Control: max-age=60\nNo-Vary-Search: " + field)
        proxy.ask(f"{path}?{one}"), proxy.ask(f"{path}?{two}")
        check(
            f"No-Vary-Search {field} {one} {two}",
            (len(calls(path)) == 1) == (expected == HIT),
            len(calls(path)),
        )


def targeted(proxy):
    """A proxy with two targets, the first counting most."""
    rows = TARGETED
    for number, (field, control, expected) in enumerate(rows):
        path = f"/target/{number}"
        origin.answers[path] = made(f"{field}\nCache-Control: {control}")
        one, two = proxy.ask(path), proxy.ask(path)
        hit = HIT if len(calls(path)) == 1 else MISS
        check(f"9213 {field!r} {control}", expected in (EITHER, hit), (hit, two))
        for line in field.split("\n"):
            name, value = line.split(":", 1)
            if "{" not in value and value.strip():
                check(
                    f"9213 forwarded {field!r}",
                    value.strip() in one.all(name) and value.strip() in two.all(name),
                    (one, two),
                )


def sharing(proxy):
    """A herd is one call, and nothing private is given to another."""

    def slow(fields):
        def answer(request, connection):
            time.sleep(0.3)
            return made(fields, request["X-Who"] or "")(request, connection)

        return answer

    for name, fields, most in [
        ("max-age", "Cache-Control: max-age=60", 1),
        ("max-age=0", "Cache-Control: max-age=0", 1),
        ("private", "Cache-Control: private", 40),
        ("cookie", "Cache-Control: max-age=60\nSet-Cookie: a=b", 40),
        ("vary", "Cache-Control: max-age=60\nVary: X-Who", 40),
    ]:
        path = "/herd/" + name
        origin.answers[path] = slow(fields)
        start = time.time()
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            got = list(
                pool.map(
                    lambda n: (str(n), proxy.ask(path, f"X-Who: {n}").body.decode()), range(20)
                )
            )
        took = time.time() - start
        check(f"herd {name}", len(calls(path)) <= most and took < 1.5, (len(calls(path)), took))
        if most > 1:
            check(f"herd {name} keeps apart", all(a == b for a, b in got), got)
