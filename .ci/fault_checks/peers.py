"""The processes that a check consists of: redis-server, the origin, and instances of Strata."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from proxy_checks.wire import free_port, processes

BUILT = os.path.abspath(sys.argv[1])


def wait_for(port, what):
    for _ in range(600):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.02)
    sys.exit(f"{what} doesn't listen")


class Peer:
    """A process that can be stopped, killed, and started again on its port."""

    environment = {}

    def __init__(self, *arguments):
        self.port = free_port()
        self.arguments = arguments
        self.log = tempfile.TemporaryFile("w+")
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.command(),
            stdout=subprocess.DEVNULL,
            stderr=self.log,
            env={**os.environ, **self.environment},
        )
        processes.append(self.process)
        wait_for(self.port, type(self).__name__)

    def stop(self):
        """Stops it where it stands (SIGSTOP), and returns when it stands."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def lines(self):
        """The lines that it wrote to its standard error output."""
        self.log.seek(0)
        return self.log.read().splitlines()

    def said(self):
        """The last of them."""
        return self.lines()[-20:]

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Origin(Peer):
    def command(self):
        script = os.path.join(os.path.dirname(__file__), "origin.py")
        return [sys.executable, script, str(self.port)]


class Proxy(Peer):
    """A strata-proxy in front of an origin, with its cache in Redis where there is one."""

    def __init__(self, origin, redis=None):
        where = ["--redis", redis.url] if redis else []
        super().__init__("--upstream", f"http://127.0.0.1:{origin.port}", *where)

    def command(self):
        listen = f"127.0.0.1:{self.port}"
        return [os.path.join(BUILT, "strata-proxy"), "--listen", listen, *self.arguments]


class Example(Peer):
    """An instance of strata-example."""

    environment = {"STRATA_ADMIN_TOKEN": "letmein", "STRATA_SECRET": "the secret of the fault checks and of nothing else"}

    def __init__(self, url, database):
        super().__init__("--redis", url, "--database", database)

    def command(self):
        listen = f"127.0.0.1:{self.port}"
        return [os.path.join(BUILT, "strata-example"), "--listen", listen, *self.arguments]


class Redis(Peer):
    """A redis-server without persistence; a replica writes what it is sent into a file."""

    def __init__(self, *arguments):
        self.directory = tempfile.TemporaryDirectory()
        super().__init__("--dir", self.directory.name, *arguments)

    def command(self):
        return [
            shutil.which("redis-server"),
            *["--port", str(self.port), "--bind", "127.0.0.1", "--save", ""],
            *["--appendonly", "no", "--enable-debug-command", "yes", *self.arguments],
        ]

    def forget(self):
        """Has it start without what it saved, or copied of another."""
        for name in os.listdir(self.directory.name):
            os.unlink(os.path.join(self.directory.name, name))

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        super().start()
        while self.ask("PING") != "PONG":
            time.sleep(0.01)

    def ask(self, *words):
        """Redis' reply to a command: a text, a number, None, or a list of these."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as connection:
            words = [str(word).encode() for word in words]
            parts = [b"*%d\r\n" % len(words)] + [b"$%d\r\n%s\r\n" % (len(w), w) for w in words]
            connection.sendall(b"".join(parts))
            return reply(connection.makefile("rb"))

    def section(self, name):
        """A section of INFO."""
        lines = self.ask("INFO", name).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def calls(self):
        """How often each command was called since the statistics were reset, and its time in us."""
        found = {}
        for name, line in self.section("commandstats").items():
            numbers = dict(part.split("=") for part in line.split(","))
            found[name.removeprefix("cmdstat_")] = int(numbers["calls"]), int(numbers["usec"])
        return found

    def keys_without_expiry(self):
        cursor, found = "0", []
        while True:
            cursor, keys = self.ask("SCAN", cursor, "COUNT", "1000")
            found += [key for key in keys if self.ask("PTTL", key) == -1]
            if cursor == "0":
                return found


def reply(stream):
    line = stream.readline().rstrip(b"\r\n").decode()
    kind, rest = line[:1], line[1:]
    if kind == ":":
        return int(rest)
    if kind == "$":
        return None if rest == "-1" else stream.read(int(rest) + 2)[:-2].decode("latin1")
    if kind == "*":
        return [reply(stream) for _ in range(int(rest))]
    return rest
