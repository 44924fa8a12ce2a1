"""What of a COCO-format data set lies on the disk: images in the folders, held against the JSON."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cornernet.config.schema import Split, SplitFiles
from cornernet.data.download.checksums import checksum_of
from cornernet.errors import BadInput


@dataclass(frozen=True)
class SplitInventory:
    """One split as found: images that its annotations name, files in its folder of images."""

    named_images: int
    files_in_folder: int
    annotations_bytes: int
    annotations_checksum: str


def is_there(root: Path, target: str) -> bool:
    """Whether a file, or a folder with something in it, is at `root`/`target`."""
    path = root / target
    if path.is_dir():
        with os.scandir(path) as entries:
            return next(entries, None) is not None
    return path.is_file()


def take_inventory(root: Path, splits: Mapping[Split, SplitFiles]) -> dict[Split, SplitInventory]:
    """Count the images of each split; those of which annotations or folder are absent are left out.

    Raises BadInput, a line for each split, if annotations are unreadable or a folder lacks an
    image that the annotations name.
    """
    found, problems = {}, []
    for name, files in splits.items():
        if is_there(root, files.images) and is_there(root, files.annotations):
            try:
                found[name] = _inventory(root, files)
            except BadInput as error:
                problems += error.problems
    if problems:
        raise BadInput(problems)
    return found


def _inventory(root: Path, files: SplitFiles) -> SplitInventory:
    annotations, folder = root / files.annotations, root / files.images
    named = _named_images(annotations)
    with os.scandir(folder) as entries:
        # An empty file is what a copy that ran out of disk leaves behind: no image.
        present = {entry.name for entry in entries if entry.is_file() and entry.stat().st_size > 0}
    missing = sorted(named - present)
    if missing:
        raise BadInput(
            f"{folder}: lacks {len(missing):,} of the {len(named):,} images that {annotations} "
            f"names ({', '.join(missing[:3])}{', ...' if len(missing) > 3 else ''}); complete the "
            "folder, or remove it to have it downloaded"
        )
    return SplitInventory(
        named_images=len(named),
        files_in_folder=len(present),
        annotations_bytes=annotations.stat().st_size,
        annotations_checksum=checksum_of(annotations),
    )


def _named_images(path: Path) -> set[str]:
    """File names of the images in an annotation file."""
    try:
        tree = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{path}: not readable as JSON ({error}); remove it to have it downloaded"
        ) from None
    try:
        return {str(image["file_name"]) for image in tree["images"]}
    except (KeyError, TypeError):
        raise BadInput(
            f"{path}: not COCO's format (no list `images` with a `file_name` each)"
        ) from None
