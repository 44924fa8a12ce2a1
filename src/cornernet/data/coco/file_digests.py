"""SHA-256 of many files, taken again only for those whose size or times changed.

A record on disk holds the size, the times and the digest of each file as it was last hashed. The
time of the last change of the file's status (ctime) is compared too, since programs that copy or
unpack may set the time of the content (mtime) to that of another file.
"""

import csv
import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cornernet.files import replacing, status_of_regular

# A file that is written again within one tick of the file system's clock keeps its times: those of
# a file that was hashed this soon after its last change do not prove that it is still the same. Two
# seconds are FAT's tick, the coarsest. (https://git-scm.com/docs/racy-git has the same problem.)
CLOCK_TICK_NS = 2 * 10**9
UNCERTAIN = -1  # in place of a time that proves nothing


class FileDigest(NamedTuple):
    """The SHA-256 of a file, and its size and times just before it was read."""

    size: int = 0  # bytes
    mtime_ns: int = UNCERTAIN
    ctime_ns: int = UNCERTAIN
    sha256: str = ""

    def describes(self, status: os.stat_result) -> bool:
        """Whether a file that now has this status surely is as it was when it was hashed."""
        return self[:3] == (status.st_size, status.st_mtime_ns, status.st_ctime_ns)


NOT_READ = FileDigest()


def size_and_times(path: Path) -> FileDigest:
    """Size and times of a file that is to be read now, whose `sha256` is still to be filled in.

    Raises OSError if the file is not there, or is no regular file.
    """
    status = status_of_regular(path)
    changed = max(status.st_mtime_ns, status.st_ctime_ns)
    certain = changed < time.time_ns() - CLOCK_TICK_NS
    mtime_ns = status.st_mtime_ns if certain else UNCERTAIN
    return FileDigest(status.st_size, mtime_ns, status.st_ctime_ns)


def hash_file(path: Path) -> FileDigest:
    """Read and hash the file at `path`. Raises OSError if it cannot be read."""
    before = size_and_times(path)
    with path.open("rb") as stream:
        return before._replace(sha256=hashlib.file_digest(stream, "sha256").hexdigest())


def digest_of_images(sha256_by_name: Mapping[str, str]) -> str:
    """One SHA-256 for all images of a split: over their file names, sorted, and their digests."""
    lines = "".join(f"{name}\0{sha256}\n" for name, sha256 in sorted(sha256_by_name.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


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
