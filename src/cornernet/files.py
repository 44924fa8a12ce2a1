"""Files: atomic writes (a reader sees the old or the new, never a half), locks, names, digests."""

import errno
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

# Of names that a killed process may leave behind.
UNFINISHED = ".unfinished-"
# What flock(2) answers on a file system without locks, as NFS, Lustre and FUSE may be mounted.
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
# A file that is written again within one tick of the file system's clock keeps its times: those of
# a file that was hashed this soon after its last change do not prove that it is still the same. Two
# seconds are FAT's tick, the coarsest. (https://git-scm.com/docs/racy-git has the same problem.)
CLOCK_TICK_NS = 2 * 10**9
UNCERTAIN = -1  # in place of a time that proves nothing


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path in the same folder; on disk, then renamed to `path`, when the block ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f"{UNFINISHED}{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        with temporary.open("r+b") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def status_of_regular(path: Path) -> os.stat_result:
    """The status of a file that is to be read.

    Raises OSError for what is no regular file, such as a pipe, whose reading may never end.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return status


def leaves_folder(file_name: str) -> bool:
    """Whether a path from outside may leave the folder that it is joined to, on any system."""
    parts = re.split(r"[/\\]", file_name)
    drive = parts[0][1:2] == ":"
    return not {*parts} - {"", "."} or parts[0] == "" or ".." in parts or drive or "\0" in file_name


def remove_unfinished(folder: Path) -> None:
    """Remove what killed processes left half-written in `folder`."""
    for path in folder.glob(f"{UNFINISHED}*"):
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` (UTF-8, line feeds) to `path` atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON to `path` atomically; the same value gives the same bytes."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")


def write_if_changed(path: Path, text: str) -> None:
    """Write `text` unless the file holds just that, so that its time stays that of its content."""
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def free_bytes(folder: Path) -> int:
    """What is free on the disk that `folder`, or a link at its place, is on or is to be made on."""
    real = Path(os.path.realpath(folder))  # a link to itself is no error here
    there = next(path for path in (real, *real.parents) if path.exists())
    return shutil.disk_usage(there).free


@contextmanager
def locked(path: Path, on_wait: Callable[[str], None]) -> Iterator[bool]:
    """Hold the lock file `path` within the block; the system frees it when the process is killed.

    If another process holds it, `on_wait` is told once which one, and may raise; else its end is
    waited for. Yields whether the lock is held: False on a file system that has no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not _has_locks(path):
        yield False
        return
    lock = FileLock(path)
    try:
        held = lock.acquire(timeout=0.5)  # `_has_locks` holds it for a moment, too
    except Timeout:
        on_wait(path.read_text() or "another process")
        held = lock.acquire()
    with held:
        path.write_text(f"process {os.getpid()} on {platform.node()}")
        yield True


def _has_locks(path: Path) -> bool:
    """Whether the file system of a lock file, which is made if it is not there, has locks."""
    with path.open("a+") as stream:  # over NFS a shared lock needs a file open for reading
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in NO_LOCKS
    return True


class FileDigest(NamedTuple):
    """The SHA-256 of a file, and its size and times just before it was read; by default of none.

    The time of the last change of the file's status (ctime) counts too, since programs that copy
    or unpack may set the time of the content (mtime) to that of another file.
    """

    size: int = 0  # bytes
    mtime_ns: int = UNCERTAIN
    ctime_ns: int = UNCERTAIN
    sha256: str = ""

    def describes(self, status: os.stat_result) -> bool:
        """Whether a file that now has this status surely is as it was when it was hashed."""
        return self[:3] == (status.st_size, status.st_mtime_ns, status.st_ctime_ns)


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
