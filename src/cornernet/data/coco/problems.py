"""A kind of problem in a data set, and the one line that tells the user of all its cases."""

from collections.abc import Sequence
from dataclasses import dataclass

SHOWN = 5  # cases named in a line; the count says how many there are


@dataclass(frozen=True)
class Problem:
    """A kind of problem with all the cases of it that were found.

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
    """The first few of the cases, and dots if there are more."""
    return ", ".join(cases[:SHOWN]) + (", ..." if len(cases) > SHOWN else "")
