"""Reads every image of a split once: what makes one unusable, and what a user should know of it."""

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import numpy as np
import pandas as pd

from cornernet.data.coco.decoder_messages import decoder_messages
from cornernet.data.coco.images import (
    AS_STORED,
    MISSING,
    UnusableImage,
    decode_any_image,
    decode_image,
    depth_above_8_bits,
    read_bytes,
)
from cornernet.errors import Problem
from cornernet.files import FileDigest, leaves_folder, size_and_times
from cornernet.progress import Progress

# What is let through and counted, by the name of its count: what it is, and what to do about it.
REMARKS = {
    "damaged_images": ("a damaged image, a part of which may be wrong", "copy it again"),
    "images_turned_by_exif": (
        "an EXIF tag whose turn is applied, though the size cannot confirm it",
        "see whether the boxes are those of the turned image; if not, remove the tag",
    ),
    "images_left_unturned": (
        "an EXIF tag whose turn is left out, as the size says",
        "`cornernet detect` turns such photos: turn them here too, with their boxes",
    ),
    "images_above_8_bits": (
        "more than 8 bits, of which the upper 8 are kept",
        "scale the values before, if the brightest is low",
    ),
}
# The EXIF tag for a turn or a mirror image, 2 to 8, as the two orders of bytes write it.
ORIENTATIONS = (
    re.compile(rb"\x12\x01\x03\x00\x01\x00\x00\x00[\x02-\x08]\x00"),
    re.compile(rb"\x01\x12\x00\x03\x00\x00\x00\x01\x00[\x02-\x08]"),
)
# Images decoded in threads before it is looked whether a decoder told of damage.
TOGETHER = 256


@dataclass(frozen=True)
class FoundImage:
    """What was found in place of one declared image."""

    file_name: str
    on_disk: FileDigest
    problem: UnusableImage | None
    remarks: dict[str, str]  # by key of REMARKS


def read_all_images(folder: Path, images: pd.DataFrame, title: str) -> list[FoundImage]:
    """Read, hash and decode the images (a table of an AnnotationFile) below `folder`, in order.

    File names that leave the folder are skipped. `title` stands before the progress display.
    """
    inside = images.loc[[not leaves_folder(name) for name in images.file_name]]
    declared = inside[["file_name", "width", "height"]].values.tolist()
    found: list[FoundImage] = []
    # Threads use all cores: hashing and OpenCV let go of the interpreter's lock.
    with ThreadPoolExecutor() as pool, Progress(title, len(declared)) as progress:
        for start in range(0, len(declared), TOGETHER):
            batch = declared[start : start + TOGETHER]
            with decoder_messages() as damage:
                together = list(pool.map(lambda one: _read(folder, *one), batch))
            found += (_read_alone(folder, *one) for one in batch) if damage else together
            progress.update(len(batch))
    return found


def _read_alone(folder: Path, file_name: str, width: int, height: int) -> FoundImage:
    """Read an image, and say what its decoder says of damage."""
    with decoder_messages() as damage:
        found = _read(folder, file_name, width, height)
    told = {"damaged_images": f"{file_name}: {damage[0]}"} if damage and not found.problem else {}
    return replace(found, remarks=found.remarks | told)


def _read(folder: Path, file_name: str, width: int, height: int) -> FoundImage:
    path, on_disk = folder / file_name, FileDigest()
    try:
        with suppress(OSError):  # which reading it says in a line
            on_disk = size_and_times(path)
        content = read_bytes(path)
        on_disk = on_disk._replace(sha256=hashlib.sha256(content).hexdigest())
        image = decode_image(content, path, width, height)
        remarks = dict(_remarks(content, path, file_name, image))
    except UnusableImage as error:
        return FoundImage(file_name, on_disk, error, {})
    return FoundImage(file_name, on_disk, None, remarks)


def _remarks(
    content: bytes, path: Path, file_name: str, image: np.ndarray
) -> Iterator[tuple[str, str]]:
    """What a user should know of an image that is read; damage is told by its decoder."""
    if any(tag.search(content) for tag in ORIENTATIONS):
        stored, turned = decode_any_image(content, path, AS_STORED), decode_any_image(content, path)
        if stored.shape == turned.shape and not np.array_equal(stored, turned):
            yield "images_turned_by_exif", file_name
        elif image.shape == stored.shape != turned.shape:
            yield "images_left_unturned", file_name
    if depth := depth_above_8_bits(content):
        yield "images_above_8_bits", f"{file_name}: {depth}"


def image_problems(folder: Path, found: Sequence[FoundImage]) -> list[Problem]:
    """A problem for each kind of trouble that the images have."""
    if found and not folder.is_dir():
        return [Problem(f"no image folder {folder}", "see data.root and data.splits")]
    missing = any(item.problem and item.problem.kind == MISSING for item in found)
    there = _files_by_plain_name(folder) if missing else {}
    cases = defaultdict(list)
    for item in found:
        if item.problem:
            name, detail = item.file_name, item.problem.detail
            if item.problem.kind == MISSING:
                keys = enumerate(_plain_names(name))
                detail = next((f"{there[key]} is there" for key in keys if key in there), "")
            cases[item.problem.kind].append(f"{name}: {detail}" if detail else name)
    return [
        Problem(f"{what} below {folder}", remedy, names, "file")
        for (what, remedy), names in cases.items()
    ]


def _files_by_plain_name(folder: Path) -> dict[tuple[int, str], str]:
    """The files below a folder, by what `_plain_names` says of each."""
    files = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {key: name for name in files for key in enumerate(_plain_names(name))}


def _plain_names(name: str) -> tuple[str, str, str]:
    """A name without what programs change in it; without its folders, and its suffix, too.

    They change separators, letters' case, Unicode's forms of a letter, and quote as in URLs.
    """
    plain = unquote(name).replace("\\", "/").strip().casefold()
    path = PurePosixPath(unicodedata.normalize("NFC", plain))
    return str(path), path.name, path.stem
