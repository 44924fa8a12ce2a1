"""The zip files to fetch: `data.files` of the params, checked and typed; and how they are unpacked.

They come from outside: nothing leaves the folder, no half folder appears.
"""

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from posixpath import dirname
from typing import Any, Self

import pydantic
from pydantic import Field, HttpUrl, PositiveInt
from tqdm import tqdm

from cornernet.config.schema import Split, SplitFiles
from cornernet.errors import BadInput
from cornernet.files import leaves_folder
from cornernet.progress import Progress

# What zipfile raises for a file that is not a whole, readable zip.
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


class Archive(pydantic.BaseModel):
    """A zip file to fetch, and what to take out of it.

    It gives either a folder of images (`folder`, `images`) or single files (`members`), under the
    same names as inside of the zip.
    """

    model_config = pydantic.ConfigDict(strict=True, extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[\w-][\w.-]*$")
    url: HttpUrl
    mirrors: list[HttpUrl] = []
    bytes: PositiveInt
    checksum: str = Field(pattern="^sha256:[0-9a-f]{64}$")
    unpacked_bytes: PositiveInt  # at most so many; a zip that claims more is refused
    folder: str | None = None
    images: PositiveInt | None = None  # files in `folder`
    members: list[str] = []

    @pydantic.model_validator(mode="after")
    def _check_targets(self) -> Self:
        if bool(self.folder) == bool(self.members):
            raise ValueError("needs either folder (of images) or members (single files)")
        for path in self.targets:
            if leaves_folder(path):
                raise ValueError(f"{path!r} leaves the data set's folder")
        return self

    @property
    def targets(self) -> list[str]:
        """Paths relative to the data set's root that exist once the archive is unpacked."""
        return self.members if self.folder is None else [self.folder]


def needed_archives(
    files: Mapping[str, Mapping[str, Any]], splits: Mapping[Split, SplitFiles]
) -> list[Archive]:
    """The archives of a manifest that give a path which `splits` names, in the order to fetch.

    Annotations come first, for they say how many images to expect; then the largest first: its
    zip then lies on the disk before the other folders do, which keeps the peak low.
    Raises BadInput with a line for every mistake in the manifest.
    """
    archives, problems = [], []
    for name, entry in files.items():
        try:
            archives.append(Archive(**{**entry, "name": name}))
        except pydantic.ValidationError as error:
            for item in error.errors():
                where = ".".join(map(str, ("data.files", name, *item["loc"])))
                problems.append(f"{where}: {item['msg'].removeprefix('Value error, ')}")
    if problems:
        raise BadInput(problems)
    paths = {path for split in splits.values() for path in (split.images, split.annotations)}
    needed = [archive for archive in archives if paths.intersection(archive.targets)]
    return sorted(needed, key=lambda a: (a.folder is not None, -a.bytes, a.name))


def peak_bytes(archives: Iterable[Archive]) -> int:
    """Bytes of disk that fetching and unpacking `archives` in this order takes at the highest.

    A zip is removed after it is unpacked: what counts is the worst moment and not the sum.
    """
    unpacked, peak = 0, 0
    for archive in archives:
        unpacked += archive.unpacked_bytes
        peak = max(peak, archive.bytes + unpacked)
    return peak


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
