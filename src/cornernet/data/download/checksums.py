"""Checksums of files, written as "sha256:<hex>"."""

import hashlib
from pathlib import Path


def checksum_of(path: Path, algorithm: str = "sha256") -> str:
    """The checksum of a file's bytes."""
    with path.open("rb") as file:
        return f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"


def has_checksum(path: Path, checksum: str) -> bool:
    """Whether a file's bytes have the checksum `checksum`, "sha256:<hex>" or "md5:<hex>"."""
    return checksum_of(path, checksum.partition(":")[0]) == checksum
