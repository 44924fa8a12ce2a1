"""The manifest of files to fetch: `data.files` of the params, checked and typed."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from cornernet.config.schema import Split, SplitFiles
from cornernet.errors import BadInput

KEYS = {
    "url",
    "mirrors",
    "bytes",
    "checksum",
    "unpacked_bytes",
    "folder",
    "images",
    "members",
    "keep",
}


@dataclass(frozen=True)
class Archive:
    """A zip file to fetch, and what to take out of it.

    It gives either a folder of images (`folder`, `images`) or single files (`members`), under the
    same names as inside of the zip.
    """

    name: str
    urls: tuple[str, ...]  # the first is tried first, the others are mirrors
    bytes: int | None  # None: not published
    checksum: str | None  # "sha256:<hex>"; None: not published
    unpacked_bytes: int  # at most so many; a zip that claims more is refused
    folder: str | None
    images: int | None  # files in `folder`
    members: tuple[str, ...]
    keep: bool  # the zip stays after it is unpacked

    @property
    def targets(self) -> tuple[str, ...]:
        """Paths relative to the data set's root that exist once the archive is unpacked."""
        return (self.folder,) if self.folder is not None else self.members


def read_manifest(files: Mapping[str, Mapping[str, Any]]) -> list[Archive]:
    """The archives of a manifest; raises BadInput with a line for every entry that is wrong."""
    problems = [
        f"data.files.{name}: {problem}"
        for name, entry in files.items()
        for problem in _problems(name, entry)
    ]
    if problems:
        raise BadInput(problems)
    return [_archive(name, entry) for name, entry in files.items()]


def needed_archives(
    archives: Iterable[Archive], splits: Mapping[Split, SplitFiles] | None
) -> list[Archive]:
    """The archives that give a path which `splits` names (all of them if `splits` is None).

    Annotations come first, for they say how many images to expect; then the largest first: its
    zip then lies on the disk before the other folders do, which keeps the peak low.
    """
    chosen = list(archives)
    if splits is not None:
        paths = {path for split in splits.values() for path in (split.images, split.annotations)}
        chosen = [archive for archive in chosen if paths.intersection(archive.targets)]
    return sorted(chosen, key=lambda a: (a.folder is not None, -(a.bytes or 0), a.name))


def describe_download(
    files: Mapping[str, Mapping[str, Any]], splits: Mapping[Split, SplitFiles] | None = None
) -> tuple[int, int]:
    """(bytes to fetch, bytes on disk at the highest) when nothing is there yet.

    A size that the manifest does not know counts as the unpacked size.
    """
    archives = needed_archives(read_manifest(files), splits)
    return sum(_fetched(archive) for archive in archives), peak_bytes(archives)


def peak_bytes(archives: Iterable[Archive], there: Mapping[str, int] | None = None) -> int:
    """Bytes of free disk that fetching and unpacking `archives` in this order needs.

    `there`: bytes of a zip that are on the disk already, by name. A zip is removed after it is
    unpacked, unless it is kept, so what counts is the worst moment and not the sum.
    """
    there = there or {}
    occupied, peak = 0, 0
    for archive in archives:
        fetched = max(0, _fetched(archive) - there.get(archive.name, 0))
        peak = max(peak, occupied + fetched + archive.unpacked_bytes)
        released = 0 if archive.keep else _fetched(archive)
        occupied += fetched + archive.unpacked_bytes - released
    return peak


def _fetched(archive: Archive) -> int:
    return archive.unpacked_bytes if archive.bytes is None else archive.bytes


def _archive(name: str, entry: Mapping[str, Any]) -> Archive:
    return Archive(
        name=name,
        urls=(entry["url"], *(entry.get("mirrors") or ())),
        bytes=entry.get("bytes"),
        checksum=entry.get("checksum"),
        unpacked_bytes=entry["unpacked_bytes"],
        folder=entry.get("folder"),
        images=entry.get("images"),
        members=tuple(entry.get("members") or ()),
        keep=bool(entry.get("keep", False)),
    )


def _problems(name: str, entry: Mapping[str, Any]) -> Iterable[str]:
    if "/" in name or "\\" in name or name.startswith("."):
        yield "must be a plain file name"
    for key in sorted(set(entry) - KEYS):
        yield f"unknown key {key!r}; known are {', '.join(sorted(KEYS))}"
    for url in (entry.get("url"), *(entry.get("mirrors") or ())):
        if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https"):
            yield f"url and mirrors must be http or https addresses (got {url!r})"
    for key, optional in (("bytes", True), ("unpacked_bytes", False), ("images", True)):
        value = entry.get(key)
        if not (optional and value is None) and not _is_positive(value):
            yield f"{key} must be a positive whole number (got {value!r})"
    if not _is_checksum(entry.get("checksum")):
        yield f"checksum must be null, sha256:<hex> or md5:<hex> (got {entry['checksum']!r})"
    targets = [entry["folder"]] if entry.get("folder") else list(entry.get("members") or ())
    if bool(entry.get("folder")) == bool(entry.get("members")):
        yield "needs either folder (of images) or members (single files)"
    for target in targets:
        if not (isinstance(target, str) and is_inside(target)):
            yield f"{target!r} leaves the data set's folder"


def _is_positive(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_checksum(value: Any) -> bool:
    if value is None:
        return True
    algorithm, _, digest = str(value).partition(":")
    if algorithm not in ("sha256", "md5"):
        return False
    length = 2 * hashlib.new(algorithm, usedforsecurity=False).digest_size
    return len(digest) == length and not set(digest) - set("0123456789abcdef")


def is_inside(path: str) -> bool:
    """Whether a relative POSIX path stays in the folder that it is joined to."""
    parts = PurePosixPath(path).parts
    return (
        bool(parts)
        and not path.startswith("/")
        and ".." not in parts
        and not any(character in path for character in "\\\0")
        and ":" not in parts[0]
    )
