"""An origin in a process of its own, for the checks to stop and to kill.

faulty_origin.py PORT [whole]

A path is /SENT/DELIMITED/DIRECTIVES: how much of the answer is sent before the origin waits for
ever, how the content is delimited, and the answer's Cache-Control. With `whole` every answer is
sent whole, and its length is true. Each request, and the waiting, is told on the standard output.
"""

import http.server
import socket
import struct
import sys
import threading
import time

CONTENT = bytes(range(48, 112)) * 16
WHOLE = sys.argv[2:] == ["whole"]
printing = threading.Lock()


def say(line):
    with printing:
        print(line, flush=True)


def chunked(content):
    pieces = content[:100], content[100:]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        _, sent, delimited, directives = self.path.split("?")[0].split("/")
        say(f"{self.command} {self.path}")
        if sent == "unread" and not WHOLE:
            self.wait()
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        lines = ["HTTP/1.1 200 OK", f"Date: {self.date_time_string()}", 'ETag: "1"']
        lines.append(f"Cache-Control: {directives}")
        content = CONTENT
        if delimited == "chunked":
            lines.append("Transfer-Encoding: chunked")
            content = chunked(content)
        elif delimited == "close":
            lines.append("Connection: close")
            self.close_connection = True
        else:
            lie = 0 if WHOLE else {"length": 0, "more": 10, "less": -10}[delimited]
            lines.append(f"Content-Length: {len(content) + lie}")
            # Where it was announced, a connection that ends is no sign of a lie by itself.
            self.close_connection = delimited == "more"
        self.send(sent, "\r\n".join([*lines, "", ""]).encode(), content)

    def send(self, sent, head, content):
        answer = head + content
        if WHOLE or sent in ("whole", "unread"):
            self.wfile.write(answer)
        elif sent == "drip":
            for n in range(len(answer)):
                self.wfile.write(answer[n : n + 1])
                time.sleep(0.0005)
        elif sent == "reset":
            self.wfile.write(answer[: len(head) + 500])
            time.sleep(0.2)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        else:
            amounts = {"nothing": 0, "line": 12, "head": len(head), "part": len(head) + 500}
            self.wfile.write(answer[: amounts[sent]])
            self.wait()

    def wait(self):
        say("waits")
        threading.Event().wait()

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass

    def shutdown_request(self, request):
        # Without an end of its own before it, so that a connection can be broken.
        self.close_request(request)


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Answers).serve_forever()
