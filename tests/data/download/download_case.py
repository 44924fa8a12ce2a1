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
from cornernet.data.download.fetch import download_files
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
TRAIN = "/main/train2017.zip"


def made_files() -> dict[str, bytes]:
    """Path in the data set -> bytes: a few "images" of incompressible bytes, and their JSONs."""
    files = {}
    for number, (split, places) in enumerate(SPLITS.items()):
        names = [f"{number}{index:05d}.jpg" for index in range(3 + number)]
        for name in names:
            noise = hashlib.shake_256(f"{split}{name}".encode()).digest(40_000)
            files[f"{places.images}/{name}"] = noise
        images = [
            {"id": index, "file_name": name, "width": 8, "height": 8}
            for index, name in enumerate(names)
        ]
        files[places.annotations] = json.dumps({"images": images, "categories": []}).encode()
    return files


def files_of(folder: Path) -> dict[str, bytes]:
    """Path in the data set -> bytes, of one that lies on the disk."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def zipped(files: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@dataclass
class Case:
    """`server` serves the data set `files` under /main, and under /mirror if asked to."""

    root: Path
    server: FaultServer
    files: dict[str, bytes] = field(default_factory=made_files)
    manifest: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name, members in ANNOTATIONS.items():
            self.serve(name, {m: self.files[m] for m in members}, members=members)
        for split in SPLITS.values():
            content = self.files_in(split.images)
            self.serve(f"{split.images}.zip", content, folder=split.images, images=len(content))

    def files_in(self, folder: str) -> dict[str, bytes]:
        return {p: c for p, c in self.files.items() if p.startswith(f"{folder}/")}

    def serve(self, name: str, content: dict[str, bytes], **entry: Any) -> None:
        zip_ = zipped(content)
        self.server.files[f"/main/{name}"] = zip_
        self.manifest[name] = {
            "url": self.server.url(f"/main/{name}"),
            "bytes": len(zip_),
            "checksum": f"sha256:{hashlib.sha256(zip_).hexdigest()}",
            "unpacked_bytes": sum(map(len, content.values())),
            **entry,
        }

    def download(self, report: Any = None, splits: Any = SPLITS) -> dict[str, Any]:
        return download_files(self.root, self.manifest, splits, report or self.lines.append)

    def refused(self, splits: Any = SPLITS) -> list[str]:
        """The lines of BadInput."""
        with pytest.raises(BadInput) as caught:
            self.download(splits=splits)
        assert not any("\n" in line for line in caught.value.problems)
        return caught.value.problems

    def ranges_of(self, path: str) -> list[str | None]:
        """What was asked for of a file: one Range per request."""
        return [asked for name, asked in self.server.requests if name == path]

    def is_complete(self) -> bool:
        """Whether the data set is there to the byte, with no half file about."""
        here = files_of(self.root)
        here.pop("download.lock.json", None)
        here.pop("downloads/.running", None)
        return here == self.files
