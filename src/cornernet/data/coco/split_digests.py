"""Whether a split's files are still those that `prepare` checked, told by their digests."""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cornernet.config.schema import Split, SplitFiles
from cornernet.data.coco.annotation_rules import leaves_folder
from cornernet.data.coco.annotations import read_annotation_file
from cornernet.data.coco.dataset import Dataset
from cornernet.data.coco.file_digests import (
    NOT_READ,
    FileDigest,
    digest_of_images,
    hash_file,
    read_record,
    write_record,
)
from cornernet.data.coco.images import MISSING
from cornernet.data.coco.problems import Problem, first_of
from cornernet.data.coco.split import has_annotations
from cornernet.errors import BadInput
from cornernet.progress import Progress

MEND = "put back what was checked, or run `cornernet prepare` again"


@dataclass(frozen=True)
class SplitDigests:
    """The digests of a split's files as they lie on disk; compare with those of a SplitRecord."""

    annotations: str  # SHA-256 of the annotation file's bytes
    images: str  # see file_digests.digest_of_images
    # Images that differ from what they were when the record was begun, as far as is known.
    changed_images: tuple[str, ...] = ()


def split_digests(root: Path, files: SplitFiles, name: str, record: Path) -> SplitDigests:
    """The digests of the split called `name` as its files lie under `root` now.

    `record` keeps the digest of every file; it is made if it is absent, and rewritten if a file
    changed. Only files whose size or times changed since are hashed, and only an annotation file
    whose content changed is parsed. Raises BadInput if a file is missing or cannot be read.
    """
    recorded = read_record(record)
    annotations, names = _annotations(root, files, name, recorded)
    known = {one: recorded.get(f"{files.images}/{one}", NOT_READ) for one in names}
    images = _images(root / files.images, f"{name} ({root / files.annotations})", known)
    current = record_of_split(files, annotations, images)
    if current != recorded:
        write_record(record, current)
    return SplitDigests(
        annotations=annotations.sha256,
        images=digest_of_images({file: digest.sha256 for file, digest in images.items()}),
        changed_images=tuple(file for file, digest in images.items() if digest.earlier),
    )


def record_of_split(
    files: SplitFiles, annotations: FileDigest, images: Mapping[str, FileDigest]
) -> dict[str, FileDigest]:
    """The record's content: the annotation file and the images, by their paths below data.root."""
    return {files.annotations: annotations} | {
        f"{files.images}/{name}": digest for name, digest in images.items()
    }


def changed_inputs(
    dataset: Dataset,
    root: Path,
    splits: Mapping[Split, SplitFiles],
    record_of: Callable[[str], Path],
    names: Sequence[Split],
) -> list[str]:
    """A line for each split of `names` whose files are not those that `dataset` describes.

    `record_of` gives the path of a split's record. A line says what changed, and how to mend it.
    """
    lines = []
    for name in names:
        if name not in dataset.splits or name not in splits:
            lines.append(f"{name}: is not among the splits that were checked; {MEND}")
            continue
        try:
            now = split_digests(root, splits[name], name, record_of(name))
        except BadInput as error:
            lines += error.problems
            continue
        changed = []
        if now.annotations != dataset.splits[name].annotations_sha256:
            changed.append(f"annotations changed ({root / splits[name].annotations})")
        if now.images != dataset.splits[name].images_sha256:
            some = f": {first_of(now.changed_images)}" if now.changed_images else ""
            changed.append(f"images changed ({root / splits[name].images}{some})")
        if changed:
            lines.append(f"{name}: {' and '.join(changed)} since `cornernet prepare`; {MEND}")
    return lines


def _annotations(
    root: Path, files: SplitFiles, name: str, recorded: Mapping[str, FileDigest]
) -> tuple[FileDigest, list[str]]:
    """The annotation file's digest, and the file names of the images that it declares."""
    path, prefix = root / files.annotations, f"{files.images}/"
    known = recorded.get(files.annotations)
    images = (key for key in recorded if key.startswith(prefix) and key != files.annotations)
    names = [key.removeprefix(prefix) for key in images]
    if known and names and path.is_file():
        if known.describes(path.stat()):
            return known, names
        now = hash_file(path)
        if now.sha256 == known.sha256:
            return now, names
    file = read_annotation_file(path, has_annotations(name))
    declared = (image.file_name for image in file.images)
    return file.on_disk, [name for name in dict.fromkeys(declared) if not leaves_folder(name)]


def _images(folder: Path, where: str, digests: dict[str, FileDigest]) -> dict[str, FileDigest]:
    """`digests` of images by file name, taken again where size or times changed."""
    changed, missing = [], []
    for file_name, known in digests.items():
        try:
            if not known.describes(os.stat(f"{folder}/{file_name}")):
                changed.append(file_name)
        except OSError:
            missing.append(file_name)
    if missing:
        problem = Problem(f"{MISSING} below {folder}", MEND, missing, "file")
        raise BadInput(problem.message(where))
    if not changed:
        return digests
    digests = dict(digests)
    try:
        with ThreadPoolExecutor() as pool, Progress(f"hashing {where}", len(changed)) as progress:
            hashed = pool.map(hash_file, (folder / file_name for file_name in changed))
            for file_name, now in zip(changed, hashed, strict=True):
                first = digests[file_name].earlier or digests[file_name].sha256
                digests[file_name] = now._replace(earlier=first if first != now.sha256 else "")
                progress.update()
    except OSError as error:
        raise BadInput(f"{error.filename}: cannot be read ({error.strerror}); {MEND}") from None
    return digests
