"""Opens every image of a split once, on all cores: is it there, whole, and of the declared size?"""

import contextlib
import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2

from cornernet.data.coco.annotation_rules import leaves_folder
from cornernet.data.coco.annotations import Image
from cornernet.data.coco.images import MISSING, REMEDIES, UnusableImage, decode_image, read_bytes
from cornernet.data.coco.problems import Problem


@dataclass(frozen=True)
class FoundImage:
    """What was found in place of one declared image."""

    image: Image
    path: Path
    size: int = 0  # bytes of the file
    digest: str = ""  # SHA-256 of the file's bytes; empty if it was not read
    kind: str = ""  # of problem (see images.py), empty if there is none
    detail: str = ""


def look_at_images(
    folder: Path,
    images: Sequence[Image],
    read: bool,
    progress: Callable[[int, int], None] | None = None,
) -> list[FoundImage]:
    """Find the images below `folder`, in the order given; file names that leave it are skipped.

    `read`: decode each and take the digest of its bytes; otherwise only its length is looked up.
    `progress` is called with the images done and the images in all.
    """
    inside = [image for image in images if not leaves_folder(image.file_name)]
    if not folder.is_dir():
        return [FoundImage(image, folder / image.file_name, kind=MISSING) for image in inside]
    look = _read if read else _look_up
    found = []
    with _quiet_opencv(), _all_cores() as pool:
        for result in pool.map(lambda image: look(folder / image.file_name, image), inside):
            found.append(result)
            if progress is not None:
                progress(len(found), len(inside))
    return found


def image_problems(folder: Path, found: Sequence[FoundImage]) -> list[Problem]:
    """A problem for each kind of trouble that the images have."""
    if found and not folder.is_dir():
        return [Problem(f"no image folder {folder}", "see data.root and data.splits")]
    cases = defaultdict(list)
    for item in found:
        if item.kind:
            name = item.image.file_name
            cases[item.kind].append(f"{name}: {item.detail}" if item.detail else name)
    return [
        Problem(f"{kind} below {folder}", REMEDIES[kind], names, "file")
        for kind, names in cases.items()
    ]


def digest_of_images(found: Sequence[FoundImage]) -> str:
    """SHA-256 over file names and contents (over names and lengths, if they were not read)."""
    total = hashlib.sha256()
    for item in sorted(found, key=lambda item: item.image.file_name):
        total.update(f"{item.image.file_name}\0{item.digest or item.size}\n".encode())
    return total.hexdigest()


def _look_up(path: Path, image: Image) -> FoundImage:
    try:
        return FoundImage(image, path, path.stat().st_size)
    except OSError:
        return FoundImage(image, path, kind=MISSING)


def _read(path: Path, image: Image) -> FoundImage:
    try:
        content = read_bytes(path)
    except UnusableImage as problem:
        return FoundImage(image, path, kind=problem.kind, detail=problem.detail)
    digest = hashlib.sha256(content).hexdigest()
    try:
        decode_image(content, path, image.width, image.height)
    except UnusableImage as problem:
        return FoundImage(image, path, len(content), digest, problem.kind, problem.detail)
    return FoundImage(image, path, len(content), digest)


@contextlib.contextmanager
def _all_cores() -> Iterator[ThreadPoolExecutor]:
    """Threads for all cores of this process (OpenCV decodes without the interpreter's lock).

    Whatever is not begun is dropped when the block is left early, by Ctrl-C for example.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    pool = ThreadPoolExecutor(cores)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _quiet_opencv() -> Iterator[None]:
    """Keeps OpenCV from printing a line of its own for each damaged image."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(0)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
