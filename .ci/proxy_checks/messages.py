"""What becomes of messages that pass (RFC 9110 §7, RFC 9112)."""

import concurrent.futures
import re

from .rows import REFUSED
from .wire import Reader, calls, check, origin, made


def messages(proxy):
    """What becomes of requests and responses that pass (RFC 9110 §7, RFC 9112)."""

    def refused(name, sent, statuses=(400,), **options):
        got, _ = proxy.raw(sent, **options)
        status = int(got.split(b" ")[1]) if got else 0
        check(name, status in statuses, got[:300])

    def get(path, fields="", method="GET", body=""):
        return f"{method} {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n{body}".encode("latin1")

    before = len(calls("/smuggle"))
    for fields, body in REFUSED:
        refused(
            f"9112 smuggling {fields!r} {body!r}",
            get("/smuggle", fields, "POST", body),
            (400, 413, 501),
        )
    # A request whose content turned out malformed may have begun; none behind it may have arrived.
    arrived = [q for q in calls("/smuggle")[before:] if q.body]
    check("9112 nothing malformed arrives", not arrived, arrived)
    refused(
        "9112 HTTP/1.0 chunked",
        b"POST /smuggle HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    )
    refused("9112 3.2 no Host", b"GET / HTTP/1.1\r\n\r\n")
    refused("9112 3.2 two Hosts", b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n")
    for host in ("a b", "a/b", "a@b", "a\tb", "http://a", "a?b", "a#b", "a:b", "a:1:2", "[::1", "::1"):
        refused(f"9112 3.2 Host {host}", f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    refused("9112 3 version", b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", (400, 505))
    refused("9112 3 version", b"GET / http/1.1\r\nHost: a\r\n\r\n", (400, 505))
    refused("9112 3 no version", b"GET /\r\n\r\n", (400, 505))
    refused("9112 3 spaces", b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n")
    refused("9112 3 method", b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", (400, 501))
    for line in (b"GET\t/a\tHTTP/1.1", b"GET\x0b/a HTTP/1.1", b" GET /a HTTP/1.1", b"GET /a HTTP/1.1 "):
        refused(f"9112 3 white space {line}", line + b"\r\nHost: a\r\n\r\n")
    for line in (b"GET /a HTTP/1.10", b"GET /\0a HTTP/1.1", b"GET /\ra HTTP/1.1", b"GET * HTTP/1.1"):
        refused(f"9112 3 {line}", line + b"\r\nHost: a\r\n\r\n")
    refused(
        "9112 7.1.1 a long extension",
        get("/x", "Transfer-Encoding: chunked\r\n", "POST", "3;" + "a" * 70000 + "\r\nabc\r\n0\r\n\r\n"),
        (400, 413, 431),
    )
    refused("9112 3.2 target", b"GET a HTTP/1.1\r\nHost: a\r\n\r\n")
    refused("9112 3.2 fragment", b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n")
    refused("9112 3.2 other scheme", b"GET ftp://a/b HTTP/1.1\r\nHost: a\r\n\r\n")
    refused("9110 4.2.4 userinfo", b"GET http://u:p@a/b HTTP/1.1\r\nHost: a\r\n\r\n")
    refused(
        "9110 9.3.6 CONNECT", b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", (400, 403, 405, 501)
    )
    refused("9110 long field", get("/x", "X: " + "a" * 200000 + "\r\n"), (400, 431))
    refused("9110 long target", get("/" + "a" * 200000), (400, 414, 431))
    refused("9112 2.2 an empty line before", b"\r\n" + get("/x", "Connection: close\r\n"), (200,))
    refused("9112 9.6 half-closed", get("/x"), (200,), half=True)
    refused(
        "chunk extensions",
        get(
            "/ext",
            "Connection: close\r\nTransfer-Encoding: chunked\r\n",
            "POST",
            '3;a="b\r"\r\nabc\r\n0\r\n\r\n'.replace('\r"', '"'),
        ),
        (200,),
    )
    check(
        "9112 7.1.1 content",
        calls("/ext")[-1].body == b"abc" and b"a=" not in calls("/ext")[-1].raw,
        calls("/ext")[-1],
    )
    got, _ = proxy.raw(get("/1") + get("/2", method="HEAD") + get("/3", "Connection: close\r\n"))
    check("9112 9.3.2 pipelined", got.count(b"HTTP/1.1 200") == 3, got)
    got, closed = proxy.raw(get("/1", "Connection: close\r\n"))
    check("9112 9.6 close", closed and b"connection: close" in got.lower(), got)
    got, closed = proxy.raw(b"GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    check(
        "9112 9.3 1.0 keep-alive",
        not closed and b"connection: keep-alive" in got.lower(),
        (got, closed),
    )
    got, closed = proxy.raw(b"GET /1 HTTP/1.0\r\n\r\n")
    check("9112 9.3 1.0", closed and got.startswith(b"HTTP/1.1 200"), got)

    # Absolute form
    proxy.ask("http://b:81/abs?x", host="Host: a")
    q = calls("http://b:81/abs") or calls("/abs")
    check(
        "9112 3.2.2 absolute form",
        q and q[-1].target == "/abs?x" and q[-1].all("Host") == ["b:81"],
        q,
    )
    proxy.ask("http://b", host="Host: b")
    proxy.ask("*", method="OPTIONS")
    check("9112 3.2.4 asterisk", calls("*") and calls("*")[-1].target == "*", calls("*"))
    for target in (
        "/%7e/%2F/a//b/../c?x=%41&&=#".rstrip("#"),
        "/a?",
        "/?a?b",
        "/a;b=c,d!$'()*+",
        "/%00",
        '/[a]|{b}^`"<>\\',
    ):
        path = target.split("?")[0]
        proxy.ask(target)
        check(
            f"9110 4.2.3 target {target}",
            calls(path) and calls(path)[-1].target == target,
            calls(path),
        )

    # Fields
    proxy.ask(
        "/hop",
        "Connection: X-A, close, x-c\nX-A: 1\nX-C: 1\nKeep-Alive: 5\nUpgrade: foo\nTE: trailers\n"
        "Proxy-Connection: x\nX-B:   2 , 3  \nX-B: 4\nX-Empty:\nTrailer: X-T\nX-Latin: \xe9\xff\nAccept-Encoding: gzip",
    )
    q = calls("/hop")[-1]
    check(
        "9110 7.6.1 removed",
        not any(
            q[n] is not None for n in ("X-A", "X-C", "Keep-Alive", "Upgrade", "Proxy-Connection")
        ),
        q,
    )
    check(
        "9110 7.6.1 connection", (q["Connection"] or "").lower() in ("", "keep-alive", "close"), q
    )
    check("9110 5.3 lines stay", q.all("X-B") == ["2 , 3", "4"] and q.all("X-Empty") == [""], q)
    check("9110 5.5 bytes stay", q["X-Latin"] == "\xe9\xff" and q["Accept-Encoding"] == "gzip", q)
    check("9110 7.6.3 Via", re.match(r"1\.1 \S+", q["Via"] or ""), q)
    check("7239 Forwarded", "for=127.0.0.1" in (q["Forwarded"] or ""), q)
    proxy.ask("/via", "Via: 1.0 fred, 1.1 p.example")
    check(
        "9110 7.6.3 Via appended",
        re.match(r"1\.0 fred, 1\.1 p\.example, 1\.1 \S+", calls("/via")[-1]["Via"] or ""),
        calls("/via"),
    )
    proxy.ask("/hostport", host="Host: Example.com:8080")
    check("9110 7.2 Host", calls("/hostport")[-1]["Host"] == "Example.com:8080", calls("/hostport"))
    answer = proxy.ask("/loop", "Via: " + ", ".join(["1.1 strata"] * 40))
    check("9110 7.6.3 a loop ends", answer.status in (400, 508, 502), answer)
    origin.answers["/hopback"] = made(
        "Connection: X-A, x-d\nX-A: 1\nX-D: 1\nKeep-Alive: timeout=5\nProxy-Connection: x\nUpgrade: h2c\n"
        "X-B:  2 , 3\nX-B: 4\nSet-Cookie: a=1\nSet-Cookie: b=2\nX-Latin: \xe9\xff\nWWW-Authenticate: Basic\nx-lOwEr: K"
    )
    a = proxy.ask("/hopback")
    check(
        "9110 7.6.1 answer's fields",
        not any(
            a[n] is not None for n in ("X-A", "X-D", "Keep-Alive", "Proxy-Connection", "Upgrade")
        ),
        a,
    )
    check(
        "9110 5.3 answer's lines",
        a.all("X-B") == ["2 , 3", "4"]
        and a.all("Set-Cookie") == ["a=1", "b=2"]
        and a["X-Latin"] == "\xe9\xff",
        a,
    )
    check("9110 7.6.3 answer's Via", re.search(r"1\.1 \S+", a["Via"] or ""), a)
    origin.answers["/hopstored"] = made(
        "Cache-Control: max-age=60\nConnection: X-A\nX-A: 1\nKeep-Alive: 5\nProxy-Authenticate: Basic\n"
        'Proxy-Authentication-Info: x\nX-B:  2 , 3\nX-B: 4\nX-Latin: \xe9\xff\nWarning: 110 - "x"'
    )
    proxy.ask("/hopstored")
    a = proxy.ask("/hopstored")
    check(
        "9111 3.1 stored fields",
        len(calls("/hopstored")) == 1
        and a.all("X-B") == ["2 , 3", "4"]
        and a["X-Latin"] == "\xe9\xff"
        and not any(
            a[n] is not None
            for n in ("X-A", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info")
        ),
        a,
    )
    check("9211 Cache-Status", re.search(r"\S+; ?hit", a["Cache-Status"] or ""), a)

    # Methods
    for method in ("DELETE", "PATCH", "FROB", "PROPFIND", "OPTIONS", "m-search"):
        answer = proxy.ask("/method", method=method, body="" if method == "OPTIONS" else "x")
        check(
            f"9110 9.1 {method}",
            answer.status == 200 and calls("/method")[-1].method == method,
            answer,
        )
    for method in ("TRACE", "OPTIONS"):
        before = len(calls("/mf"))
        answer = proxy.ask("/mf", "Max-Forwards: 0\nCookie: a=b\nAuthorization: c\nX-A: d", method)
        check(
            f"9110 7.6.2 {method} 0",
            answer.status in (200, 204, 405) and len(calls("/mf")) == before,
            answer,
        )
        if method == "TRACE" and answer.status == 200:
            check(
                "9110 9.3.8 TRACE",
                answer["Content-Type"] == "message/http"
                and b"a=b" not in answer.body
                and b"X-A: d" in answer.body,
                answer,
            )
        proxy.ask("/mf", "Max-Forwards: 5", method)
        check(f"9110 7.6.2 {method} 5", calls("/mf")[-1]["Max-Forwards"] == "4", calls("/mf")[-1])
    proxy.ask("/mf", "Max-Forwards: 0")
    check("9110 7.6.2 GET", calls("/mf")[-1]["Max-Forwards"] in ("0", None), calls("/mf")[-1])
    got, _ = proxy.raw(
        get("/expect", "Expect: 100-continue\r\nContent-Length: 3\r\n", "POST"), seconds=3
    )
    check("9110 10.1.1 leave", got.startswith(b"HTTP/1.1 100"), got)
    # HTTP/1.0 knows no leave: it is not waited for, and not asked for.
    got, _ = proxy.raw(
        b"POST /expect10 HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", seconds=3
    )
    q = calls("/expect10")
    check("9110 10.1.1 HTTP/1.0", got.startswith(b"HTTP/1.1 200") and q[-1]["Expect"] is None, (got, q))
    refused("9110 10.1.1 unknown", get("/x", "Expect: foo\r\nConnection: close\r\n"), (200, 417))

    # Interim responses
    origin.answers["/103"] = (
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nLink: </b>\r\n\r\n"
        b"HTTP/1.1 103 Early Hints\r\nLink: </c>\r\n\r\nHTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 1\r\n\r\na"
    )
    a = proxy.ask("/103")
    check(
        "9110 15.2 in order",
        [m.status for m in a.interim] == [102, 103, 103]
        and a.interim[1].all("Link") == ["</a>", "</b>"]
        and a.interim[2].all("Link") == ["</c>"]
        and a.status == 200,
        (a.interim, a),
    )
    a = proxy.ask("/103")
    check(
        "9110 15.2 never stored", not a.interim and a["Link"] is None and len(calls("/103")) == 1, a
    )
    got, _ = proxy.raw(b"GET /103?x HTTP/1.0\r\nHost: a\r\n\r\n")
    check(
        "9110 15.2 not to 1.0",
        b" 10" not in got.split(b"\r\n\r\n")[0][:20] and b" 103 " not in got,
        got,
    )

    origin.answers["/100"] = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 199 Odd\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"
    )
    a = proxy.ask("/100")
    check(
        "9110 15.2 what the proxy didn't ask for",
        [m.status for m in a.interim] == [100, 199] and a.status == 200,
        (a.interim, a),
    )

    # Content
    origin.answers["/close"] = lambda q, c: (
        c.sendall(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n\r\nhello"),
        None,
    )[1]
    a, b = proxy.ask("/close"), proxy.ask("/close")
    check(
        "9112 6.3 until close", a.body == b.body == b"hello" and len(calls("/close")) == 1, (a, b)
    )
    origin.answers["/10"] = lambda q, c: (
        c.sendall(b"HTTP/1.0 200 OK\r\nCache-Control: max-age=60\r\n\r\nhello"),
        None,
    )[1]
    a = proxy.ask("/10")
    check(
        "9112 an origin of 1.0",
        a.body == b"hello" and a.line.startswith("HTTP/1.1") and "1.0 " in a["Via"],
        a,
    )
    origin.answers["/chunk"] = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\nCache-Control: max-age=60\r\n\r\n"
        b'3;a="b"\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\nContent-Length: 1\r\nCache-Control: no-store\r\n\r\n'
    )
    a, b = proxy.ask("/chunk"), proxy.ask("/chunk")
    check("9112 7.1 chunked", a.body == b.body == b"abcde" and len(calls("/chunk")) == 1, (a, b))
    check("9110 6.5 trailers are no fields", a["X-T"] is None and b["X-T"] is None, b)
    got, _ = proxy.raw(b"GET /chunk?10 HTTP/1.0\r\nHost: a\r\n\r\n")
    check("9112 6.1 no chunks to 1.0", b"abcde" in got and b"chunked" not in got.lower(), got)
    origin.answers["/extra"] = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    )
    got, _ = proxy.raw(get("/extra") + get("/x") + get("/x", "Connection: close\r\n"))
    check("9112 6.3 bytes beyond", b"evil" not in got and got.count(b"HTTP/1.1 200") == 3, got)
    for name, answer in [
        ("short", b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\nCache-Control: max-age=60\r\n\r\nabc"),
        (
            "short-chunk",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=60\r\n\r\n3\r\nabc\r\n",
        ),
        (
            "cut-chunk",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=60\r\n\r\n9\r\nabc",
        ),
    ]:
        path = "/" + name
        origin.answers[path] = lambda q, c, answer=answer: (c.sendall(answer), None)[1]
        for _ in range(2):
            got, closed = proxy.raw(get(path, "Connection: close\r\n"), seconds=3)
            whole = b"\r\n0\r\n\r\n" in got or b"ontent-Length: 3\r" in got
            check(
                f"9111 3.3 {name} never looks whole",
                got.startswith(b"HTTP/1.1 502") or closed and not whole and b"; hit" not in got,
                (got, closed),
            )
        check(f"9111 3.3 {name} isn't stored", len(calls(path)) >= 2, calls(path))
    for name, answer, statuses in [
        (
            "two lengths",
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            (502,),
        ),
        ("a bad length", b"HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc", (502,)),
        ("a negative length", b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc", (502,)),
        (
            "length and chunks",
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            (200, 502),
        ),
        (
            "a bad chunk",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
            (502, 200),
        ),
        ("no HTTP", b"nonsense\r\n\r\n", (502,)),
        ("a bad field", b"HTTP/1.1 200 OK\r\nX\r\n\r\n", (502, 200)),
        ("a bad status", b"HTTP/1.1 20 OK\r\n\r\n", (502,)),
        ("a bad status", b"HTTP/1.1 abc OK\r\n\r\n", (502,)),
        ("NUL in a field", b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n", (502, 200)),
        ("a switch", b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", (502,)),
        ("silence", b"", (502,)),
    ]:
        path = "/odd/" + name.replace(" ", "_") + str(len(answer))
        origin.answers[path] = lambda q, c, answer=answer: (c.sendall(answer), None)[1]
        got, _ = proxy.raw(get(path, "Connection: close\r\n"), seconds=3)
        status = int(got.split(b" ")[1]) if got else 0
        check(f"9110 15.6.3 {name}", status in statuses, got[:300])
        # Which of the two it is depends on whether the head is gone when the rest comes.
        is_problem = b"application/problem+json" in got
        check(f"9457 {name} is a problem", is_problem == (status == 502), got[:300])
    before = len(calls("/silent"))
    origin.answers["/silent"] = lambda q, c: None
    proxy.ask("/silent", method="POST", body="a")
    check("9110 9.2.2 POST is sent once", len(calls("/silent")) - before == 1, calls("/silent"))
    origin.answers["/fold"] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-A: 1\r\n 2\r\n\r\nabc"
    a = proxy.ask("/fold")
    check("9112 5.2 unfolded", a.status == 502 or a["X-A"] == "1 2", a)
    # Answers without content keep the connection and claim nothing.
    origin.answers["/304"] = b'HTTP/1.1 304 Not Modified\r\nETag: "9"\r\n\r\n'
    origin.answers["/headless"] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with proxy.connect() as connection:
        reader = Reader(connection)
        for path, method in [("/304", "GET"), ("/headless", "HEAD"), ("/x", "GET")] * 3:
            connection.sendall(
                get(path, 'If-None-Match: "9"\r\nCache-Control: no-store\r\n', method)
            )
            a = reader.answer(method)
            if path != "/x":
                check(
                    f"9110 8.6 {path} claims no length",
                    a["Content-Length"] is None and a.status in (304, 200),
                    a,
                )
    origin.answers["/304len"] = (
        b'HTTP/1.1 304 Not Modified\r\nETag: "9"\r\nContent-Length: 77\r\n\r\n'
    )
    a = proxy.ask("/304len", 'If-None-Match: "9"\nCache-Control: no-store')
    check("9110 8.6 a 304's length is the origin's", a["Content-Length"] in ("77", None), a)
    origin.answers["/204len"] = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
    a = proxy.ask("/204len")
    check(
        "9110 8.6 none on 204",
        a.status == 204 and a["Content-Length"] is None and a["Transfer-Encoding"] is None,
        a,
    )
    # Big content, both ways.
    big = "".join(chr(65 + n % 26) for n in range(3_000_000))
    origin.answers["/echo"] = (
        lambda q, c: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(q.body) + q.body
    )
    a = proxy.ask("/echo", method="POST", body=big)
    check("9110 6.4 content is unchanged", a.body == big.encode(), len(a.body))
    a = proxy.ask(
        "/echo",
        "Transfer-Encoding: chunked",
        "POST",
        f"{len(big):x}\r\n{big}\r\n0\r\nX-T: 1\r\n\r\n",
    )
    check(
        "9110 6.4 chunked content is unchanged",
        a.body == big.encode() and calls("/echo")[-1]["X-T"] is None,
        len(a.body),
    )
    origin.answers["/gz"] = (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\n\x1f\x8bxyz"
    )
    a = proxy.ask("/gz")
    check(
        "9110 7.7 nothing is decoded",
        a.body == b"\x1f\x8bxyz" and a["Content-Encoding"] == "gzip",
        a,
    )
    origin.answers["/redirect"] = (
        b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n"
    )
    a = proxy.ask("/redirect")
    check("no redirect is followed", a.status == 302 and a["Location"] == "http://elsewhere/", a)
    # Kept connections that the origin closes without a word.
    origin.answers["/idle"] = lambda q, c: (
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"),
        None,
    )[1]
    sent = [proxy.ask("/idle", method="POST", body=f"{n:05d}").status for n in range(100)]
    bodies = [q.body for q in calls("/idle")]
    check(
        "9112 9.3.1 nothing is doubled",
        sent == [200] * 100 and len(bodies) == len(set(bodies)),
        (sent, len(bodies)),
    )
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda n: proxy.ask(f"/idle?{n}").status, range(200)))
    check("9112 9.3.1 idle close survived", statuses == [200] * 200, statuses)
