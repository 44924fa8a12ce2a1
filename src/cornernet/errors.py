"""The one error that means: what the user gave is wrong, and here is how to mend it.

Beside it what its messages are made of, and which errors say that memory ran out.
"""

import difflib
import errno
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

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
SHOWN = 5  # cases named in a line; the count says how many there are


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


@dataclass(frozen=True)
class Problem:
    """A kind of problem in a data set with all the cases of it that were found.

    `cases` are ids or file names of `noun`s; without cases the problem concerns the whole file.
    """

    what: str
    remedy: str
    cases: Sequence[str] = ()
    noun: str = "annotation"

    def message(self, where: str) -> str:
        """What, where and how to mend it: "train (x.json): ... in 7 images (a.jpg, ...); ..."."""
        number, noun = len(self.cases), self.noun
        if number != 1:
            noun = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
        count = f" in {number:,} {noun} ({first_of(self.cases)})" if number else ""
        return f"{where}: {self.what}{count}; {self.remedy}"


def first_of(cases: Sequence[str]) -> str:
    """The first few of the cases in one line, whatever they hold, and dots if there are more."""
    text = ", ".join(cases[:SHOWN]) + (", ..." if len(cases) > SHOWN else "")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def nearest(name: str, known: Iterable[str]) -> str:
    """ "; did you mean 'x'?" for the known name nearest to `name`, or an empty string."""
    match = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {match[0]!r}?" if match else ""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that the memory of a GPU or of the machine does not suffice."""
    import torch  # here, as commands that compute nothing need not wait for it

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # What torch's allocator on CPUs says in a plain RuntimeError.
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


@contextmanager
def naming_out_of_memory(device: object, what: str) -> Iterator[None]:
    """Turn any device's out-of-memory error into BadInput: "out of memory on <device> <what>"."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise BadInput(f"out of memory on {device} {what}") from error
