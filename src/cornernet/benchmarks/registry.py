"""The benchmarks by name. Nothing heavy is imported until one runs.

A benchmark is a function `run(conditions: Conditions) -> Result` of a module of this package. It
may have one module for each kind of device. In quick mode any of them runs on the CPU.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cornernet.config.load import nearest
from cornernet.errors import BadInput

if TYPE_CHECKING:
    from cornernet.benchmarks.conditions import Conditions
    from cornernet.benchmarks.record import Result

DEVICES = ("cpu", "cuda")
# Several benchmarks by one name: those of a device that `all` includes.
GROUPS = {"all": None, "cpu": "cpu", "gpu": "cuda"}


@dataclass(frozen=True)
class Benchmark:
    """One benchmark: what it measures, and the module that does so on each kind of device.

    `function` of that module; `run` unless a module has several benchmarks.
    """

    name: str
    summary: str
    modules: Mapping[str, str]  # device -> module of this package
    in_all: bool = True  # False: takes so long that it is run by its own name alone
    weights: bool = False  # whether it can use trained weights
    function: str = "run"


_LIST = (
    Benchmark(
        "corner_pooling",
        "the corner pooling layer, forward and backward",
        {"cpu": "corner_pooling", "cuda": "corner_pooling_cuda"},
    ),
    Benchmark("sampling", "from a JPEG to a training sample", {"cpu": "sampling"}),
    Benchmark("decode", "from heatmaps to pairs of corners", {"cpu": "decode"}),
    Benchmark("soft_nms", "soft-NMS of a thousand boxes", {"cpu": "soft_nms"}),
    Benchmark("hourglass", "one image through the network", {"cpu": "hourglass"}, weights=True),
    Benchmark("evaluation", "COCO's metrics of a whole split", {"cpu": "evaluation"}),
    Benchmark("bootstrap", "confidence intervals of a whole split", {"cpu": "bootstrap"}),
    Benchmark(
        "annotations",
        "annotations of COCO's size, checked, and their radii",
        {"cpu": "annotations"},
    ),
    Benchmark("start_up", "commands that do nothing heavy", {"cpu": "start_up"}),
    Benchmark("train_step", "a step of training Hourglass-104", {"cuda": "train_step"}),
    Benchmark(
        "train_step_repeatable",
        "the same with deterministic kernels",
        {"cuda": "train_step"},
        function="run_repeatable",
    ),
    Benchmark("predict", "one image with its mirror, end to end", {"cuda": "predict_image"}),
    Benchmark("precision", "training in bf16 beside fp32", {"cuda": "precision"}),
    Benchmark(
        "small_training",
        "blood cells, four minutes of training",
        {"cuda": "small_training"},
        in_all=False,
    ),
    Benchmark(
        "small_training_unpooled",
        "the same without corner pooling",
        {"cuda": "small_training"},
        in_all=False,
        function="run_unpooled",
    ),
)
BENCHMARKS: Mapping[str, Benchmark] = {benchmark.name: benchmark for benchmark in _LIST}


def chosen(name: str, device: str | None) -> list[tuple[Benchmark, str]]:
    """The benchmarks that `name` means, a benchmark or a group, each with the device to run on.

    `device` None: the group's own, or else the benchmark's first. Raises BadInput for a name that
    there is not, or a benchmark that does not run on the device.
    """
    if name in GROUPS:
        wanted = device or GROUPS[name] or "cpu"
        return [(b, wanted) for b in _LIST if b.in_all and wanted in b.modules]
    if name not in BENCHMARKS:
        known = (*BENCHMARKS, *GROUPS)
        raise BadInput(
            f"no benchmark is called {name!r} ({', '.join(known)}){nearest(name, known)}"
        )
    benchmark = BENCHMARKS[name]
    wanted = device or next(iter(benchmark.modules))
    return [(benchmark, wanted)]


def function_of(benchmark: Benchmark, device: str, quick: bool) -> "Callable[[Conditions], Result]":
    """What runs a benchmark on a device. Raises BadInput if it has no form for that device."""
    module = benchmark.modules.get(device)
    if module is None and quick:
        module = next(iter(benchmark.modules.values()))
    if module is None:
        raise BadInput(
            f"{benchmark.name} is measured on {', '.join(benchmark.modules)}, not on {device}; "
            "leave --device out"
        )
    found = getattr(importlib.import_module(f"cornernet.benchmarks.{module}"), benchmark.function)
    return found  # type: ignore[no-any-return]
