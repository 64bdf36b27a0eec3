"""Clients that send requests over connections that stay open, and note how each went."""

import asyncio
import dataclasses
import itertools
import os
import time

from proxy_checks.wire import check

# What limits of time, and of what is done once Redis takes longer than it is given, are multiplied by:
# a busy machine is no fault of ours.
SLACK = 1 if os.environ.get("STRATA_EXACT") else 10


def check_limit(name, measured, limit, shown=""):
    """Checks what a busy machine makes worse; exactly only where that is asked for."""
    check(name, measured <= limit * SLACK, (measured, shown))


@dataclasses.dataclass
class Outcome:
    """How a request went. Times are of the clock `time.monotonic`."""

    path: str
    sent: float
    seconds: float
    status: int
    head: bytes
    body: bytes

    @property
    def kind(self):
        return self.path.split("/")[1]

    def field(self, name):
        lines = [l for l in self.head.split(b"\r\n") if l.lower().startswith(name.encode() + b":")]
        return lines[0].split(b":", 1)[1].strip().decode() if lines else ""

    @property
    def is_hit(self):
        return "; hit" in self.field("cache-status")

    @property
    def is_refusal(self):
        """Whether it says that it can't be done now, and when to ask again."""
        return self.status == 503 and self.field("retry-after") != ""

    @property
    def cookie(self):
        return self.field("set-cookie").split(";")[0]


class Connection(asyncio.Protocol):
    """One request at a time. A connection that ends amid an answer is an answer of status 0."""

    def __init__(self):
        self.buffer, self.waiter, self.answered = b"", None, 0.0

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.answered = time.monotonic()
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0 or self.waiter is None:
            return
        head = self.buffer[:end]
        length = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
        if len(self.buffer) < end + 4 + length:
            return
        message, self.buffer = self.buffer[: end + 4 + length], self.buffer[end + 4 + length :]
        waiter, self.waiter = self.waiter, None
        if not waiter.done():
            waiter.set_result((head, message[end + 4 :]))

    def connection_lost(self, error):
        self.answered = time.monotonic()
        waiter, self.waiter = self.waiter, None
        if waiter and not waiter.done():
            waiter.set_result((b"HTTP/1.1 000", b""))

    async def ask(self, path, method="GET", fields="", body=""):
        self.waiter = asyncio.get_running_loop().create_future()
        waiter, sent = self.waiter, time.monotonic()
        request = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n{body}"
        self.transport.write(request.encode())
        head, body = await asyncio.wait_for(waiter, 30)
        return Outcome(
            path, sent, self.answered - sent, int(head.split(b" ")[1].split(b"\r\n")[0]), head, body
        )


async def connect(port):
    loop = asyncio.get_running_loop()
    return (await loop.create_connection(Connection, "127.0.0.1", port))[1]


async def ask(port, path, **how):
    """The outcome of one request on a connection of its own."""
    connection = await connect(port)
    try:
        return await connection.ask(path, **how)
    finally:
        connection.transport.close()


class Load:
    """Clients that each send a request every so often, until they are told to end."""

    def __init__(self, port, paths, clients=64, interval=0.128):
        self.port, self.paths = port, iter(paths)
        self.clients, self.interval = clients, interval
        self.outcomes, self.is_over = [], False

    async def client(self, number):
        connection = await connect(self.port)
        start = time.monotonic() + self.interval * number / self.clients
        for turn in itertools.count():
            await asyncio.sleep(max(0, start + turn * self.interval - time.monotonic()))
            if self.is_over:
                return connection.transport.close()
            self.outcomes.append(await connection.ask(next(self.paths)))

    async def __aenter__(self):
        self.tasks = [asyncio.create_task(self.client(number)) for number in range(self.clients)]
        return self

    async def __aexit__(self, *_):
        self.is_over = True
        await asyncio.gather(*self.tasks)

    def between(self, start, end):
        """The outcomes of requests that were sent then, in that order."""
        return sorted((o for o in self.outcomes if start <= o.sent < end), key=lambda o: o.sent)


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0
