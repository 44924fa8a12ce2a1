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
    drop_after: int | None = None  # bytes of the body until the connection is reset
    stall_after: int | None = None  # bytes of the body until nothing comes any more
    ignore_range: bool = False  # send the whole file whatever is asked for
    wrong_range: bool = False  # send another part than was asked for
    flip_byte: int | None = None  # position in the file of a byte that is sent wrong
    no_length: bool = False  # do not say how long the file is
    stated_length: int | None = None  # say this length instead of the right one


@dataclass
class Request:
    """A request as it came in."""

    path: str
    range: str | None
    if_range: str | None


@dataclass
class FaultServer:
    """Serves `files` (path -> bytes); `faults[path]` are used up, one a request.

    `always[path]` is the fault of every later request. `etags[path]` replaces the usual ETag.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    always: dict[str, Fault] = field(default_factory=dict)
    etags: dict[str, str | None] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

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
            server.requests.append(Request(self.path, asked, self.headers.get("If-Range")))
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
            etag = server.etags.get(self.path, f'"{hash(content)}"')
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked else 0
            holds = self.headers.get("If-Range") in (None, etag)
            if fault.ignore_range or not holds:
                asked, start = None, 0
            if asked and start >= len(content):
                self.send_error(416)
                return
            self.send_response(206 if asked else 200)
            if etag is not None:
                self.send_header("ETag", etag)
            if asked:
                shown = start + 1 if fault.wrong_range else start
                self.send_header(
                    "Content-Range", f"bytes {shown}-{len(content) - 1}/{len(content)}"
                )
            if not fault.no_length:
                length = fault.stated_length or len(content) - start
                self.send_header("Content-Length", str(length))
            self.end_headers()
            self._send_body(content, start, fault)

        def _send_body(self, content: bytes, start: int, fault: Fault) -> None:
            body = bytearray(content)
            if fault.flip_byte is not None:
                body[fault.flip_byte] ^= 0xFF
            sent = bytes(body[start:])
            stop = next((n for n in (fault.drop_after, fault.stall_after) if n is not None), None)
            try:
                self.wfile.write(sent[:stop])
                self.wfile.flush()
            except OSError:  # the client has left
                return
            if fault.drop_after is not None:
                time.sleep(0.05)  # what was sent arrives before the reset
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
            elif fault.stall_after is not None:
                server.closing.wait(10)

    return Handler
