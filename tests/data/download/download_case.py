"""A small data set in COCO's layout, as zips on a file server that misbehaves as told, with its manifest."""

import hashlib
import io
import socket
import struct
import threading
import time
import zipfile
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cornernet.config.schema import SplitFiles
from cornernet.data.download.fetch import download_files
from cornernet.errors import BadInput


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


SPLITS = {
    "train": SplitFiles("train2017", "annotations/instances_train2017.json"),
    "val": SplitFiles("val2017", "annotations/instances_val2017.json"),
    "test_dev": SplitFiles("test2017", "annotations/image_info_test-dev2017.json"),
}
TRAIN = "/main/train2017.zip"


def made_files() -> dict[str, bytes]:
    """Path in the data set -> bytes: annotations, and three "images" of 40,000 bytes per split."""
    paths = [f"{files.images}/{number}.jpg" for files in SPLITS.values() for number in range(3)]
    images = {path: hashlib.shake_256(path.encode()).digest(40_000) for path in paths}
    return images | {files.annotations: b'{"images": []}' for files in SPLITS.values()}


def zipped(files: Mapping[Any, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@dataclass
class Case:
    """`server` serves the data set `files` as `manifest` says; `lines` were reported."""

    root: Path
    server: FaultServer
    files: dict[str, bytes] = field(default_factory=made_files)
    manifest: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        train, val, test = SPLITS.values()
        members = [train.annotations, val.annotations]
        self._serve("annotations_trainval2017.zip", members, members=members)
        self._serve("image_info_test2017.zip", [test.annotations], members=[test.annotations])
        for folder in (train.images, val.images, test.images):
            self._serve(f"{folder}.zip", self.files_in(folder), folder=folder, images=3)

    def _serve(self, name: str, paths: Iterable[str], **entry: Any) -> None:
        content = {path: self.files[path] for path in paths}
        self.server.files[f"/main/{name}"] = zip_ = zipped(content)
        self.manifest[name] = {
            "url": self.server.url(f"/main/{name}"),
            "bytes": len(zip_),
            "checksum": f"sha256:{hashlib.sha256(zip_).hexdigest()}",
            "unpacked_bytes": sum(map(len, content.values())),
            **entry,
        }

    @property
    def train(self) -> dict[str, Any]:
        """The manifest's entry of train2017.zip."""
        return self.manifest["train2017.zip"]

    def files_in(self, folder: str) -> dict[str, bytes]:
        return {p: c for p, c in self.files.items() if p.startswith(f"{folder}/")}

    def put(self, path: str, content: bytes) -> Path:
        """Write a file below the data set's folder."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(content)
        return self.root / path

    def download(self, splits: Any = SPLITS) -> dict[str, Any]:
        return download_files(self.root, self.manifest, splits, self.lines.append)

    def refused(self, splits: Any = SPLITS) -> str:
        """The one line of BadInput."""
        with pytest.raises(BadInput) as caught:
            self.download(splits=splits)
        (line,) = caught.value.problems
        assert "\n" not in line
        return line

    def ranges_of(self, path: str) -> list[str | None]:
        """What was asked for of a file: one Range per request."""
        return [asked for name, asked in self.server.requests if name == path]

    def completes(self) -> bool:
        """Download; whether the data set is there to the byte, with no half file about."""
        self.download()
        paths = [
            path for path in self.root.rglob("*") if path.is_file() and path.name != ".running"
        ]
        return {str(p.relative_to(self.root)): p.read_bytes() for p in paths} == self.files
