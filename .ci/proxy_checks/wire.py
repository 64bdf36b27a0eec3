"""The wire on either side of strata-proxy: messages, a scripted origin, and the proxy itself."""

import email.utils
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

PROXY = os.path.join(os.path.abspath(sys.argv[1]), "strata-proxy")

processes = []
checks = 0
failures = []
lock = threading.Lock()


def check(name, holds, shown=""):
    global checks
    with lock:
        checks += 1
        if not holds:
            failures.append(name)
            print(f"FAIL {name}: {str(shown)[:700]}", flush=True)


# MARK: messages


class Message:
    """The head and what follows it, as it was on the wire."""

    def __init__(self, head):
        self.raw = head
        lines = head.split(b"\r\n")
        self.line = lines[0].decode("latin1")
        self.lines = [l.decode("latin1") for l in lines[1:]]
        self.body = b""
        self.interim = []

    def all(self, name):
        return [
            l.split(":", 1)[1].strip()
            for l in self.lines
            if l.lower().startswith(name.lower() + ":")
        ]

    def __getitem__(self, name):
        found = self.all(name)
        return ", ".join(found) if found else None

    @property
    def status(self):
        return int(self.line.split(" ")[1])

    def __repr__(self):
        return f"{self.raw!r} {self.body[:80]!r}"


class Reader:
    """Reads from a socket what HTTP delimits."""

    def __init__(self, connection):
        self.connection, self.buffer = connection, b""

    def more(self):
        piece = self.connection.recv(65536)
        if not piece:
            raise EOFError
        self.buffer += piece

    def until(self, mark):
        while mark not in self.buffer:
            self.more()
        found, self.buffer = self.buffer.split(mark, 1)
        return found

    def exactly(self, count):
        while len(self.buffer) < count:
            self.more()
        found, self.buffer = self.buffer[:count], self.buffer[count:]
        return found

    def rest(self):
        try:
            while True:
                self.more()
        except EOFError:
            found, self.buffer = self.buffer, b""
            return found

    def chunks(self):
        content = b""
        while True:
            size = int(self.until(b"\r\n").split(b";")[0], 16)
            if size == 0:
                while self.until(b"\r\n"):
                    pass
                return content
            content += self.exactly(size)
            assert self.exactly(2) == b"\r\n"

    def answer(self, method="GET"):
        interim = []
        while True:
            message = Message(self.until(b"\r\n\r\n"))
            if message.status >= 200:
                break
            interim.append(message)
        message.interim = interim
        if method == "HEAD" or message.status in (204, 304):
            pass
        elif message["Transfer-Encoding"]:
            message.body = self.chunks()
        elif message["Content-Length"] is not None:
            message.body = self.exactly(int(message["Content-Length"]))
        else:
            message.body = self.rest()
        return message


# MARK: the scripted origin


class Origin:
    """Answers by path: bytes, or a function of the request that returns bytes or closes by None."""

    def __init__(self):
        self.answers, self.calls = {}, {}
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        reader = Reader(connection)
        try:
            while True:
                request = Message(reader.until(b"\r\n\r\n"))
                request.method, request.target, _ = request.line.split(" ")
                path = request.target.split("?")[0]
                answer = self.answers.get(path, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                if "100-continue" in (request["Expect"] or ""):
                    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                if request["Transfer-Encoding"]:
                    request.body = reader.chunks()
                else:
                    request.body = reader.exactly(int(request["Content-Length"] or 0))
                with lock:
                    self.calls.setdefault(path, []).append(request)
                if callable(answer):
                    answer = answer(request, connection)
                if answer is None:
                    break
                connection.sendall(answer)
        except (EOFError, OSError):
            pass
        connection.close()


def dated(text):
    """`{now}`, `{now+60}` and the like, in the date form that is named behind a colon, if one is."""

    def date(found):
        at = time.time() + int(found[1] or 0)
        g = time.gmtime(at)
        if found[2] == ":850":
            return time.strftime("%A, %d-%b-%y %H:%M:%S GMT", g)
        if found[2] == ":asctime":
            return time.strftime("%a %b ", g) + f"{g.tm_mday:2d}" + time.strftime(" %H:%M:%S %Y", g)
        return email.utils.formatdate(at, usegmt=True)

    return re.sub(r"\{now([+-]\d+)?(:\w+)?\}", date, text)


def made(fields="", body="0123456789", status="200 OK"):
    """An answer of that head and content; `Date` and `Content-Length` are added where missing."""

    def answer(request, _):
        head = dated(fields)
        names = [l.split(":")[0].lower() for l in head.split("\n")]
        code = int(status.split()[0])
        lines = [f"HTTP/1.1 {status}"] + [l for l in head.split("\n") if l]
        if "date" not in names and "no-date" not in names:
            lines.append(dated("Date: {now}"))
        content = body.encode("latin1")
        if (
            "content-length" not in names
            and "transfer-encoding" not in names
            and code not in (204, 304)
        ):
            lines.append(f"Content-Length: {len(content)}")
        lines = [l for l in lines if not l.startswith("no-date")]
        raw = "\r\n".join(lines).encode("latin1") + b"\r\n\r\n"
        return raw if request.method == "HEAD" or code in (204, 304) else raw + content

    return answer


origin = Origin()


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Proxy:
    def __init__(self, upstream, *options):
        self.port = free_port()
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [
                PROXY,
                "--listen",
                f"127.0.0.1:{self.port}",
                "--upstream",
                f"http://127.0.0.1:{upstream}",
                *options,
            ],
            stderr=self.log,
        )
        processes.append(self.process)
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit("strata-proxy doesn't listen")

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.settimeout(10)
        return connection

    def ask(self, target, fields="", method="GET", body="", version="1.1", host="Host: a"):
        with self.connect() as connection:
            lines = [f"{method} {target} HTTP/{version}"] + ([host] if host else [])
            lines += [l for l in dated(fields).split("\n") if l]
            if (
                body
                and "content-length" not in fields.lower()
                and "transfer-enc" not in fields.lower()
            ):
                lines.append(f"Content-Length: {len(body)}")
            connection.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin1"))
            return Reader(connection).answer(method)

    def raw(self, sent, seconds=1, half=False):
        """What comes for those bytes, and whether the connection was closed."""
        with self.connect() as connection:
            connection.settimeout(seconds)
            connection.sendall(sent)
            if half:
                connection.shutdown(socket.SHUT_WR)
            got = b""
            try:
                while piece := connection.recv(65536):
                    got += piece
                return got, True
            except TimeoutError:
                return got, False
            except ConnectionError:
                return got, True


def calls(path):
    with lock:
        return list(origin.calls.get(path, []))
