"""The way to the tracker: tried when there is something to send; its failure is said once."""

from pathlib import Path

from cornernet.tracking.journal import OUTBOX
from cornernet.tracking.server import Say, Server, in_one_line, initialise


class Connection:
    """A connection that may come and go."""

    def __init__(self, folder: Path, say: Say) -> None:
        self._folder, self._say = folder, say
        self._servers: dict[str, Server] = {}
        self._said = False

    def to(self, profile: str) -> Server | None:
        """The server, with the experiment of a profile; None, said once, while it is away."""
        if profile not in self._servers:
            try:
                self._servers[profile] = initialise(profile, self._folder)
            except ImportError:
                self._waits("not installed")
            except Exception as error:  # a database that is locked or broken, a server that is away
                self.lost(error)
        return self._servers.get(profile)

    def lost(self, error: BaseException) -> None:
        """Note that the server did not answer."""
        self._waits(f"not reached ({in_one_line(error)})")

    def say(self, message: str) -> None:
        """Tell the user."""
        self._say(message)

    def _waits(self, why: str) -> None:
        if not self._said:
            self._said = True
            self._say(
                f"{why}; going on, what is measured waits in {self._folder / OUTBOX} and is sent "
                "by the next command that reaches it, or by `cornernet tracking`"
            )
