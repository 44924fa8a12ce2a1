"""What a call of Snakemake asks for, and one call at a time for each profile in a folder.

Snakemake's own lock is files in `.snakemake/locks`: kill -9 leaves them behind, and any Snakemake
that ends removes those of the others. The lock here ends with its process, however that ends.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cornernet.config import load_params
from cornernet.errors import BadInput
from cornernet.files import locked
from cornernet.pipeline.engines.interchange import snakemake_of
from cornernet.pipeline.graph import Graph

# The authors' weights have a profile of their own: those of the others are trained.
RELEASED_PROFILE = "released_weights"
FOLDER = Path(".snakemake")
# Options with which Snakemake only looks: it may do so beside one that runs.
LOOKING = {
    *("--dry-run", "--dryrun", "--summary", "-S", "--detailed-summary", "-D", "--lint", "--report"),
    *("--dag", "--rulegraph", "--filegraph", "--d3dag", "--list", "-l", "--list-rules"),
}
DRY_RUN = re.compile(r"-[a-zA-Z]*n[a-zA-Z]*")  # -n, also among other letters


def asked_of(config: Mapping[str, Any]) -> tuple[Graph, list[str]]:
    """What Snakemake's config asks to be run, and the "section.key=value" that it overrides.

    Raises BadInput for params that cannot be used, and for weights that are not there.
    """
    asked, weights = config.get("set") or [], config.get("weights")
    overrides = [str(text) for text in asked] if isinstance(asked, list) else [str(asked)]
    if not weights:
        return Graph(load_params(config["profile"], overrides)), overrides
    if not Path(weights).is_file():
        raise BadInput(f"weights={weights}: no such file; give the path of the released weights")
    return Graph(load_params(RELEASED_PROFILE, overrides), Path(weights)), overrides


def refuse_repeated(words: Sequence[str]) -> None:
    """Raise BadInput for a setting, or `--config`, that is given twice: the last alone counts."""
    names = ["--config" if word == "-C" else word.partition("=")[0] for word in words]
    names += [word.split("=")[1] for word in words if word.startswith("--config=")]
    for name in ("set", "profile", "weights", "--config"):
        if (times := names.count(name)) > 1:
            raise BadInput(
                f"{name} is given {times} times, and Snakemake hands over only the last; write all "
                'settings once: --config profile=demo \'set=["a.b=1", "c.d=2"]\''
            )


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
        locks = (FOLDER / "locks").glob("*.lock")
        paths = (line for lock in locks for line in lock.read_text().splitlines())
        if alone and any(path.startswith(f"{graph.paths.data}/") for path in paths):
            print(f"a snakemake of {profile} was killed: unlocking what it left", file=sys.stderr)
            snakemake_of(graph, overrides, "--unlock")
        yield
