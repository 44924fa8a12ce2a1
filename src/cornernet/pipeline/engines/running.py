"""One Snakemake at a time for each profile in a folder.

Snakemake's own lock is files in `.snakemake/locks`: kill -9 leaves them behind, and any Snakemake
that ends removes those of the others. The lock here ends with its process, however that ends.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cornernet.errors import BadInput
from cornernet.files import locked
from cornernet.pipeline.engines.interchange import snakemake_of
from cornernet.pipeline.graph import Graph

FOLDER = Path(".snakemake")
# Options with which Snakemake only looks: it may do so beside one that runs.
LOOKING = {
    *("--dry-run", "--dryrun", "--summary", "-S", "--detailed-summary", "-D", "--lint", "--report"),
    *("--dag", "--rulegraph", "--filegraph", "--d3dag", "--list", "-l", "--list-rules"),
}
DRY_RUN = re.compile(r"-[a-zA-Z]*n[a-zA-Z]*")  # -n, also among other letters


@contextmanager
def running_alone(graph: Graph, overrides: Sequence[str], words: Sequence[str]) -> Iterator[None]:
    """Hold the profile of `graph` in this folder while the block lasts.

    What a killed Snakemake left locked is unlocked, for then none is running. `words` is the
    command line. Raises BadInput when another Snakemake runs the profile.
    """
    options = {word.partition("=")[0] for word in words}
    if options & LOOKING or any(map(DRY_RUN.fullmatch, options)):
        yield
        return
    profile = graph.paths.profile

    def refuse(holder: str) -> None:
        raise BadInput(
            f"another snakemake ({holder}) is running profile {profile} in this folder; wait for "
            "its end, or stop it with Ctrl-C or `kill`, then type the same command again"
        )

    with locked(FOLDER / f"{profile}.running", refuse) as alone:
        if alone and _left_locked(f"{graph.paths.data}/"):
            print(f"a snakemake of {profile} was killed: unlocking what it left", file=sys.stderr)
            snakemake_of(graph, overrides, "--unlock")
        yield


def _left_locked(folder: str) -> bool:
    """Whether files below `folder` are locked by Snakemake."""
    locks = (FOLDER / "locks").glob("*.lock")
    return any(line.startswith(folder) for lock in locks for line in lock.read_text().splitlines())
