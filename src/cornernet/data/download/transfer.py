"""Fetch one file: goes on where it was, retries with growing pauses, takes the next mirror."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cornernet.data.download.checksums import has_checksum
from cornernet.data.download.http_range import (
    AddressFailed,
    Interrupted,
    RangeRefused,
    request_rest,
)
from cornernet.data.download.manifest import Archive
from cornernet.data.download.progress import Progress, size_text, write_errors
from cornernet.errors import BadInput


@dataclass(frozen=True)
class Patience:
    """How long to wait, and how often to try again. Times in seconds."""

    timeout: float = 30.0  # without a byte, until a stream counts as stalled
    attempts: int = 6  # in a row without a new byte, until the next address is tried
    first_pause: float = 1.0  # doubled after every attempt in vain
    longest_pause: float = 60.0
    report_every: float = 5.0  # between two lines of progress
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Transfer:
    """What to fetch, where to, and whom to tell."""

    archive: Archive
    checksum: str | None  # the published one, or the one first seen
    part: Path  # the half-fetched file; what it holds already is not fetched again
    report: Callable[[str], None]
    patience: Patience

    @property
    def name(self) -> str:
        return self.archive.name

    @property
    def size(self) -> int:
        """Bytes fetched so far."""
        return self.part.stat().st_size if self.part.exists() else 0

    @property
    def origin(self) -> Path:
        """Where the half-fetched bytes came from: address and version, so that none are mixed."""
        return self.part.with_name(f"{self.part.name}.json")

    def discard(self) -> None:
        """Forget the bytes fetched so far."""
        self.part.unlink(missing_ok=True)
        self.origin.unlink(missing_ok=True)


def fetch(transfer: Transfer) -> str:
    """Fetch the archive into `transfer.part`; returns the address that served it.

    Size and checksum (where they are known) are right when this returns. Raises BadInput with the
    reason of each address if none gives the file; what was fetched stays for the next time.
    """
    reasons = []
    for url in transfer.archive.urls:
        try:
            _fetch_right(url, transfer)
        except AddressFailed as failure:
            reasons.append(f"{url} {failure}")
            transfer.report(f"{transfer.name}: {url} {failure}")
        else:
            transfer.origin.unlink(missing_ok=True)
            return url
    raise BadInput(
        f"{transfer.name}: no address gives it: {'; '.join(reasons)}. Try again later (what is "
        f"fetched stays), or put the file at {transfer.part.with_suffix('')} by hand"
    )


def _fetch_right(url: str, transfer: Transfer) -> None:
    """Fetch until size and checksum are right.

    A file pieced together from several transfers that turns out wrong gets one fresh attempt.
    """
    expected = transfer.checksum
    for _ in range(2):
        pieced = _fetch_whole(url, transfer)
        transfer.report(f"{transfer.name}: checking {size_text(transfer.size)}")
        if expected is None or has_checksum(transfer.part, expected):
            return
        transfer.discard()
        if not pieced:
            break
        transfer.report(f"{transfer.name}: the pieces do not make the file; fetching it anew")
    raise AddressFailed(f"gives a corrupt file (its checksum is not {expected})")


def _fetch_whole(url: str, transfer: Transfer) -> bool:
    """Fetch until no byte is missing; returns whether the file is pieced together."""
    patience = transfer.patience
    pieced = transfer.size > 0
    furthest, in_vain = transfer.size, 0
    while transfer.archive.bytes is None or transfer.size != transfer.archive.bytes:
        try:
            _fetch_piece(url, transfer)
            break
        except Interrupted as interruption:
            pieced = True
            in_vain = 0 if transfer.size > furthest else in_vain + 1
            furthest = max(furthest, transfer.size)
            if in_vain >= patience.attempts:
                raise AddressFailed(f"fails {in_vain} times in a row: {interruption}") from None
            pause = min(patience.first_pause * 2 ** max(0, in_vain - 1), patience.longest_pause)
            transfer.report(f"{transfer.name}: {interruption}; trying again in {pause:.0f} s")
            patience.sleep(pause)
    return pieced


def _fetch_piece(url: str, transfer: Transfer) -> None:
    """One request, from where the file ends."""
    offset, etag = _resumable(url, transfer)
    try:
        answer = request_rest(url, offset, etag, transfer.patience.timeout)
    except RangeRefused:
        transfer.discard()
        raise Interrupted("the server does not go on from there; starting anew") from None
    stated = transfer.archive.bytes
    with answer, write_errors(transfer.part):
        if stated is not None and answer.total not in (None, stated):
            raise AddressFailed(f"offers {answer.total:,} bytes, the manifest says {stated:,}")
        limit = answer.total if answer.total is not None else stated
        progress = Progress(
            transfer.name, answer.start, limit, transfer.report, transfer.patience.report_every
        )
        if answer.start == 0:
            transfer.discard()
        transfer.origin.write_text(json.dumps({"url": url, "etag": answer.etag}))
        with transfer.part.open("ab") as file:
            for block in answer.blocks(limit):
                file.write(block)
                progress.advance(len(block))


def _resumable(url: str, transfer: Transfer) -> tuple[int, str | None]:
    """(byte to go on from, ETag that must still hold) for a request to `url`.

    The same address goes on while its ETag holds. Another address goes on only if a checksum will
    tell whether both gave the same file.
    """
    try:
        source = json.loads(transfer.origin.read_text())
        known_url, etag = source["url"], source["etag"]
    except (OSError, ValueError, KeyError, TypeError):
        known_url, etag = None, None
    if known_url == url and etag is not None:
        return transfer.size, etag
    return (transfer.size if transfer.checksum is not None else 0), None
