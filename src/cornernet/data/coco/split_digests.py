"""Whether a split's files are still those that `prepare` checked, told by their SHA-256.

A record on disk holds the size, the times and the digest of each file as it was last hashed; only
files whose size or times changed are hashed again.
"""

import csv
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cornernet.config.schema import Split, SplitFiles
from cornernet.data.coco.annotations import read_annotation_file
from cornernet.data.coco.dataset import Dataset
from cornernet.data.coco.split import has_annotations
from cornernet.errors import BadInput, first_of
from cornernet.files import FileDigest, hash_file, replacing
from cornernet.progress import Progress

MEND = "put back what was checked, or run `cornernet prepare` again"


def split_digests(
    root: Path, files: SplitFiles, name: str, record: Path
) -> tuple[dict[str, str], list[str]]:
    """The digests of a split's files as they lie below `root` now, and the paths that changed.

    The digests are those of `SplitRecord.digests`. `record` holds every file as `prepare` found it,
    and what changed since is named; it is made if it is absent, and gets the times of files that
    are the same. Only files whose size or times changed are hashed, and only an annotation file
    whose content changed is parsed. Raises BadInput if a file is missing or cannot be read.
    """
    recorded, prefix = read_record(record), f"{files.images}/"
    current = _current(root, [files.annotations], recorded)
    same = current[files.annotations].sha256 == recorded.get(files.annotations, FileDigest()).sha256
    images = [path for path in recorded if path.startswith(prefix) and path not in current]
    if not (same and images):
        file = read_annotation_file(root / files.annotations, has_annotations(name))
        images = [prefix + file_name for file_name in file.images.file_name.unique()]
    current |= _current(root, images, recorded)
    changed = [
        path for path, now in current.items() if now.sha256 != recorded.get(path, now).sha256
    ]
    if not changed and current != recorded:
        write_record(record, current)
    return digests_of(files, current), changed


def digests_of(files: SplitFiles, record: Mapping[str, FileDigest]) -> dict[str, str]:
    """The digest of a split's annotation file, and one for all of its images.

    The latter is over the images' file names, sorted, and their digests.
    """
    prefix, annotations = f"{files.images}/", record[files.annotations].sha256
    images = [
        (path.removeprefix(prefix), record[path].sha256)
        for path in record.keys() - {files.annotations}
    ]
    lines = "".join(f"{name}\0{sha256}\n" for name, sha256 in sorted(images))
    return {"annotations": annotations, "images": hashlib.sha256(lines.encode()).hexdigest()}


def changed_inputs(
    dataset: Dataset,
    root: Path,
    splits: Mapping[Split, SplitFiles],
    record_of: Callable[[str], Path],
) -> list[str]:
    """A line for each of `splits` whose files are not those that `dataset` describes.

    `record_of` gives the path of a split's record. A line says what changed, and how to mend it.
    """
    lines = []
    for name, files in splits.items():
        if name not in dataset.splits:
            lines.append(f"{name}: is not among the splits that were checked; {MEND}")
            continue
        try:
            now, paths = split_digests(root, files, name, record_of(name))
        except BadInput as error:
            lines += error.problems
            continue
        then = dataset.splits[name].digests
        if kinds := " and ".join(kind for kind in now if now[kind] != then[kind]):
            where = f"{root}: {first_of(paths)}" if paths else str(root)
            lines.append(f"{name}: {kinds} changed ({where}) since `cornernet prepare`; {MEND}")
    return lines


def _current(
    root: Path, paths: Sequence[str], recorded: Mapping[str, FileDigest]
) -> dict[str, FileDigest]:
    """The digest of each file below `root`: the recorded one if its size and times are the same."""
    try:
        changed = [
            path
            for path in paths
            if not recorded.get(path, FileDigest()).describes(os.stat(os.path.join(root, path)))
        ]
        with ThreadPoolExecutor() as pool:
            hashed = pool.map(hash_file, (root / path for path in changed))
            now = Progress(f"hashing {root}", len(changed), "file", iterable=hashed)
            return {path: recorded.get(path, FileDigest()) for path in paths} | dict(
                zip(changed, now, strict=True)
            )
    except OSError as error:
        raise BadInput(f"{error.filename}: cannot be read ({error.strerror}); {MEND}") from None


def read_record(path: Path) -> dict[str, FileDigest]:
    """The digests that were recorded, by file; none if the record is absent or damaged."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return {
                name: FileDigest(int(size), int(mtime_ns), int(ctime_ns), sha256)
                for name, size, mtime_ns, ctime_ns, sha256 in csv.reader(stream)
            }
    except (FileNotFoundError, ValueError, csv.Error):
        return {}


def write_record(path: Path, digests: Mapping[str, FileDigest]) -> None:
    """Write the record atomically."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows((name, *digest) for name, digest in digests.items())
