"""The one error that means: what the user gave is wrong, and here is how to mend it."""

import errno
import os
from collections.abc import Iterable

NO_SPACE = "free some space and run the same command again, it goes on where it stopped"
NOT_ALLOWED = "change its permissions, or name another place"
FILE_IN_THE_WAY = "a file lies where a folder is needed: move it away"
# What the disk may refuse, whichever file it is, and how to mend it.
REMEDIES = {
    errno.ENOSPC: NO_SPACE,
    errno.EDQUOT: NO_SPACE,
    errno.EACCES: NOT_ALLOWED,
    errno.EPERM: NOT_ALLOWED,
    errno.EROFS: NOT_ALLOWED,
    errno.ENOTDIR: FILE_IN_THE_WAY,
    errno.EEXIST: FILE_IN_THE_WAY,
    errno.EISDIR: "a folder lies where a file is needed: move it away",
    errno.ELOOP: "a link leads back to itself: remove it",
    errno.ENAMETOOLONG: "shorten it",
}


class BadInput(Exception):
    """Input that cannot be used; `cornernet` prints each problem on a line of its own and exits 2.

    A problem says what is wrong, where, and how to mend it.
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems: list[str] = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


def bad_input_of(error: BadInput | OSError) -> BadInput:
    """What the user can mend, in a refusal of the disk too. Raises any other error again."""
    if isinstance(error, BadInput):
        return error
    if error.errno not in REMEDIES:
        raise error
    # A rename names its target second. What cannot be made is told by where it would have been.
    path = os.fsdecode(error.filename2 or error.filename or "")
    while path and not os.path.lexists(path):
        path = os.path.dirname(path)
    where = f"{path}: " if path else ""
    return BadInput(f"{where}{error.strerror}; {REMEDIES[error.errno]}")
