"""Fetch one file with requests: goes on where it was, waits for servers, takes the next mirror."""

from collections.abc import Callable
from pathlib import Path

import requests
from urllib3.util import Retry

from cornernet.data.download.archive import Archive
from cornernet.errors import BadInput
from cornernet.files import hash_file
from cornernet.progress import Progress

BLOCK_BYTES = 1 << 14  # less than one block of what arrived is lost when a stream breaks off
TIMEOUT = 30.0  # seconds without a byte, until a stream counts as stalled
# In a row without a new byte, with pauses of 0, 2, 4, ... seconds; statuses that say "not now".
RETRY = Retry(5, backoff_factor=1, status_forcelist=(408, 425, 429, 500, 502, 503, 504))


def fetch(archive: Archive, part: Path, report: Callable[[str], None]) -> None:
    """Fetch `archive` into `part`; what this file holds already is not fetched again.

    Size and checksum are right when this returns. Raises BadInput with the reason of each address
    if none gives the file; what was fetched stays for the next time.
    """
    reasons = []
    for url in map(str, (archive.url, *archive.mirrors)):
        try:
            return _fetch_right(archive, url, part, report)
        except requests.RequestException as error:
            reasons.append(f"{url}: {error}")
            report(f"{archive.name}: {reasons[-1]}")
    raise BadInput(
        f"{archive.name}: no address gives it: {'; '.join(reasons)}. Try again later (what is "
        f"fetched stays), or put the file at {part.with_suffix('')} by hand"
    )


def _fetch_right(archive: Archive, url: str, part: Path, report: Callable[[str], None]) -> None:
    """Fetch until the checksum is right; a file that turns out wrong gets one fresh attempt."""
    for _ in range(2):
        _fetch_whole(archive, url, part, report)
        report(f"{archive.name}: checking")
        if is_right(archive, part):
            return
        report(f"{archive.name}: {part}: corrupt, removed")
        part.unlink()
    raise requests.RequestException(
        f"corrupt, its checksum is not {archive.checksum} (if the file was replaced on purpose, "
        "mend data.files)"
    )


def _fetch_whole(archive: Archive, url: str, part: Path, report: Callable[[str], None]) -> None:
    """Fetch until no byte is missing, with pauses that grow while no new byte comes."""
    furthest, retry = _size(part), RETRY
    while _size(part) != archive.bytes:
        try:
            return _fetch_rest(archive, url, part)
        except requests.RequestException as error:
            if _size(part) > furthest:
                furthest, retry = _size(part), RETRY
            if not (retry.total and _may_pass(error)):
                raise
            retry = retry.increment()
            pause = retry.get_backoff_time()
            at = f"{archive.name}: at {_size(part):,} bytes"
            report(f"{at}: {error}; trying again in {pause:g} s")
        retry.sleep()


def _fetch_rest(archive: Archive, url: str, part: Path) -> None:
    """One request, from where the file ends; from the start if the server ignores Range."""
    offset = _size(part)
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    headers["Accept-Encoding"] = "identity"
    with requests.get(url, headers=headers, timeout=TIMEOUT, stream=True) as answer:
        goes_on = answer.headers.get("Content-Range", "").startswith(f"bytes {offset}-")
        if answer.status_code in (206, 416) and not goes_on:
            part.unlink()
            raise requests.ConnectionError(f"does not go on from byte {offset:,}")
        answer.raise_for_status()
        start = offset if goes_on else 0
        length = answer.headers.get("Content-Length", "")
        if length.isdigit() and start + int(length) != archive.bytes:
            offered = f"offers {start + int(length):,} bytes, not {archive.bytes:,}"
            raise requests.RequestException(offered)
        with (
            part.open("ab" if start else "wb") as file,
            Progress(archive.name, archive.bytes, "byte", unit_scale=True, initial=start) as done,
        ):
            for block in answer.iter_content(BLOCK_BYTES):
                file.write(block)
                done.update(len(block))
                if file.tell() > archive.bytes:
                    raise requests.RequestException(f"gives more than {archive.bytes:,} bytes")
    if _size(part) < archive.bytes:
        raise requests.ConnectionError(f"ends before byte {archive.bytes:,}")


def is_right(archive: Archive, path: Path) -> bool:
    """Whether a file has the checksum of the archive."""
    return archive.checksum == f"sha256:{hash_file(path).sha256}"


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _may_pass(error: requests.RequestException) -> bool:
    """Whether the same address may give the file a little later."""
    if error.response is not None:
        return RETRY.is_retry("GET", error.response.status_code)
    chunked = requests.exceptions.ChunkedEncodingError  # a body that breaks off
    return isinstance(error, (requests.ConnectionError, requests.Timeout, chunked))
