"""The one error that means: what the user gave is wrong, and here is how to mend it."""

from collections.abc import Iterable


class BadInput(Exception):
    """Input that cannot be used; `cornernet` prints each problem on a line of its own and exits 2.

    A problem says what is wrong, where, and how to mend it.
    """

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems: list[str] = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))
