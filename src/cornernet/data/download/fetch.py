"""Get COCO (section 4.3): fetch, check and unpack it; or use the one that is on the disk.

`prepare` checks its images, wherever they came from. Beside COCO's own folders lies downloads/ with
the archives under way; a zip put there by hand is checked and used.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from cornernet.config.schema import Split, SplitFiles
from cornernet.data.download.archive import Archive, needed_archives, peak_bytes, unpack
from cornernet.data.download.transfer import fetch, is_right
from cornernet.errors import BadInput
from cornernet.files import free_bytes, locked
from cornernet.progress import say

FOLDER = "downloads"


def download_files(
    root: Path,
    files: Mapping[str, Mapping[str, Any]],
    splits: Mapping[Split, SplitFiles],
    report: Callable[[str], None] = say,
) -> dict[str, Any]:
    """Have every folder and annotation file of `splits` in `root`; fetch what is absent.

    `files` is the manifest (`data.files`); what is in `root` already is used as it is, and nothing
    is written if nothing is absent. Interrupted and called again, it goes on where it was.
    Returns the content of source.json: where the data set is, and which archives hold it.
    Raises BadInput: manifest wrong, disk too small, no address gives a file, zip harmful.
    """

    def on_wait(holder: str) -> None:
        report(f"another download into {root} is under way ({holder}); waiting for it")

    archives = needed_archives(files, splits)
    given = {target for archive in archives for target in archive.targets}
    paths = {path for split in splits.values() for path in (split.images, split.annotations)}
    if unknown := [path for path in sorted(paths - given) if not _is_there(root / path)]:
        raise BadInput(
            f"{root / path}: is not there, and no entry of data.files gives it; set data.root to "
            "the folder of a data set that is complete, or add an entry"
            for path in unknown
        )
    zips = {archive.name: root / FOLDER / archive.name for archive in archives}
    if _absent(root, archives) or any(path.exists() for path in zips.values()):
        try:
            with locked(root / FOLDER / ".running", on_wait):  # one download at a time
                absent = _absent(root, archives)
                _check_free_disk(root, absent)
                for archive in absent:
                    _fetch_archive(root, archive, zips[archive.name], report)
                for path in zips.values():  # an interruption may have left one that was unpacked
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise BadInput(
                f"{error.filename or root}: cannot be written ({error.strerror}); mend that and "
                "run the same command again (it goes on where it was)"
            ) from None
    return {"root": str(root), "archives": [archive.name for archive in archives]}


def _fetch_archive(root: Path, archive: Archive, path: Path, report: Callable[[str], None]) -> None:
    """Have what `archive` gives in `root`; the zip is fetched unless it lies at `path` already."""
    if path.exists():
        report(f"{path}: checking")
        if not is_right(archive, path):
            path.unlink()
    if not path.exists():
        part = path.with_name(f"{path.name}.part")
        fetch(archive, part, report)
        os.replace(part, path)
    report(f"{archive.name}: unpacking into {root}")
    unpack(path, archive, root)
    path.unlink()


def _is_there(path: Path) -> bool:
    """Whether a file, or a folder with something in it, is at `path`."""
    return any(path.iterdir()) if path.is_dir() else path.is_file()


def _absent(root: Path, archives: list[Archive]) -> list[Archive]:
    return [a for a in archives if not all(_is_there(root / target) for target in a.targets)]


def _check_free_disk(root: Path, absent: list[Archive]) -> None:
    there = sum(path.stat().st_size for path in (root / FOLDER).iterdir())
    wanted, free = peak_bytes(absent) - there, free_bytes(root)
    if wanted > free:
        raise BadInput(
            f"{root}: {tqdm.format_sizeof(wanted)} bytes of free disk are needed to fetch and "
            f"unpack {', '.join(archive.name for archive in absent)}, {tqdm.format_sizeof(free)} "
            "are free; make room, or set data.root to a folder on another disk"
        )
