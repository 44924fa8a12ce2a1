"""One archive: fetched unless it is there, checked, recorded, unpacked, removed."""

import os
from collections.abc import Callable
from pathlib import Path

from cornernet.data.download.archive import BrokenArchive, unpack
from cornernet.data.download.checksums import has_checksum
from cornernet.data.download.manifest import Archive
from cornernet.data.download.seen import NAME as SEEN
from cornernet.data.download.seen import read_seen, record_seen
from cornernet.data.download.transfer import Patience, Transfer, fetch
from cornernet.errors import BadInput

FOLDER = "downloads"


def zip_path(root: Path, archive: Archive) -> Path:
    """Where the whole zip lies until it is unpacked; one put there by hand is checked and used."""
    return root / FOLDER / archive.name


def bytes_there(root: Path, archive: Archive) -> int:
    """Bytes of the zip that are on the disk already, whole or half."""
    paths = (zip_path(root, archive), _part(root, archive))
    return max((path.stat().st_size for path in paths if path.exists()), default=0)


def acquire(
    root: Path, archive: Archive, report: Callable[[str], None], patience: Patience
) -> None:
    """Have what `archive` gives in `root`. Raises BadInput if it cannot be fetched or unpacked."""
    path = zip_path(root, archive)
    seen = read_seen(root).get(archive.name, {})
    checksum, url = archive.checksum or seen.get("checksum"), seen.get("url")
    if not (path.exists() and _is_right(path, archive, checksum, report)):
        url = _fetch(root, archive, checksum, report, patience)
    if checksum is not None:
        record_seen(root, archive, path, checksum, url)
    report(f"{archive.name}: unpacking into {root}")
    try:
        unpack(path, archive, root, report, patience.report_every)
    except BrokenArchive:
        if checksum is None:  # nothing vouches for the zip: the next run fetches it anew
            path.unlink()
        raise
    if checksum is None:  # unpacked, so it was whole: from now on this one or none
        record_seen(root, archive, path, None, url)
    if not archive.keep:
        path.unlink()


def _fetch(
    root: Path,
    archive: Archive,
    checksum: str | None,
    report: Callable[[str], None],
    patience: Patience,
) -> str:
    part = _part(root, archive)
    try:
        url = fetch(Transfer(archive, checksum, part, report, patience))
    except BadInput as error:
        if archive.checksum == checksum:
            raise
        raise BadInput(
            f"{problem} (the checksum is the one first seen; if the file was replaced on purpose, "
            f"remove its entry from {root / SEEN})"
            for problem in error.problems
        ) from None
    os.replace(part, zip_path(root, archive))
    return url


def _is_right(
    path: Path, archive: Archive, checksum: str | None, report: Callable[[str], None]
) -> bool:
    """Whether a zip that lies in the folder of downloads is the one; a wrong one is removed."""
    report(f"{archive.name}: checking {path}")
    size_is_right = archive.bytes in (None, path.stat().st_size)
    if size_is_right and (checksum is None or has_checksum(path, checksum)):
        return True
    report(f"{path}: not the file of the manifest; fetching it")
    path.unlink()
    return False


def _part(root: Path, archive: Archive) -> Path:
    return root / FOLDER / f"{archive.name}.part"
