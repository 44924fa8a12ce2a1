"""A file server on the loopback address that misbehaves as told: real HTTP, no mocks."""

import re
import socket
import struct
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one answer. The default goes right."""

    status: int | None = None  # answer with this error
    location: str | None = None  # redirect there
    reset_after: int | None = None  # bytes of the body until the connection is reset
    end_after: int | None = None  # bytes of the body until it ends as if it were whole
    stall_after: int | None = None  # bytes of the body until nothing comes any more
    ignore_range: bool = False  # send the whole file whatever is asked for
    wrong_range: bool = False  # send another part than was asked for
    flip_byte: int | None = None  # position in the file of a byte that is sent wrong
    surplus: int = 0  # bytes sent after the end of the file
    no_length: bool = False  # do not say how long the file is
    stated_length: int | None = None  # say this length instead of the right one


@dataclass
class FaultServer:
    """Serves `files` (path -> bytes); `faults[path]` are used up, one per request.

    `always[path]` is the fault of every later request; `requests` are (path, Range) as they came.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    always: dict[str, Fault] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)

    def __enter__(self) -> "FaultServer":
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.closing = threading.Event()
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{path}"

    def fault_of(self, path: str) -> Fault:
        if self.faults[path]:
            return self.faults[path].popleft()
        return self.always.get(path, Fault())


def _handler(server: FaultServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            server.requests.append((self.path, asked))
            fault = server.fault_of(self.path)
            if fault.location:
                self.send_response(302)
                self.send_header("Location", fault.location)
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif fault.status or self.path not in server.files:
                self.send_error(fault.status or 404)
            else:
                self._send_file(server.files[self.path], asked, fault)

        def _send_file(self, content: bytes, asked: str | None, fault: Fault) -> None:
            asked = None if fault.ignore_range else asked
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked else 0
            if asked and start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if asked else 200)
            if asked:
                shown = f"{start + fault.wrong_range}-{len(content) - 1}/{len(content)}"
                self.send_header("Content-Range", f"bytes {shown}")
            if not fault.no_length:
                length = fault.stated_length or len(content) - start
                self.send_header("Content-Length", str(length))
            self.end_headers()
            self._send_body(content, start, fault)

        def _send_body(self, content: bytes, start: int, fault: Fault) -> None:
            body = content + bytes(fault.surplus)
            if (at := fault.flip_byte) is not None:
                body = body[:at] + bytes([body[at] ^ 0xFF]) + body[at + 1 :]
            stops = (fault.reset_after, fault.stall_after, fault.end_after, len(body))
            stop = start + next(n for n in stops if n is not None)
            try:
                self.wfile.write(memoryview(body)[start:stop])
                self.wfile.flush()
            except OSError:  # the client has left
                return
            if fault.reset_after is not None:
                time.sleep(0.05)  # what was sent arrives before the reset
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
            elif fault.stall_after is not None:
                server.closing.wait(10)

    return Handler
