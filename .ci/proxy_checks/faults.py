"""Origins that are killed, hang, are slow, or lie about their length (RFC 9112 §8, RFC 9111 §3.3).

Each is a process of its own, which SIGKILL ends and SIGSTOP makes hang.
"""

import concurrent.futures
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from .faulty_origin import CONTENT
from .others import nginx
from .wire import Proxy, Reader, check, free_port, processes

# What strata-proxy is told, in seconds.
PATIENCE = 1


class Faulty:
    """A faulty origin, of which another can take the place."""

    def __init__(self):
        self.port = free_port()
        self.start()

    def start(self, *options):
        script = os.path.join(os.path.dirname(__file__), "faulty_origin.py")
        self.process = subprocess.Popen(
            [sys.executable, script, str(self.port), *options], stdout=subprocess.PIPE, text=True
        )
        processes.append(self.process)
        self.said, self.all = queue.Queue(), []
        threading.Thread(target=self.listen, args=(self.process, self.said), daemon=True).start()
        for _ in range(200):
            try:
                return socket.create_connection(("127.0.0.1", self.port)).close()
            except OSError:
                time.sleep(0.02)

    def listen(self, process, said):
        for line in process.stdout:
            said.put(line.strip())

    def until(self, line):
        """Waits until the origin says the line."""
        while not self.all or self.all[-1] != line:
            self.all.append(self.said.get(timeout=10))

    def calls(self, line):
        """How often the origin has said the line so far."""
        mark = f"/whole/close/{len(self.all)}"
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(f"GET {mark} HTTP/1.1\r\n\r\n".encode())
            self.until(f"GET {mark}")
        return self.all.count(line)

    def signal(self, number):
        self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.process.wait()
        if number == signal.SIGSTOP:
            # It is only on its way when it was sent.
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def heal(self, number):
        """Makes good what the signal did; every answer is whole from now on."""
        if number == signal.SIGSTOP:
            self.process.kill()
            self.process.wait()
        self.start("whole")


class Asking:
    """A request whose answer is read while something happens to the origin."""

    def __init__(self, proxy, path, method="GET", version="1.1", fields="", body=b""):
        self.connection = proxy.connect()
        head = f"{method} {path} HTTP/{version}\r\nHost: a\r\n{fields}\r\n"
        self.start = time.time()
        self.connection.sendall(head.encode() + body)
        self.got, self.ended = b"", "open"

    def outcome(self):
        """What came, and how it ended: whole, closed, broken, or not at all."""
        try:
            while piece := self.connection.recv(65536):
                self.got += piece
                if self.is_whole():
                    self.ended = "whole"
                    break
            else:
                self.ended = "closed"
        except ConnectionError:
            self.ended = "broken"
        except TimeoutError:
            pass
        self.seconds = time.time() - self.start
        self.connection.close()
        return self

    def is_whole(self):
        head, mark, content = self.got.partition(b"\r\n\r\n")
        if b"transfer-encoding: chunked" in head.lower():
            return content.endswith(b"\r\n0\r\n\r\n") or content == b"0\r\n\r\n"
        length = [l for l in head.lower().split(b"\r\n") if l.startswith(b"content-length:")]
        return bool(mark and length) and len(content) >= int(length[0].split(b":")[1])

    @property
    def status(self):
        return int(self.got.split(b" ")[1]) if self.got else None

    def is_problem(self, status):
        head, _, content = self.got.partition(b"\r\n\r\n")
        return (
            self.status == status
            and b"content-type: application/problem+json" in head.lower()
            and json.loads(content)["status"] == status
        )

    def __repr__(self):
        return f"{self.ended} after {getattr(self, 'seconds', 0):.1f} s: {self.got!r}"


def whole(proxy, path):
    """The answer to a request of its own, and whether it has all content."""
    answer = proxy.ask(path)
    return answer, answer.status == 200 and answer.body == CONTENT


def faults(_):
    kinds = [(s, signal.Signals(s).name) for s in (signal.SIGKILL, signal.SIGSTOP)]
    parts = [
        (part, *kind)
        for kind in kinds
        for part in (before_the_answer, amid_the_answer, amid_the_request, between, stale)
    ] + [(hurt_nginx, *kind) for kind in kinds]
    with concurrent.futures.ThreadPoolExecutor(len(parts)) as pool:
        for done in [pool.submit(part, *kind) for part, *kind in parts]:
            done.result()
    slow()
    lying()
    retries()


def pair(*options):
    origin = Faulty()
    return origin, Proxy(origin.port, "--upstream-timeout", str(PATIENCE), *options)


def before_the_answer(number, name):
    """Where nothing was sent to the client, it is told; and the next is answered."""
    status = 502 if number == signal.SIGKILL else 504
    for sent in ("nothing", "line"):
        origin, proxy = pair()
        path = f"/{sent}/length/max-age=60"
        asking = Asking(proxy, path)
        origin.until("waits")
        origin.signal(number)
        asking.outcome()
        check(f"9110 15.6 {name}, {sent} sent", asking.is_problem(status), asking)
        check(f"9110 15.6 {name}, {sent} sent, in time", asking.seconds < PATIENCE + 2, asking)
        origin.heal(number)
        answer, is_whole = whole(proxy, path)
        check(f"9111 3.3 {name}, {sent} sent, and asked again", is_whole, answer)
        check("nothing of it was stored", "hit" not in answer["Cache-Status"], answer)


def amid_the_answer(number, name):
    """What breaks off is not taken for whole, by the client or by the cache."""
    for delimited in ("length", "chunked", "close"):
        for version in ("1.1", "1.0"):
            for sent in ("head", "part"):
                row = f"{name}, {delimited}, HTTP/{version}, {sent} sent"
                if (delimited, number) == ("close", signal.SIGKILL):
                    # Its kernel closes the connection as it should, and that is the end.
                    continue
                origin, proxy = pair()
                path = f"/{sent}/{delimited}/max-age=60"
                asking = Asking(proxy, path, version=version)
                follower = Asking(proxy, path, version=version)
                origin.until("waits")
                origin.signal(number)
                for one in (asking.outcome(), follower.outcome()):
                    told = one.status in (502, 504) and one.is_problem(one.status)
                    # To a client of HTTP/1.0 without a length, a close would be the whole.
                    length = b"content-length" in one.got.lower()
                    open_ended = version == "1.0" and not length
                    broken = one.status == 200 and (
                        one.ended == "broken" or one.ended == "closed" and not open_ended
                    )
                    check(f"9112 8 {row}", told or broken, one)
                    check(f"9112 8 {row}, in time", one.seconds < 2 * PATIENCE + 3, one)
                origin.heal(number)
                answer, is_whole = whole(proxy, path)
                check(f"9111 3.3 {row}, and asked again", is_whole, answer)
                check(f"9111 3.3 {row}, not stored", "hit" not in answer["Cache-Status"], answer)
                answer, is_whole = whole(proxy, path)
                check(f"9111 3 {row}, stored then", is_whole and "hit" in answer["Cache-Status"])


def amid_the_request(number, name):
    """Content that the origin doesn't take is not held for ever, nor sent twice."""
    origin, proxy = pair()
    path = "/unread/length/no-store"
    body = b"x" * 20_000_000
    asking = Asking(proxy, path, "POST", fields=f"Content-Length: {len(body)}\r\n")

    def upload():
        try:
            asking.connection.sendall(body)
        except OSError:
            pass

    threading.Thread(target=upload, daemon=True).start()
    origin.until("waits")
    origin.signal(number)
    asking.outcome()
    status = 502 if number == signal.SIGKILL else 504
    check(f"9110 15.6 {name}, amid the request", asking.is_problem(status), asking)
    origin.heal(number)
    check(f"{name}, amid the request, and asked again", whole(proxy, path)[1])
    check(f"9110 9.2.2 {name}, no POST was sent again", origin.calls(f"POST {path}") == 0)


def between(number, name):
    """Connections that are kept to an origin that is no more are nobody's loss."""
    origin, proxy = pair()
    path = "/whole/length/no-store"
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        check(f"{name}, before", all(pool.map(lambda _: whole(proxy, path)[1], range(8))))
    origin.signal(number)
    lost = Asking(proxy, path).outcome()
    status = 502 if number == signal.SIGKILL else 504
    check(f"9110 15.6 {name}, between two requests", lost.is_problem(status), lost)
    if number == signal.SIGSTOP:
        origin.signal(signal.SIGCONT)
    else:
        origin.heal(number)
    for method in ("GET", "POST", "PUT"):
        body = b"" if method == "GET" else b"abc"
        fields = f"Content-Length: {len(body)}\r\n" if body else ""
        before = origin.calls(f"{method} {path}?{method}")
        after = Asking(proxy, f"{path}?{method}", method, fields=fields, body=body).outcome()
        check(f"9112 9.3.1 {name}, {method} after it", after.status == 200, after)
        came = origin.calls(f"{method} {path}?{method}") - before
        check(f"9110 9.2.2 {name}, {method} came once", came == 1, came)


def stale(number, name):
    """Something old is given in the place of what is lost only where that is allowed."""
    status = 502 if number == signal.SIGKILL else 504
    for directives, allowed in [
        ("max-age=0,stale-if-error=60", True),
        ("max-age=0,stale-if-error=60,must-revalidate", False),
        ("max-age=0", False),
    ]:
        origin, proxy = pair()
        path = f"/whole/length/{directives}"
        check(f"{name}, {directives}, filled", whole(proxy, path)[1])
        origin.signal(number)
        asking = Asking(proxy, path).outcome()
        if allowed:
            check(
                f"5861 4 {name}, {directives}",
                asking.status == 200 and asking.got.endswith(CONTENT),
                asking,
            )
        else:
            check(f"9111 4.2.4 {name}, {directives}", asking.is_problem(status), asking)
        check(f"{name}, {directives}, in time", asking.seconds < PATIENCE + 2, asking)
        origin.heal(number)
        check(f"{name}, {directives}, and asked again", whole(proxy, path)[1])


def hurt_nginx(number, name):
    """nginx and its worker, amid a file."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o777)
        files = os.path.join(directory, "files")
        os.mkdir(files)
        content = os.urandom(1_000_000)
        for file in ("slow.bin", "small.bin"):
            with open(os.path.join(files, file), "wb") as opened:
                opened.write(content[: 1000 if file == "small.bin" else None])
        port = nginx(directory)
        # Others start processes meanwhile.
        file = os.path.join(directory, "nginx.conf")
        master = next(process for process in processes if file in process.args)
        proxy = Proxy(port, "--upstream-timeout", str(PATIENCE))
        workers = []
        # Its socket listens before it has any.
        until = time.time() + 10
        while not workers and time.time() < until:
            with open(f"/proc/{master.pid}/task/{master.pid}/children") as children:
                workers = [int(pid) for pid in children.read().split()]
        asking = Asking(proxy, "/slow/slow.bin")
        asking.got = asking.connection.recv(100_000)
        for pid in [master.pid, *workers]:
            os.kill(pid, number)
        asking.outcome()
        check(f"9112 8 nginx, {name}", asking.ended in ("closed", "broken"), asking.ended)
        for pid in [master.pid, *workers] if number == signal.SIGSTOP else []:
            os.kill(pid, signal.SIGCONT)
        if number == signal.SIGKILL:
            # It listens where the other did, or not at all.
            master.wait()
            processes.append(
                subprocess.Popen(["nginx", "-c", file], stderr=subprocess.DEVNULL)
            )
            time.sleep(0.5)
        answer = proxy.ask("/fresh/small.bin")
        check(f"nginx, {name}, and asked again", answer.body == content[:1000], answer)
        answer = proxy.ask("/slow/slow.bin")
        check(f"9111 3.3 nginx, {name}, not stored", answer.body == content, len(answer.body))


def slow():
    """Bytes that come one at a time are an answer, for each who asks meanwhile, and stored."""
    origin, proxy = pair()
    for delimited in ("length", "chunked", "close"):
        path = f"/drip/{delimited}/max-age=60"
        before = time.time()
        leader = Asking(proxy, path)
        origin.until(f"GET {path}")
        followers = [Asking(proxy, path) for _ in range(4)]
        first = leader.connection.recv(1)
        to_first = time.time() - before
        leader.got = first
        answers = [one.outcome() for one in (leader, *followers)]
        for one in answers:
            name = f"9112 6 drip, {delimited}"
            check(f"{name}, whole", one.ended == "whole" and one.status == 200, one)
        check(f"{name}, streamed", to_first < leader.seconds * 0.9, (to_first, leader.seconds))
        answer, is_whole = whole(proxy, path)
        check(f"{name}, stored", is_whole and "hit" in answer["Cache-Status"], answer)
        check(f"{name}, asked once", origin.calls(f"GET {path}") == 1, origin.all)


def lying():
    """A length that isn't true ends the connection, and nothing of it is stored."""
    origin, proxy = pair()
    for _ in range(2):
        asking = Asking(proxy, "/whole/more/max-age=60").outcome()
        told = asking.is_problem(502)
        check("9112 8 too long a length", told or asking.ended in ("closed", "broken"), asking)
    check("9111 3.3 too long a length", origin.calls("GET /whole/more/max-age=60") == 2, origin.all)
    # What is beyond the length belongs to nothing; it must not begin the next answer.
    with proxy.connect() as connection:
        reader = Reader(connection)
        for number in range(20):
            path = "/whole/less/no-store" if number % 2 else "/whole/length/no-store"
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            answer = reader.answer()
            expected = CONTENT[:-10] if number % 2 else CONTENT
            check("9112 6.3 too short a length", answer.body == expected, answer)
    # A connection that breaks is no end, even of content that one would be the end of.
    for delimited in ("length", "chunked", "close"):
        path = f"/reset/{delimited}/max-age=60"
        for version in ("1.1", "1.0"):
            asking = Asking(proxy, path, version=version).outcome()
            length = b"content-length" in asking.got.lower()
            broken = asking.ended == "broken" or (
                asking.ended == "closed" and (version == "1.1" or length)
            )
            check(f"9112 8 reset, {delimited}, {version}", broken, asking)
        check(f"9111 3.3 reset, {delimited}", origin.calls(f"GET {path}") == 2, origin.all)


def retries():
    """Only what is idempotent and wholly unanswered is sent again (RFC 9110 §9.2.2)."""
    for method, answered, expected in [
        ("GET", b"", 2),
        ("HEAD", b"", 2),
        ("DELETE", b"", 2),
        ("GET", b"HTTP/1.1 200 OK\r\nCont", 1),
        ("POST", b"", 1),
        ("PATCH", b"", 1),
    ]:
        seen = []
        listener = socket.create_server(("127.0.0.1", 0))

        def serve(connection, method=method, answered=answered, seen=seen):
            reader = Reader(connection)
            served = 0
            try:
                while True:
                    asked = reader.until(b"\r\n\r\n")
                    if b"/again" in asked:
                        seen.append(asked)
                        if len(seen) == 1:
                            connection.sendall(answered)
                            connection.close()
                            return
                    served += 1
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            except (EOFError, OSError):
                connection.close()

        def accept(listener=listener, serve=serve):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        proxy = Proxy(listener.getsockname()[1])
        proxy.ask("/first", "Cache-Control: no-store")
        asking = Asking(proxy, "/again", method).outcome() if method != "HEAD" else None
        status = asking.status if asking else proxy.ask("/again", method="HEAD").status
        name = f"9110 9.2.2 {method} on a lost connection, {answered!r} answered"
        check(name, len(seen) == expected, seen)
        check(f"{name}, status", status == (200 if expected == 2 else 502), status)
