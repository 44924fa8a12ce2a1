"""What the tracker has yet to be told of one run, on disk, in the order in which it happened.

Everything is written here first, and taken out once the tracker has it. So a tracker that is away,
and a process that is killed, lose nothing: whoever reaches the tracker next sends the rest. A
journal is one folder, `outbox/<key>/`: `journal.jsonl`, one entry per line, the first being the
run itself; `sent`, how many of its bytes were sent; and `files/`, to which entries refer. Nothing
here needs MLflow.
"""

import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from cornernet.files import write_text
from cornernet.tracking.server import OUTBOX, POLL, folder_lock

LARGE = 2**24  # bytes; a file of so many is linked and not copied

Entry = dict[str, Any]  # `kind` says what else is in it


class Journal:
    """The journal of the run `key`; `run` is its first entry: profile, variant, seed, created."""

    def __init__(self, folder: Path, key: str, run: Mapping[str, Any]) -> None:
        self._outbox = folder / OUTBOX
        self.key = key
        self.run = {"kind": "run", "key": key, **run}
        self.folder = self._outbox / key

    def append(self, entry: Mapping[str, Any], files: Mapping[str, Path] | None = None) -> None:
        """Add an entry, in one write; any number of processes may.

        `files` (paths by the name that each gets in the journal) are copied as they are now. A file
        of LARGE bytes gets a hard link instead: whoever writes such files replaces them whole, so
        the link keeps the bytes of now.
        """
        with folder_lock(self._outbox):
            self.folder.mkdir(exist_ok=True)
            if files is not None:
                entry = {**entry, "files": self._keep(files)}
            with (self.folder / "journal.jsonl").open("ab") as stream:
                # An empty line ends what a killed writer may have left half-written, and is void.
                start = "" if stream.tell() else json.dumps(self.run)
                stream.write(f"{start}\n{json.dumps(entry)}\n".encode())

    def _keep(self, files: Mapping[str, Path]) -> str:
        name = uuid.uuid4().hex[:12]
        self.kept(name).mkdir(parents=True)
        for target, path in files.items():
            _keep_file(path.resolve(), self.kept(name) / target)
        return name

    def kept(self, name: str) -> Path:
        """The folder of the files that an entry names."""
        return self.folder / "files" / name

    def discard(self, name: str) -> None:
        """Remove the files of an entry."""
        shutil.rmtree(self.kept(name), ignore_errors=True)

    def unsent(self) -> Iterator[tuple[Entry, int]]:
        """Entries that were not sent, with the number to give to `sent` once they were."""
        try:
            stream = (self.folder / "journal.jsonl").open("rb")
        except FileNotFoundError:
            return
        with stream:
            stream.seek(self._sent())
            for line in stream:
                if not line.endswith(b"\n"):
                    return  # being written at this moment
                if (entry := _parsed(line)) is not None and entry["kind"] != "run":
                    yield entry, stream.tell()

    def sent(self, position: int) -> None:
        """Note that all entries up to `position` were sent."""
        write_text(self.folder / "sent", str(position))

    def remove_if_sent(self) -> bool:
        """Remove the journal unless it has unsent entries; returns whether it is gone."""
        with folder_lock(self._outbox):
            if next(self.unsent(), None) is not None:
                return False
            shutil.rmtree(self.folder, ignore_errors=True)
            self._sending_lock.unlink(missing_ok=True)
            return True

    @contextmanager
    def sending(self, patience: float) -> Iterator[bool]:
        """Be the only process that sends this journal; yields whether it is, after `patience` s.

        It yields False as well when there is nothing to send, the journal being gone.
        """
        lock = FileLock(self._sending_lock, poll_interval=POLL)
        with suppress(Timeout):
            lock.acquire(timeout=patience)
        try:
            if lock.is_locked and not self.folder.is_dir():
                self._sending_lock.unlink(missing_ok=True)
            yield lock.is_locked and self.folder.is_dir()
        finally:
            lock.release()

    @property
    def _sending_lock(self) -> Path:
        """Beside the journal's folder: a lock file within would make a removed folder anew."""
        return self._outbox / f"{self.key}.sending"

    def _sent(self) -> int:
        try:
            return int((self.folder / "sent").read_text())
        except (FileNotFoundError, ValueError):
            return 0


def journals(folder: Path) -> list[Journal]:
    """The journals that have something to be sent, the oldest run first."""
    found = []
    for path in (folder / OUTBOX).glob("*/journal.jsonl"):
        try:
            with path.open("rb") as stream:
                run = _parsed(stream.readline())
        except FileNotFoundError:  # sent by another process at this moment
            continue
        if run is not None and run["kind"] == "run":
            found.append(Journal(folder, run["key"], run))
    return sorted(found, key=lambda journal: journal.run["created"])


def _parsed(line: bytes) -> Entry | None:
    """An entry; None for what a killed process left half-written."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) and "kind" in entry else None


def _keep_file(path: Path, target: Path) -> None:
    if path.stat().st_size >= LARGE:
        with suppress(OSError):  # another file system
            os.link(path, target)
            return
    shutil.copyfile(path, target)
