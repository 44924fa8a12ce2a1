"""What of a COCO-format data set lies on the disk: images in the folders, held against the JSON."""

import os
from collections.abc import Mapping
from pathlib import Path

from cornernet.config.schema import Split, SplitFiles
from cornernet.data.coco.annotations import read_annotation_file
from cornernet.errors import BadInput


def is_there(root: Path, target: str) -> bool:
    """Whether a file, or a folder with something in it, is at `root`/`target`."""
    path = root / target
    return any(path.iterdir()) if path.is_dir() else path.is_file()


def count_images(root: Path, splits: Mapping[Split, SplitFiles]) -> dict[Split, dict[str, int]]:
    """Of each split the images that its annotations name, and those in its folder.

    Splits of which annotations or folder are absent are left out. Raises BadInput, a line for each
    split, if annotations are unreadable or a folder lacks an image that the annotations name.
    """
    found, problems = {}, []
    for name, files in splits.items():
        if is_there(root, files.images) and is_there(root, files.annotations):
            try:
                found[name] = _count(root / files.annotations, root / files.images)
            except BadInput as error:
                problems += error.problems
    if problems:
        raise BadInput(problems)
    return found


def _count(annotations: Path, folder: Path) -> dict[str, int]:
    images = read_annotation_file(annotations, need_annotations=False).images
    named = {image.file_name for image in images}
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
    return {"named_images": len(named), "files_in_folder": len(present)}
