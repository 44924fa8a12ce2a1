"""Fetch one file with requests: goes on where it was, waits for servers, takes the next mirror."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests
from urllib3.util import Retry

from cornernet.data.download.manifest import Archive
from cornernet.errors import BadInput
from cornernet.progress import Progress

BLOCK_BYTES = 1 << 14  # less than one block of what arrived is lost when a stream breaks off
TIMEOUT = 30.0  # seconds without a byte, until a stream counts as stalled
# In a row without a new byte, with pauses of 0, 2, 4, ... seconds; statuses that say "not now".
RETRY = Retry(5, backoff_factor=1, status_forcelist=(408, 425, 429, 500, 502, 503, 504))


@dataclass(frozen=True)
class Transfer:
    """What to fetch, where to, and whom to tell."""

    archive: Archive
    checksum: str | None  # the published one, or the one first seen
    part: Path  # the half-fetched file; what it holds already is not fetched again
    report: Callable[[str], None]

    def run(self) -> str:
        """Fetch the archive into `part`; returns the address that served it.

        Size and checksum (where they are known) are right when this returns. Raises BadInput with
        the reason of each address if none gives the file; what was fetched stays for the next time.
        """
        reasons = []
        for url in map(str, (self.archive.url, *self.archive.mirrors)):
            try:
                self._fetch_right(url)
                return url
            except requests.RequestException as error:
                reasons.append(f"{url}: {error}")
                self._say(reasons[-1])
        raise BadInput(
            f"{self.archive.name}: no address gives it: {'; '.join(reasons)}. Try again later "
            f"(what is fetched stays), or put the file at {self.part.with_suffix('')} by hand"
        )

    def _fetch_right(self, url: str) -> None:
        """Fetch until the checksum is right; a file that turns out wrong gets one fresh attempt."""
        for _ in range(2):
            self._fetch_whole(url)
            self._say("checking")
            if self.checksum in (None, checksum_of(self.part)):
                return
            self._say(f"{self.part}: corrupt, removed")
            self.part.unlink()
        raise requests.RequestException(
            f"corrupt, its checksum is not {self.checksum} (if the file was replaced on purpose, "
            "mend data.files, or remove its entry from download.lock.json)"
        )

    def _fetch_whole(self, url: str) -> None:
        """Fetch until no byte is missing, with pauses that grow while no new byte comes."""
        furthest, retry = self._size, RETRY
        while self.archive.bytes is None or self._size != self.archive.bytes:
            try:
                return self._fetch_rest(url)
            except requests.RequestException as error:
                if self._size > furthest:
                    furthest, retry = self._size, RETRY
                if not (retry.total and _may_pass(error)):
                    raise
                retry = retry.increment()
                pause = retry.get_backoff_time()
                self._say(f"at {self._size:,} bytes: {error}; trying again in {pause:g} s")
            retry.sleep()

    def _fetch_rest(self, url: str) -> None:
        """One request, from where the file ends.

        A file is pieced together only if a checksum will tell whether the pieces fit: the server
        may have replaced it meanwhile.
        """
        offset = self._size if self.checksum is not None else 0
        name, stated = self.archive.name, self.archive.bytes
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        headers["Accept-Encoding"] = "identity"
        with requests.get(url, headers=headers, timeout=TIMEOUT, stream=True) as answer:
            span = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
            start = int(span[1]) if span and offset else 0  # 0: the server ignores Range
            if offset and (answer.status_code == 416 or start not in (0, offset)):
                self.part.unlink()  # the server does not go on from there
                return self._fetch_rest(url)
            answer.raise_for_status()
            length = answer.headers.get("Content-Length", "")
            total = start + int(length) if length.isdigit() else stated
            if stated not in (None, total):
                raise requests.RequestException(f"offers {total:,} bytes, not {stated:,}")
            with (
                self.part.open("ab" if start else "wb") as file,
                Progress(name, total, "byte", unit_scale=True, initial=start) as progress,
            ):
                for block in answer.iter_content(BLOCK_BYTES):
                    file.write(block)
                    progress.update(len(block))
                    if total is not None and file.tell() > total:
                        raise requests.RequestException(f"gives more than {total:,} bytes")
        if total is not None and self._size < total:
            raise requests.ConnectionError(f"ends before byte {total:,}")

    @property
    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _say(self, line: str) -> None:
        self.report(f"{self.archive.name}: {line}")


def checksum_of(path: Path) -> str:
    """The checksum of a file's bytes, "sha256:<hex>"."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _may_pass(error: requests.RequestException) -> bool:
    """Whether the same address may give the file a little later."""
    if error.response is not None:
        return RETRY.is_retry("GET", error.response.status_code)
    chunked = requests.exceptions.ChunkedEncodingError  # a body that breaks off
    return isinstance(error, (requests.ConnectionError, requests.Timeout, chunked))
