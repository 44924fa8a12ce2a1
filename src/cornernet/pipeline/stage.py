"""What a stage is: the one form in which every stage of the pipeline is described.

The command line, Snakemake's rules and dvc.yaml take names, paths and commands from it.
"""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cornernet.config import Params
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Paths, Tested, Trained, provenance

# What tells the jobs of one stage apart: a trained model, a test of one, or nothing.
Key = Trained | Tested | None


@dataclass(frozen=True)
class Stage:
    """One stage; `inputs` and `outputs` are functions of a job's key.

    `keys` are the options of the command line that spell a key. `params` are the sections, or
    `section.key`, that change what the stage makes, and `deciding` the modules (or files in the
    package) whose code does. With `by_variant` the params are those of the job's own variant.
    """

    name: str
    summary: str
    outputs: Callable[[Paths, Key], Sequence[Path]]
    inputs: Callable[[Graph, Key], Sequence[Path]] = lambda graph, key: ()
    jobs: Callable[[Graph], Iterable[Key]] = lambda graph: (None,)  # once per profile
    keys: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    by_variant: bool = False
    deciding: tuple[str, ...] = ()
    # Files that may come later, or never: a server's answer, or a record; their folder is there.
    user_files: Callable[[Graph, Key], Sequence[Path]] = lambda graph, key: ()
    # Splits whose files a job reads from the data set's own folder.
    reads: Callable[[Key], tuple[str, ...]] = lambda key: ()
    on_gpus: bool = False
    # For DVC: whether it keeps copies of the outputs, and how it shows them.
    cached: bool = True
    metrics: bool = False
    plots: str | None = None  # the suffix of outputs that are curves

    @property
    def command(self) -> str:
        """The word on the command line."""
        return self.name.replace("_", "-")

    def job_name(self, key: Key) -> str:
        """Such as "train-baseline-s0", or "tables"."""
        return self.name if key is None else f"{self.name}-{key}"

    def all_inputs(self, graph: Graph, key: Key) -> list[Path]:
        """The outputs of other stages, and the files of params and code that a job depends on."""
        own = [self.params_file(graph.paths, key)] if self.params else []
        return [*self.inputs(graph, key), *own, graph.paths.code(self.job_name(key))]

    def params_file(self, paths: Paths, key: Key) -> Path:
        """Where the part of the params that a job depends on lies."""
        return paths.params(self.name, variant_of(key) if self.by_variant else None)

    def provenance(self, paths: Paths, key: Key) -> Path:
        """The file that says how the outputs were made: the one declared, or beside the first."""
        outputs = self.outputs(paths, key)
        declared = [path for path in outputs if path.name.endswith(".provenance.json")]
        return declared[0] if declared else provenance(outputs[0])

    def command_line(self, options: str, key: Key) -> str:
        """The command of a job; `options` name the profile."""
        values = values_of(key)
        words = [word for name in self.keys for word in (f"--{name}", values[name])]
        return " ".join([f"cornernet {self.command}", options, shlex.join(words)]).strip()


def model_of(key: Key) -> Trained:
    """The trained model that a key names."""
    assert key is not None, "a stage with a variant in its key"
    return key.trained if isinstance(key, Tested) else key


def test_of(key: Key) -> Tested:
    """The test that a key names."""
    assert isinstance(key, Tested), "a stage with a split in its key"
    return key


def variant_of(key: Key) -> str | None:
    """The variant that a key names."""
    return values_of(key).get("variant")


def values_of(key: Key) -> dict[str, str]:
    """The names and values that a key consists of."""
    if key is None:
        return {}
    trained = model_of(key)
    values = {"variant": trained.variant, "seed": str(trained.seed)}
    return values | {"split": key.split, "mode": key.mode} if isinstance(key, Tested) else values


def key_from(values: Mapping[str, Any]) -> Key:
    """The key with these values; the split is test-dev where none is named.

    Values may be Snakemake's wildcards: paths made of the key then match the paths of any job.
    """
    if "variant" not in values:
        return None
    seed = str(values["seed"])
    trained = Trained(values["variant"], int(seed) if seed.isdigit() else seed)  # type: ignore[arg-type]
    if "mode" not in values:
        return trained
    return Tested(trained, values.get("split", "test_dev"), values["mode"])


def options_of(params: Params, overrides: Sequence[str] = ()) -> str:
    """The options of a command line that name a profile and what is overridden in it."""
    words = ["--profile", params.profile]
    return shlex.join(words + [word for text in overrides for word in ("--set", text)])
