"""What `snakemake --config` asked for: a profile, params that are overridden, released weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cornernet.config import load_params
from cornernet.errors import BadInput
from cornernet.pipeline.graph import Graph

# The authors' weights have a profile of their own: those of the others are trained.
RELEASED_PROFILE = "released_weights"


@dataclass(frozen=True)
class Settings:
    """`overrides` are "section.key=value" strings, as `cornernet --set` takes them."""

    profile: str
    overrides: tuple[str, ...] = ()
    weights: Path | None = None

    def graph(self) -> Graph:
        """What is to be run. Raises BadInput for params that cannot be used."""
        return Graph(load_params(self.profile, self.overrides), self.weights)


def settings_of(config: Mapping[str, Any]) -> Settings:
    """The settings in Snakemake's config. Raises BadInput for weights that are not there."""
    asked = config.get("set") or []
    overrides = [str(asked)] if not isinstance(asked, list) else [str(text) for text in asked]
    weights = config.get("weights")
    if not weights:
        return Settings(str(config["profile"]), tuple(overrides))
    if not Path(weights).is_file():
        raise BadInput(f"weights={weights}: no such file; give the path of the released weights")
    return Settings(RELEASED_PROFILE, tuple(overrides), Path(weights))


def refuse_repeated(words: Sequence[str]) -> None:
    """Raise BadInput if a command line gives a setting twice: Snakemake hands over only the last.

    The same for a second `--config`, which makes Snakemake forget the first.
    """
    names = ["--config" if word == "-C" else word.partition("=")[0] for word in words]
    names += [word.split("=")[1] for word in words if word.startswith("--config=")]
    for name in ("set", "profile", "weights", "--config"):
        if (times := names.count(name)) > 1:
            raise BadInput(
                f"{name} is given {times} times, and Snakemake hands over only the last; write all "
                'settings once: --config profile=demo \'set=["a.b=1", "c.d=2"]\''
            )
