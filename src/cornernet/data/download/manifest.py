"""The manifest of files to fetch: `data.files` of the params, checked and typed."""

from collections.abc import Iterable, Mapping
from typing import Any, Self

import pydantic
from pydantic import Field, HttpUrl, PositiveInt

from cornernet.config.schema import Split, SplitFiles
from cornernet.data.file_names import leaves_folder
from cornernet.errors import BadInput


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
