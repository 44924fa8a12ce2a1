"""Unpack a zip file that came from outside: nothing leaves the folder, no half folder appears."""

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from posixpath import dirname

from tqdm import tqdm

from cornernet.data.download.manifest import Archive
from cornernet.data.file_names import leaves_folder
from cornernet.errors import BadInput
from cornernet.progress import Progress

# What zipfile raises for a file that is not a whole, readable zip.
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


def unpack(path: Path, archive: Archive, root: Path) -> None:
    """Take what `archive` names out of the zip at `path` into `root`.

    Files are unpacked beside the zip and checked (CRC of each, count of images), then renamed into
    place: a folder in `root` is whole or is not there. Raises BadInput for a zip that is broken,
    lacks something, holds a dangerous name or link, or claims to unpack to more than the manifest
    says; OSError if it cannot be written.
    """
    beside = path.with_name(f"{path.name}.unpacked")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        with zipfile.ZipFile(path) as content:
            files = [member for member in content.infolist() if not member.is_dir()]
            wanted = [
                member
                for member in files
                if {member.filename, dirname(member.filename)} & {*archive.targets}
            ]
            for problem in _problems(files, wanted, archive):
                raise BadInput(f"{archive.name}: {problem}")
            for member in Progress(archive.name, len(wanted), "file", iterable=wanted):
                content.extract(member, beside)  # never more than its stated size
        for target in archive.targets:
            place = root / target
            place.parent.mkdir(parents=True, exist_ok=True)
            if archive.folder is not None or not place.exists():
                os.rename(beside / target, place)  # onto an empty folder at most
    except UNREADABLE as error:
        reason = str(error).strip() or type(error).__name__
        raise BadInput(f"{path}: not a whole zip file ({reason})") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _problems(
    everything: list[zipfile.ZipInfo], wanted: list[zipfile.ZipInfo], archive: Archive
) -> Iterator[str]:
    """Why a zip must not be unpacked, by its list of contents."""
    for member in everything:
        if leaves_folder(member.filename) or leaves_folder(member.orig_filename):
            yield f"refused, member {member.orig_filename!r} leaves the folder"
        # Unix permissions and type, where the packer knew them.
        if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            yield f"refused, member {member.filename!r} is a link or a special file"
    if missing := {*archive.members} - {member.filename for member in wanted}:
        yield f"does not hold {', '.join(sorted(missing))}"
    if archive.images not in (None, len(wanted)):
        yield f"holds {len(wanted):,} files in {archive.folder}, the manifest says {archive.images}"
    unpacked = sum(member.file_size for member in wanted)
    if unpacked > archive.unpacked_bytes:
        claimed, allowed = map(tqdm.format_sizeof, (unpacked, archive.unpacked_bytes))
        yield f"refused, it would unpack to {claimed} bytes, the manifest allows {allowed} bytes"
