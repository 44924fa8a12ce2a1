"""Get COCO (section 4.3): fetch, check, unpack and count; or use the one that is on the disk.

In the data set's folder lie, beside COCO's own folders:

    download.lock.json   size and checksum of each archive as first seen; checked from then on
    downloads/           archives under way; a zip put there by hand is checked and used

A zip is removed after it is unpacked unless its entry in the manifest says `keep: true`.
"""

import fcntl
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cornernet.config.schema import Split, SplitFiles
from cornernet.data.download.acquire import FOLDER, acquire, bytes_there, zip_path
from cornernet.data.download.inventory import SplitInventory, is_there, take_inventory
from cornernet.data.download.manifest import Archive, needed_archives, peak_bytes, read_manifest
from cornernet.data.download.progress import size_text, write_errors
from cornernet.data.download.seen import read_seen
from cornernet.data.download.transfer import Patience
from cornernet.errors import BadInput


def free_bytes(folder: Path) -> int:
    """Bytes of free disk where `folder` lies."""
    return shutil.disk_usage(folder).free


def download_files(
    root: Path,
    files: Mapping[str, Mapping[str, Any]],
    needed: Mapping[Split, SplitFiles],
    report: Callable[[str], None],
    patience: Patience | None = None,
    free: Callable[[Path], int] = free_bytes,
) -> dict[str, Any]:
    """Have every folder and annotation file of the splits `needed` in `root`; fetch what is absent.

    `files` is the manifest (`data.files`); what is in `root` already is used as it is, and nothing
    is written if nothing is absent. Interrupted and called again, it goes on where it was.
    Returns the content of source.json: archives with size and checksum, images of each split.
    Raises BadInput: manifest wrong, disk too small, no address gives a file, folder incomplete.
    """
    patience = patience or Patience()
    archives = needed_archives(read_manifest(files), needed)
    _refuse_unknown(root, archives, needed)
    found = take_inventory(root, needed)  # an incomplete folder shows before hours of transfer
    if _absent(root, archives) or _leftovers(root, archives):
        with write_errors(root / FOLDER):
            (root / FOLDER).mkdir(parents=True, exist_ok=True)
        with _alone(root / FOLDER, report):
            absent = _absent(root, archives)
            _check_disk(root, absent, free)
            for archive in absent:
                acquire(root, archive, report, patience)
            for path in _leftovers(root, archives):
                path.unlink()
        found = take_inventory(root, needed)
    _compare_with_manifest(root, archives, needed, found, report)
    return _source(root, archives, found)


def _absent(root: Path, archives: list[Archive]) -> list[Archive]:
    return [a for a in archives if not all(is_there(root, target) for target in a.targets)]


def _refuse_unknown(
    root: Path, archives: list[Archive], needed: Mapping[Split, SplitFiles]
) -> None:
    """Raise BadInput for a path that is neither on the disk nor in any archive."""
    given = {target for archive in archives for target in archive.targets}
    paths = [path for files in needed.values() for path in (files.images, files.annotations)]
    problems = [
        f"{root / path}: is not there, and no entry of data.files gives it; set data.root to the "
        "folder of a data set that is complete, or add an entry"
        for path in dict.fromkeys(paths)
        if path not in given and not is_there(root, path)
    ]
    if problems:
        raise BadInput(problems)


def _check_disk(root: Path, absent: list[Archive], free: Callable[[Path], int]) -> None:
    there = {archive.name: bytes_there(root, archive) for archive in absent}
    wanted, available = peak_bytes(absent, there), free(root)
    if wanted > available:
        raise BadInput(
            f"{root}: {size_text(wanted)} of free disk are needed to fetch and unpack "
            f"{', '.join(archive.name for archive in absent)}, {size_text(available)} are free; "
            "make room, or set data.root to a folder on another disk"
        )


def _leftovers(root: Path, archives: list[Archive]) -> list[Path]:
    """Zips that an interruption left behind after they were unpacked."""
    absent = _absent(root, archives)
    done = [archive for archive in archives if archive not in absent and not archive.keep]
    return [path for archive in done if (path := zip_path(root, archive)).exists()]


@contextmanager
def _alone(folder: Path, report: Callable[[str], None]) -> Iterator[None]:
    """Only one process at a time; the system lifts the lock of a killed one."""
    with (folder / ".running").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"another download into {folder} is under way; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _compare_with_manifest(
    root: Path,
    archives: list[Archive],
    needed: Mapping[Split, SplitFiles],
    found: Mapping[Split, SplitInventory],
    report: Callable[[str], None],
) -> None:
    """Say where a data set that was on the disk is another one than the manifest describes."""
    stated = {archive.folder: archive.images for archive in archives if archive.images}
    for name, split in found.items():
        folder = needed[name].images
        if stated.get(folder, split.files_in_folder) != split.files_in_folder:
            report(
                f"{root / folder}: holds {split.files_in_folder:,} images where the manifest says "
                f"{stated[folder]:,}; complete by its annotations, so it is used as it is"
            )


def _source(
    root: Path, archives: list[Archive], found: Mapping[Split, SplitInventory]
) -> dict[str, Any]:
    """The same whether the data set was fetched in this run or in an earlier one."""
    seen = read_seen(root)
    return {
        "root": str(root),
        "files": {a.name: seen.get(a.name, {"found_on_disk": True}) for a in archives},
        "splits": {name: asdict(split) for name, split in found.items()},
    }
