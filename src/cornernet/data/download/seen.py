"""The record of archives as first seen: size and checksum of each, beside the data set."""

import json
import os
from pathlib import Path
from typing import Any

from cornernet.data.download.checksums import checksum_of
from cornernet.data.download.manifest import Archive
from cornernet.data.download.progress import write_errors
from cornernet.errors import BadInput

NAME = "download.lock.json"


def read_seen(root: Path) -> dict[str, dict[str, Any]]:
    """What was seen, by the archive's name; empty at first. Raises BadInput if unreadable."""
    path = root / NAME
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text())
        return {name: dict(entry) for name, entry in content.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise BadInput(f"{path}: not readable ({error}); remove it") from None


def record_seen(
    root: Path, archive: Archive, path: Path, checksum: str | None, url: str | None
) -> None:
    """Record the zip at `path`, with the `checksum` that it was checked against, if any."""
    entry = {
        "bytes": path.stat().st_size,
        "checksum": checksum or checksum_of(path),
        "checksum_from": "manifest" if archive.checksum else "first seen",
        "url": url,
    }
    content = {**read_seen(root), archive.name: entry}
    temporary = root / f".{NAME}.new"
    with write_errors(temporary):
        temporary.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
        os.replace(temporary, root / NAME)
