"""One HTTP request for the rest of a file, with the ways in which it can go wrong told apart."""

import functools
import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

# Statuses that say "not now" rather than "not here": worth another attempt.
PASSING_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
BLOCK_BYTES = 1 << 20


class AddressFailed(Exception):
    """This address cannot give the file; another one may."""


class RangeRefused(AddressFailed):
    """The address has no bytes from the position asked for; it may have the file all the same."""


class Interrupted(Exception):
    """The transfer broke off; the same address may go on."""


class RestOfFile:
    """An open answer: bytes of a file from `start` on. A context manager.

    `start` is 0 if the server ignores Range or holds another version; `total` is the size of the
    whole file in bytes, if the server tells; `etag` is set only if it may be used to resume.
    """

    def __init__(self, answer: Any, offset: int) -> None:
        self._answer = answer
        self.etag: str | None = _strong_etag(answer)
        self.start, self.total = _span(answer, offset)

    def __enter__(self) -> "RestOfFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._answer.close()

    def blocks(self, limit: int | None) -> Iterator[bytes]:
        """The bytes as they arrive, up to position `limit`; raises Interrupted if they cease."""
        position = self.start
        while limit is None or position < limit:
            wanted = BLOCK_BYTES if limit is None else min(BLOCK_BYTES, limit - position)
            try:
                block = self._answer.read1(wanted)
            except TimeoutError:
                raise Interrupted(f"the stream stalled at {position:,} bytes") from None
            except (OSError, http.client.HTTPException) as error:
                raise Interrupted(f"the connection broke off at {position:,} bytes") from error
            if not block:
                break
            position += len(block)
            yield block
        if limit is not None and position < limit:
            raise Interrupted(f"the connection broke off at {position:,} of {limit:,} bytes")


def request_rest(url: str, offset: int, if_range: str | None, timeout: float) -> RestOfFile:
    """Ask `url` for its bytes from `offset` on.

    `if_range`: the ETag of the version that the first `offset` bytes came from; the server then
    sends a changed file from its start. `timeout`: seconds without a byte. Raises AddressFailed or
    Interrupted.
    """
    headers = {"User-Agent": "cornernet", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if if_range:
            headers["If-Range"] = if_range
    request = urllib.request.Request(url, headers=headers)
    try:
        return RestOfFile(_opener().open(request, timeout=timeout), offset)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise RangeRefused(f"holds no bytes from {offset:,} on") from None
        failure = Interrupted if error.code in PASSING_STATUSES else AddressFailed
        reason = " ".join(str(error.reason).split())
        raise failure(f"answers {error.code} {reason}") from None
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
        raise Interrupted(f"no connection ({getattr(error, 'reason', error)})") from None


@functools.cache
def _opener() -> urllib.request.OpenerDirector:
    """HTTP and HTTPS alone: a redirect leads neither to a local file nor to FTP."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def _span(answer: Any, offset: int) -> tuple[int, int | None]:
    """(first byte, size of the whole file) of an answer to a request from `offset` on."""
    length = answer.headers.get("Content-Length")
    if answer.status == http.HTTPStatus.PARTIAL_CONTENT:
        span = re.fullmatch(
            r"bytes (\d+)-(\d+)/(\d+|\*)", answer.headers.get("Content-Range", "").strip()
        )
        if span is None or int(span[1]) != offset:
            answer.close()
            raise RangeRefused("answers with another range than was asked for")
        return offset, int(span[2]) + 1 if span[3] == "*" else int(span[3])
    return 0, int(length) if length is not None and length.isdigit() else None


def _strong_etag(answer: Any) -> str | None:
    """If-Range takes no weak ETag, which says "alike", not "the same bytes" (RFC 9110, 13.1.5)."""
    etag = answer.headers.get("ETag")
    return None if etag is None or etag.startswith("W/") else etag
