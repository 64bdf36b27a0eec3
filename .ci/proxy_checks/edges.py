"""What is said of each answer, what happens at limits, and what others read otherwise."""

import concurrent.futures
import re
import socket
import threading
import time

from .wire import Proxy, Reader, calls, check, made, origin

FRESH = "Cache-Control: max-age=60"
TAGGED = FRESH + '\nETag: "1"'
GET = ("GET", "", "fwd=uri-miss; stored")
HIT = r"hit; ttl=(5\d|60)"

# What is answered, and the requests in turn with what is said of each.
STATES = [
    ("2.1", FRESH, [GET, ("GET", "", HIT), ("HEAD", "", HIT), ("GET", "Range: bytes=1-2", HIT)]),
    ("2.1 a 304", TAGGED, [GET, ("GET", 'If-None-Match: "1"', HIT)]),
    ("2.2 method", FRESH, [("POST", "", "fwd=method"), ("FROB", "", "fwd=method"), GET]),
    ("2.2 bypass", FRESH, [("GET", 'If-Match: "1"', "fwd=bypass; detail=precondition"), GET]),
    (
        "2.2 vary-miss",
        FRESH + "\nVary: X-A",
        [GET, ("GET", "X-A: 1", "fwd=vary-miss; stored"), ("GET", "X-A: 1", HIT)],
    ),
    (
        "2.2 request",
        FRESH,
        [
            GET,
            ("GET", "Cache-Control: no-cache", "fwd=request; stored; detail=request-no-cache"),
            ("GET", "Cache-Control: max-age=0", "fwd=request; stored; detail=request-max-age"),
            ("GET", "Cache-Control: min-fresh=99", "fwd=request; stored; detail=request-min-fresh"),
            ("GET", "Cache-Control: no-store", HIT),
        ],
    ),
    ("2.2 stale", "Cache-Control: max-age=0", [GET, ("GET", "", "fwd=stale; stored")]),
    (
        "2.2 no-cache",
        TAGGED + "\nCache-Control: no-cache",
        [GET, ("GET", "", "fwd=request; stored; detail=no-cache")],
    ),
    (
        "2.4 ttl",
        FRESH + "\nAge: 90",
        [GET, ("GET", "Cache-Control: max-stale", r"hit; ttl=-3[01]; detail=max-stale")],
    ),
    (
        "2.4 ttl",
        "Cache-Control: max-age=60, stale-while-revalidate=60\nAge: 90",
        [GET, ("GET", "", r"hit; ttl=-3[01]; detail=stale-while-revalidate")],
    ),
    ("2.8 no-store", "Cache-Control: no-store", [("GET", "", "fwd=uri-miss; detail=no-store")]),
    (
        "2.8 private",
        "Cache-Control: private, max-age=60",
        [
            ("GET", "", "fwd=uri-miss; detail=private"),
            ("GET", "", "fwd=miss; detail=uncacheable"),
        ],
    ),
    ("2.8 cookie", FRESH, [("GET", "Cookie: a=b", "fwd=uri-miss; detail=cookie"), GET]),
    (
        "2.8 credentials",
        FRESH,
        [("GET", "Authorization: a b", "fwd=uri-miss; detail=authorization"), GET],
    ),
    (
        "2.8 Set-Cookie",
        FRESH + "\nSet-Cookie: a=b",
        [("GET", "", "fwd=uri-miss; detail=set-cookie")],
    ),
    ("2.8 Vary", FRESH + "\nVary: *", [("GET", "", "fwd=uri-miss; detail=vary-star")]),
    ("2.8 freshness", "X: y", [("GET", "", "fwd=uri-miss; detail=no-freshness")]),
    (
        "2.8 request's no-store",
        FRESH,
        [("GET", "Cache-Control: no-store", "fwd=uri-miss; detail=request-no-store"), GET],
    ),
    (
        "2 neither hit nor forwarded",
        FRESH,
        [
            ("GET", "Cache-Control: only-if-cached", "detail=only-if-cached"),
            ("GET", 'If-Match: "1"\nCache-Control: only-if-cached', "detail=only-if-cached"),
            GET,
        ],
    ),
]


def states(proxy):
    for number, (section, fields, asked) in enumerate(STATES):
        path = f"/states/{number}"
        origin.answers[path] = made(fields)
        for method, sent, expected in asked:
            answer = proxy.ask(path, sent, method, body="x" if method in ("POST", "FROB") else "")
            said = answer.all("Cache-Status")
            check(
                f"9211 {section} {method} {sent!r}",
                len(said) == 1 and re.fullmatch("Strata; " + expected, said[0]),
                answer,
            )

    origin.answers["/states/304"] = lambda q, c: made(
        'Cache-Control: max-age=0\nETag: "1"',
        status="304 Not Modified" if q["If-None-Match"] else "200 OK",
    )(q, c)
    proxy.ask("/states/304")
    said = proxy.ask("/states/304")["Cache-Status"]
    check("9211 2.3 fwd-status", said == "Strata; fwd=stale; fwd-status=304; stored", said)
    origin.answers["/states/above"] = made(FRESH + "\nCache-Status: Up; hit\nCache-Status: Mid")
    for state in ("fwd=uri-miss; stored", HIT):
        said = proxy.ask("/states/above").all("Cache-Status")
        check(
            "9211 2 appended",
            said[:-1] == ["Up; hit", "Mid"] and re.fullmatch("Strata; " + state, said[-1]),
            said,
        )
    origin.answers["/states/slow"] = lambda q, c: (time.sleep(0.3), made(FRESH)(q, c))[1]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda _: proxy.ask("/states/slow")["Cache-Status"], range(4)))
    check(
        "9211 2.6 collapsed",
        sorted(said) == ["Strata; fwd=uri-miss; stored"]
        + 3 * ["Strata; fwd=uri-miss; stored; collapsed"],
        said,
    )


def limits(proxy):
    """At a limit all is well, and one byte further it isn't."""

    def stored(name, target, beyond, method="GET", body="", fields=""):
        origin.answers.setdefault(target.split("?")[0], made(FRESH))
        first = proxy.ask(target, fields, method, body)
        again = proxy.ask(target, fields, method, body)["Cache-Status"]
        expected = r".*; detail=" + beyond if beyond else "Strata; " + HIT
        check(f"limit {name}", first.status == 200 and re.fullmatch(expected, again), again)

    room = 8 * 1024 - len("http://a/limits/key?")
    stored("key", "/limits/key?" + "a" * room, None)
    stored("key", "/limits/key?" + "a" * (room + 1), "key-too-long")
    kind = "Content-Type: text/plain"
    stored("QUERY", "/limits/query", None, "QUERY", "q" * 65_536, kind)
    stored("QUERY", "/limits/query", "key-too-long", "QUERY", "q" * 65_537, kind)

    beginning = b"GET /limits/head HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: "
    for length, status in ((16 * 1024, b"200"), (16 * 1024 + 1, b"431")):
        field = b"x" * (length - len(beginning) - 4)
        got, _ = proxy.raw(beginning + field + b"\r\n\r\n")
        check(f"limit head {length}", got.split(b" ")[1] == status, got[:200])
    for length, status in ((32 * 1024, 200), (32 * 1024 + 1, 502)):
        lines = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ", "\r\n\r\n"
        field = "x" * (length - len(lines[0]) - len(lines[1]))
        origin.answers["/limits/answer"] = (field.join(lines)).encode()
        answer = proxy.ask("/limits/answer")
        check(f"limit an answer's head {length}", answer.status == status, answer.line)
    for hops, status in ((31, 200), (32, 508)):
        answer = proxy.ask("/limits/via", "Via: " + ", ".join(["1.1 a"] * hops))
        check(f"limit {hops} hops", answer.status == status, answer)

    origin.answers["/limits/vary"] = made(FRESH + "\nVary: X-A")
    for n in range(33):
        proxy.ask("/limits/vary", f"X-A: {n}")
    hits = ["hit" in proxy.ask("/limits/vary", f"X-A: {n}")["Cache-Status"] for n in (32, 1, 0)]
    check("limit variants", hits == [True, True, False], hits)


def confusion(proxy):
    """What is one thing to this cache and another to somebody else."""
    # The answer to one range, or to a GET with content, is not what the URI has.
    origin.answers["/confusion/416"] = lambda q, c: made(
        FRESH + ("\nContent-Range: bytes */10" if q["Range"] else ""),
        status="416 No" if q["Range"] else "200 OK",
    )(q, c)
    statuses = [
        proxy.ask("/confusion/416", fields).status
        for fields in ("Range: bytes=10-", "", "Range: bytes=10-", "Range: bytes=1-2")
    ]
    check("9110 15.5.17 a 416 is for its range alone", statuses == [416, 200, 416, 206], statuses)
    origin.answers["/confusion/fat"] = lambda q, c: made(FRESH, (q.body or b"none").decode())(q, c)
    bodies = [proxy.ask("/confusion/fat", body=body).body for body in ("a", "", "b", "")]
    check("9110 9.3.1 content of a GET", bodies == [b"a", b"none", b"b", b"none"], bodies)

    # What a request names in Connection never reaches the origin, so that it selects nothing.
    origin.answers["/confusion/named"] = lambda q, c: made(FRESH + "\nVary: X-A", q["X-A"] or "none")(
        q, c
    )
    bodies = [
        proxy.ask("/confusion/named", fields).body
        for fields in ("X-A: 1\nConnection: X-A", "X-A: 1", "")
    ]
    check("9110 7.6.1 Connection names what selects", bodies == [b"none", b"1", b"none"], bodies)

    # A HEAD that contradicts what is stored, where there is nothing to validate it by.
    origin.answers["/confusion/head"] = lambda q, c: made(
        FRESH + ("\nContent-Length: 99" if q.method == "HEAD" else "")
    )(q, c)
    proxy.ask("/confusion/head")
    proxy.ask("/confusion/head", "Cache-Control: no-cache", "HEAD")
    said = proxy.ask("/confusion/head")["Cache-Status"]
    check("9111 4.3.5 a contradicting HEAD", "fwd" in said, said)

    origin.answers["/confusion/since"] = made(FRESH + "\nLast-Modified: {now-1000}")
    proxy.ask("/confusion/since")
    since = "If-Modified-Since: {now-900}"
    statuses = [proxy.ask("/confusion/since", f).status for f in (since, f"{since}\n{since}")]
    check("9110 13.1.3 more dates than one", statuses == [304, 200], statuses)

    # RFC 10008 2.6 and 2.8
    origin.answers["/confusion/query"] = made(TAGGED)
    for fields, status, body in [
        ("", 200, b"0123456789"),
        ('If-None-Match: "1"', 304, b""),
        ("Range: bytes=2-4", 206, b"234"),
        ('Range: bytes=2-4\nIf-Range: "2"', 200, b"0123456789"),
    ]:
        answer = proxy.ask("/confusion/query", fields, "QUERY", "q")
        check(f"10008 2.6 {fields!r}", (answer.status, answer.body) == (status, body), answer)
    check("10008 2.7 one call", len(calls("/confusion/query")) == 1, calls("/confusion/query"))

    # Hosts that are the same one (RFC 9110 4.2.3).
    origin.answers["/confusion/host"] = made(FRESH)
    for host, count in [("h", 1), ("H", 1), ("h:80", 1), ("h:", 1), ("h:81", 2), ("h.", 3)]:
        proxy.ask("/confusion/host", host=f"Host: {host}")
        came = len(calls("/confusion/host"))
        check(f"9110 4.2.3 Host: {host}", came == count, came)
    proxy.ask("http://h:80/confusion/host", method="POST", body="x", host="Host: z")
    proxy.ask("/confusion/host", host="Host: h")
    came = len([q for q in calls("/confusion/host") if q.method == "GET"])
    check("9111 4.4 another spelling of the host", came == 4, came)

    # What an origin delimits in a way that the next reader might not.
    for line in (
        b"Content-Length : 2",
        b"Content-Length:\r\n 2",
        b"Transfer-Encoding : chunked",
        b"Transfer-Encoding:\r\n chunked",
        b"Transfer-Encoding: chunked;a=b",
        b"Transfer-Encoding:\r\nContent-Length: 2",
    ):
        path = f"/confusion/{abs(hash(line))}"
        answer = b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n2\r\nok\r\n0\r\n\r\n"
        origin.answers[path] = lambda q, c, answer=answer: (c.sendall(answer), None)[1]
        got = proxy.ask(path)
        check(f"9112 6.3 an answer with {line}", got.status == 502, got)


def passage(proxy):
    """What becomes of requests that few send."""
    got, closed = proxy.raw(
        b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\nGET /passage/behind HTTP/1.1\r\nHost: a\r\n\r\n"
    )
    check("9110 9.3.6 nothing behind CONNECT", closed and not calls("/passage/behind"), got)
    for version in ("1.0", "1.1"):
        proxy.ask(f"/passage/{version}", "Via: 1.1 b", version=version)
        via = calls(f"/passage/{version}")[-1]["Via"]
        check(f"9110 7.6.3 Via of {version}", via == f"1.1 b, {version} strata", via)
    for target, expected in (
        ("http://c", "*"),
        ("http://c/", "/"),
        ("http://c?x", "/?x"),
        ("HTTP://C/passage/abs", "/passage/abs"),
    ):
        before = sum(map(len, origin.calls.values()))
        proxy.ask(target, method="OPTIONS", host="Host: c")
        asked = [q for q in calls(expected.split("?")[0]) if q["Host"].lower() == "c"]
        came = sum(map(len, origin.calls.values())) - before
        check(
            f"9112 3.2.4 OPTIONS {target}",
            came == 1 and asked and asked[-1].target == expected,
            asked,
        )
    origin.answers["/passage/date"] = made(FRESH + "\nno-date: 1")
    for _ in range(2):
        answer = proxy.ask("/passage/date")
        check("9110 6.6.1 a date is added", len(answer.all("Date")) == 1, answer)

    # A client that stops amid its content, and has been answered meanwhile.
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            connection, _ = listener.accept()
            Reader(connection).until(b"\r\n\r\n")
            connection.sendall(b"HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno")
            time.sleep(5)
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        asked = Proxy(listener.getsockname()[1])
        got, _ = asked.raw(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", 4)
        check("9112 9.3 an answer amid the content", got.startswith(b"HTTP/1.1 413"), got)

    # An origin that closes its connection upon a request gets it twice at most.
    barrier = threading.Barrier(4)
    origin.answers["/passage/kept"] = lambda q, c: (barrier.wait(5), made("")(q, c))[1]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: proxy.ask(f"/passage/kept?{n}"), range(4)))
    origin.answers["/passage/closes"] = lambda q, c: None
    answer = proxy.ask("/passage/closes")
    came = len(calls("/passage/closes"))
    check("9110 9.2.2 asked twice at most", answer.status == 502 and came == 2, (came, answer))
