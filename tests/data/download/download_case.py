"""A small data set in COCO's layout, as zips on a fault server, with its manifest."""

import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from data.download.fault_server import FaultServer

from cornernet.config.schema import SplitFiles
from cornernet.data.download.fetch import download_files
from cornernet.errors import BadInput

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
