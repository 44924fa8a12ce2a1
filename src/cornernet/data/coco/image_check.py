"""Reads every image of a split, on all cores: is it there, whole, and of the declared size?"""

import contextlib
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import pandas as pd

from cornernet.data.coco.file_digests import NOT_READ, FileDigest, size_and_times
from cornernet.data.coco.images import UnusableImage, decode_image, read_bytes
from cornernet.errors import Problem
from cornernet.files import leaves_folder
from cornernet.progress import Progress


@dataclass(frozen=True)
class FoundImage:
    """What was found in place of one declared image."""

    file_name: str
    on_disk: FileDigest
    problem: UnusableImage | None


def read_all_images(folder: Path, images: pd.DataFrame, title: str) -> list[FoundImage]:
    """Read, hash and decode the images (a table of an AnnotationFile) below `folder`, in order.

    File names that leave the folder are skipped. `title` stands before the progress display.
    """

    def read(file_name: str, width: int, height: int) -> FoundImage:
        on_disk, problem = NOT_READ, None
        path = folder / file_name
        try:
            with contextlib.suppress(OSError):  # which reading it says in a line
                on_disk = size_and_times(path)
            content = read_bytes(path)
            on_disk = on_disk._replace(sha256=hashlib.sha256(content).hexdigest())
            decode_image(content, path, width, height)
        except UnusableImage as error:
            problem = error
        return FoundImage(file_name, on_disk, problem)

    inside = images.loc[[not leaves_folder(name) for name in images.file_name]]
    columns = (inside[key].tolist() for key in ("file_name", "width", "height"))
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(0)  # else OpenCV prints a line of its own for each damaged image
    try:
        # Threads use all cores: hashing and OpenCV let go of the interpreter's lock.
        with ThreadPoolExecutor() as pool:
            return list(Progress(title, len(inside), iterable=pool.map(read, *columns)))
    finally:
        cv2.utils.logging.setLogLevel(level)


def image_problems(folder: Path, found: Sequence[FoundImage]) -> list[Problem]:
    """A problem for each kind of trouble that the images have."""
    if found and not folder.is_dir():
        return [Problem(f"no image folder {folder}", "see data.root and data.splits")]
    cases = defaultdict(list)
    for item in found:
        if item.problem:
            name, detail = item.file_name, item.problem.detail
            cases[item.problem.kind].append(f"{name}: {detail}" if detail else name)
    return [
        Problem(f"{what} below {folder}", remedy, names, "file")
        for (what, remedy), names in cases.items()
    ]
