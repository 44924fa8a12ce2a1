"""A file server on the loopback address that misbehaves as told: real HTTP, no mocks."""

import socket
import struct
import threading
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one answer. The default goes right."""

    status: int | None = None  # answer with this status
    headers: Mapping[str, str | None] = field(default_factory=dict)  # instead of right ones
    reset_after: int | None = None  # bytes of the body until the connection is reset
    end_after: int | None = None  # bytes of the body until it ends as if it were whole
    stall_after: int | None = None  # bytes of the body until nothing comes any more
    ignore_range: bool = False  # send the whole file whatever is asked for
    flip_byte: int | None = None  # position in the file of a byte that is sent wrong
    surplus: int = 0  # bytes sent after the end of the file


class Handler(BaseHTTPRequestHandler):
    """Answers one request with the fault that is due."""

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        asked, content = self.headers.get("Range"), self.server.files.get(self.path, b"")
        self.server.requests.append((self.path, asked))
        waiting = self.server.faults[self.path]
        fault = waiting.popleft() if waiting else self.server.always.get(self.path, Fault())
        start = int(asked[len("bytes=") : -1]) if asked and not fault.ignore_range else 0
        right = 206 if start else 200
        if start >= len(content):
            right = 416 if content else 404
        self.send_response(fault.status or right)
        headers = {"Content-Length": str(len(content) - start)}
        if right == 206:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        for name, value in {**headers, **fault.headers}.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        self.send_body(content + bytes(fault.surplus), start, fault)

    def send_body(self, body: bytes, start: int, fault: Fault) -> None:
        if (at := fault.flip_byte) is not None:
            body = body[:at] + bytes([body[at] ^ 0xFF]) + body[at + 1 :]
        stops = (fault.reset_after, fault.stall_after, fault.end_after, len(body))
        stop = start + next(n for n in stops if n is not None)
        try:
            self.wfile.write(memoryview(body)[start:stop])
        except OSError:  # the client has left
            return
        if fault.reset_after is not None:
            time.sleep(0.05)  # what was sent arrives before the reset
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
        elif fault.stall_after is not None:
            self.server.closing.wait(10)


class FaultServer(ThreadingHTTPServer):
    """Serves `files` (path -> bytes), from `with FaultServer() as server:` on.

    `faults[path]` are used up, one per request; `always[path]` is the fault of every later one.
    `requests` are (path, Range) as they came.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.always: dict[str, Fault] = {}
        self.requests: list[tuple[str, str | None]] = []
        self.closing = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def __exit__(self, *error: object) -> None:
        self.closing.set()
        self.shutdown()
        super().__exit__(*error)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"
