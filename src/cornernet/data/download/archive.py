"""Unpack a zip file that came from outside: nothing leaves the folder, no half folder appears."""

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from cornernet.data.download.manifest import Archive, is_inside
from cornernet.data.download.progress import Progress, size_text, write_errors
from cornernet.errors import BadInput

BLOCK_BYTES = 1 << 20
# What zipfile raises for a file that is not a whole, readable zip.
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


class BrokenArchive(BadInput):
    """A zip that can never be unpacked, as against one for which there is no room."""


def unpack(
    path: Path, archive: Archive, root: Path, report: Callable[[str], None], every: float = 5.0
) -> None:
    """Take what `archive` names out of the zip at `path` into `root`.

    Files are unpacked beside the zip and checked (CRC of each, count of images), then renamed into
    place: a folder in `root` is whole or is not there. `every`: seconds between lines of progress.
    Raises BrokenArchive for a zip that is broken, lacks something, holds a dangerous name or link,
    or claims to unpack to more than the manifest says; BadInput if there is no room.
    """
    beside = path.with_name(f"{path.name}.unpacked")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        with zipfile.ZipFile(path) as content:
            members = _chosen_members(content, archive)
            _extract(content, members, beside, archive, report, every)
        _move(beside, archive, root)
    except UNREADABLE as error:
        raise BrokenArchive(
            f"{path}: not a whole zip file ({str(error).strip() or type(error).__name__})"
        ) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _chosen_members(content: zipfile.ZipFile, archive: Archive) -> list[zipfile.ZipInfo]:
    """The members to extract, after the whole list of contents was found harmless."""
    members = content.infolist()
    problems = [
        f"{archive.name}: refused, {problem}"
        for member in members
        if (problem := _danger(member)) is not None
    ]
    if problems:
        raise BrokenArchive(problems[:3])
    chosen = [member for member in members if not member.is_dir() and _is_wanted(member, archive)]
    names = {member.filename for member in chosen}
    if len(names) != len(chosen):
        raise BrokenArchive(f"{archive.name}: refused, it holds a file twice under the same name")
    missing = [name for name in archive.members if name not in names]
    if missing:
        raise BrokenArchive(f"{archive.name}: does not hold {', '.join(missing)}")
    if archive.images is not None and len(chosen) != archive.images:
        raise BrokenArchive(
            f"{archive.name}: holds {len(chosen):,} files in {archive.folder}, "
            f"the manifest says {archive.images:,}"
        )
    unpacked = sum(member.file_size for member in chosen)
    if unpacked > archive.unpacked_bytes:
        raise BrokenArchive(
            f"{archive.name}: refused, it would unpack to {size_text(unpacked)}, the manifest "
            f"allows {size_text(archive.unpacked_bytes)}"
        )
    return chosen


def _danger(member: zipfile.ZipInfo) -> str | None:
    """Why a member must not be unpacked, or None."""
    if not is_inside(member.filename) or not is_inside(member.orig_filename):
        return f"member {member.orig_filename!r} leaves the folder"
    mode = member.external_attr >> 16  # Unix permissions and type, where the packer knew them
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return f"member {member.filename!r} is a link or a special file"
    return None


def _is_wanted(member: zipfile.ZipInfo, archive: Archive) -> bool:
    if archive.folder is None:
        return member.filename in archive.members
    return PurePosixPath(member.filename).parent == PurePosixPath(archive.folder)


def _extract(
    content: zipfile.ZipFile,
    members: list[zipfile.ZipInfo],
    beside: Path,
    archive: Archive,
    report: Callable[[str], None],
    every: float,
) -> None:
    """Write the members below `beside`; zipfile checks the CRC of each and its stated size."""
    total = sum(member.file_size for member in members)
    progress = Progress(f"unpacking {archive.name}", 0, total, report, every)
    for member in members:
        target = beside / member.filename
        with write_errors(target), content.open(member) as source:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                shutil.copyfileobj(source, file, BLOCK_BYTES)
        progress.advance(member.file_size)


def _move(beside: Path, archive: Archive, root: Path) -> None:
    """Rename what was unpacked into place. Files that are there already are left alone."""
    for target in archive.targets:
        place = root / target
        with write_errors(place):
            place.parent.mkdir(parents=True, exist_ok=True)
            if archive.folder is not None or not place.exists():
                os.rename(beside / target, place)  # onto an empty folder at most
