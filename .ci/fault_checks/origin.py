"""An origin as a process of its own, which counts how often it is asked for each path.

/KIND/NAME[/MILLISECONDS] answers with content that follows from the path, after that time, fresh
for ten minutes; where KIND is `private` it may not be stored, and where it is `short` it is fresh
for one second. /calls/PATH answers how often that path was asked for, and /forget forgets it all.
"""

import asyncio
import collections
import sys

SIZE = 1024


def content(path):
    line = path.encode() + b"\n"
    return (line * (SIZE // len(line) + 1))[:SIZE]


def lifetime(path):
    match path.split("/")[1]:
        case "private":
            return "private"
        case "short":
            return "max-age=1"
        case _:
            return "max-age=600"


class Origin(asyncio.Protocol):
    calls = collections.Counter()

    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            target = self.buffer.split(b" ", 2)[1].decode()
            self.buffer = self.buffer[end + 4 :]
            self.answer(target)

    def answer(self, target):
        if target.startswith("/calls/"):
            return self.send(str(self.calls[target.removeprefix("/calls")]).encode(), "no-store")
        if target == "/forget":
            self.calls.clear()
            return self.send(b"", "no-store")
        self.calls[target] += 1
        parts = target.split("/")
        delay = int(parts[3]) / 1000 if len(parts) > 3 else 0
        later = asyncio.get_running_loop().call_later
        reply = (self.send, content(target), lifetime(target))
        if delay:
            later(delay, *reply)
        else:
            reply[0](*reply[1:])

    def send(self, body, cache_control):
        head = f"HTTP/1.1 200 OK\r\nCache-Control: {cache_control}\r\nContent-Length: {len(body)}"
        self.transport.write(head.encode() + b"\r\n\r\n" + body)


async def main(port):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Origin, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
