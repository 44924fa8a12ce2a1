"""A small data set in COCO's layout, as zips on a fault server, with its manifest."""

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from data.download.fault_server import FaultServer

from cornernet.config.schema import SplitFiles
from cornernet.data.download.download import download_files
from cornernet.data.download.transfer import Patience
from cornernet.errors import BadInput

SPLITS = {
    "train": SplitFiles("train2017", "annotations/instances_train2017.json"),
    "val": SplitFiles("val2017", "annotations/instances_val2017.json"),
    "test_dev": SplitFiles("test2017", "annotations/image_info_test-dev2017.json"),
}
ANNOTATIONS = {
    "annotations_trainval2017.zip": [SPLITS["train"].annotations, SPLITS["val"].annotations],
    "image_info_test2017.zip": [SPLITS["test_dev"].annotations],
}


def made_files(seed: int = 0) -> dict[str, bytes]:
    """Path in the data set -> bytes: a few "images" of incompressible bytes, and their JSONs."""
    files = {}
    for number, (split, places) in enumerate(SPLITS.items()):
        names = [f"{seed + number}{index:05d}.jpg" for index in range(3 + number)]
        for name in names:
            noise = hashlib.shake_256(f"{split}{name}".encode()).digest(40_000)
            files[f"{places.images}/{name}"] = noise
        images = [{"id": index, "file_name": name} for index, name in enumerate(names)]
        files[places.annotations] = json.dumps({"images": images}).encode()
    return files


def files_of(folder: Path) -> dict[str, bytes]:
    """Path in the data set -> bytes, of one that lies on the disk."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def checksum(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass
class Case:
    """`server` serves the data set `files` under /main, and under /mirror if asked to."""

    root: Path
    server: FaultServer
    files: dict[str, bytes] = field(default_factory=made_files)
    manifest: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, members in ANNOTATIONS.items():
            self.serve(name, {m: self.files[m] for m in members}, {"members": members})
        for split in SPLITS.values():
            content = {p: c for p, c in self.files.items() if p.startswith(f"{split.images}/")}
            entry = {"folder": split.images, "images": len(content)}
            self.serve(f"{split.images}.zip", content, entry)

    def serve(self, name: str, content: dict[str, bytes], entry: dict[str, Any]) -> None:
        self.serve_zip(name, zipped(content), sum(map(len, content.values())), entry)

    def serve_zip(self, name: str, zip_: bytes, unpacked: int, entry: dict[str, Any]) -> None:
        self.server.files[f"/main/{name}"] = zip_
        self.manifest[name] = {
            "url": self.server.url(f"/main/{name}"),
            "bytes": len(zip_),
            "checksum": checksum(zip_),
            "unpacked_bytes": unpacked,
            **entry,
        }

    def add_mirror(self, name: str) -> None:
        self.server.files[f"/mirror/{name}"] = self.server.files[f"/main/{name}"]
        self.manifest[name]["mirrors"] = [self.server.url(f"/mirror/{name}")]

    def download(self, **options: Any) -> dict[str, Any]:
        patience = Patience(timeout=0.5, attempts=3, report_every=0.0, sleep=self.pauses.append)
        options = {"patience": patience, **options}
        return download_files(self.root, self.manifest, SPLITS, self.lines.append, **options)

    @property
    def said(self) -> str:
        return "\n".join(self.lines)

    def requests_of(self, path: str) -> list[Any]:
        return [request for request in self.server.requests if request.path == path]

    def is_complete(self) -> bool:
        """Whether the data set is there to the byte, with no half file about."""
        here = {
            path: content
            for path, content in files_of(self.root).items()
            if path not in ("download.lock.json", "downloads/.running")
        }
        return here == self.files


def refused(case: Case, **options) -> str:
    """The one line of BadInput; nothing of the archive at fault may lie in its place."""
    with pytest.raises(BadInput) as caught:
        case.download(**options)
    assert len(caught.value.problems) == 1
    assert "\n" not in caught.value.problems[0]
    return caught.value.problems[0]


def interrupted(case: Case, moment: str) -> None:
    """Download until a line of the report contains `moment`, then as if Ctrl-C were pressed."""

    def report(line: str) -> None:
        if moment in line and "train2017" in line:
            raise KeyboardInterrupt

    patience = Patience(report_every=0.0, sleep=case.pauses.append)
    download_files(case.root, case.manifest, SPLITS, report, patience)
