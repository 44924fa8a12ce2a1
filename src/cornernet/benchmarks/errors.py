"""Why a benchmark ended without a result."""


class BenchmarkFailed(Exception):
    """A benchmark cannot give a result, through no fault of its input; `cornernet` exits with 1."""


class SidesDiffer(BenchmarkFailed):
    """Two sides of a benchmark computed different things, so their times cannot be compared."""
