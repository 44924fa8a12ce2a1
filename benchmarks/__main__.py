"""`python -m benchmarks [NAME]`: list what can be measured, or measure it.

Exit codes: 0 done, 1 failed (forms that differ), 2 bad input.
"""

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cornernet.errors import BadInput, nearest


@dataclass(frozen=True)
class Benchmark:
    """What is measured, the function of this package that does it, and where it can run."""

    summary: str
    function: str  # module.function
    devices: tuple[str, ...] = ("cpu",)


BOTH = ("cpu", "cuda")
BENCHMARKS = {
    "training": Benchmark("a demo training, images per second", "training.demo_training"),
    "tested_image": Benchmark(
        "one image with its mirror, end to end", "tested_image.tested_image", BOTH
    ),
    "prepare": Benchmark("annotations of COCO's size, checked; radii", "prepare.prepare"),
    "evaluation": Benchmark("COCO's metrics beside pycocotools", "evaluation.evaluation"),
    "coverage": Benchmark("how often an interval holds what it should", "coverage.coverage"),
    "verdicts": Benchmark("the paper's claims, judged from drawn runs", "verdicts.verdicts"),
    "demo": Benchmark("the demo, from a fresh clone to its report (minutes)", "demo.demo"),
    "own_images": Benchmark(
        "profile `custom` on blood cells (minutes, AP)", "own_images.own_images"
    ),
    "step": Benchmark(
        "a step of Hourglass-104, 49 images, bf16 and fp32", "training.paper_step", ("cuda",)
    ),
    "corner_pooling": Benchmark(
        "corner pooling, forward and backward", "corner_pooling.corner_pooling", ("cuda",)
    ),
    "step_compiled": Benchmark(
        "the same step compiled, beside uncompiled", "training.compiled_step", ("cuda",)
    ),
}
GPU_ITEMS = ("step", "tested_image", "corner_pooling", "step_compiled")  # the most valuable first
CPU_ITEMS = ("training", "tested_image", "prepare", "evaluation")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what NAME means; returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.name is None:
        print("\n".join(_listing()))
        return 0
    try:
        return _run(options)
    except BadInput as error:
        for problem in error.problems:
            print(f"benchmarks {options.name}: {problem}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", metavar="NAME", help="a benchmark, or `cpu`, or `gpu`")
    parser.add_argument("--device", choices=BOTH, help="default: the benchmark's own")
    parser.add_argument("--threads", type=int, default=2, help="on the CPU; default: 2")
    parser.add_argument(
        "--out", type=Path, default=Path("reports/benchmarks"), metavar="DIR", help="for the JSON"
    )
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/data"), metavar="DIR",
        help="holds coco_mini/, coco_val2017_boxes/ (absent: made), and bccd/",
    )  # fmt: skip
    parser.add_argument(
        "--yolo", type=Path, metavar="PYTHON",
        help="own_images: this interpreter, which has ultralytics, trains a YOLO for as long",
    )  # fmt: skip
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes, one round: a test, no measurement"
    )
    return parser


def _listing() -> list[str]:
    """One line for each benchmark, and the names for several."""
    width = max(map(len, BENCHMARKS))
    lines = [
        f"{name:<{width}}  {', '.join(item.devices):<9}  {item.summary}"
        for name, item in BENCHMARKS.items()
    ]
    return [
        *lines,
        f"cpu: {', '.join(CPU_ITEMS)}",
        f"gpu: {', '.join(GPU_ITEMS)}, in eight minutes at most",
    ]


def _run(options: argparse.Namespace) -> int:
    """Raises BadInput, before anything is measured, for what cannot be measured as asked."""
    names, device = _chosen(options)
    if options.threads < 1:
        raise BadInput(f"--threads {options.threads}: must be at least 1")

    import cv2  # all that is heavy comes only now: the list is there at once
    import torch

    from benchmarks.gpu import run_within_limit
    from benchmarks.measuring import BenchmarkFailed, Settings
    from benchmarks.record import Record

    if device == "cuda" and not torch.cuda.is_available():
        raise BadInput("torch sees no GPU here; use a machine with one")
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    settings = Settings(
        device, options.threads, options.quick, options.data, options.out, options.yolo
    )
    if options.name == "gpu":
        return run_within_limit(names, settings)
    failures = 0
    for name in names:
        print(f"{name}: {BENCHMARKS[name].summary}", flush=True)
        record = Record(name, settings)
        try:
            _function(name)(settings, record)
            record.finish()
        except BenchmarkFailed as error:
            print(f"benchmarks {name}: {error}", file=sys.stderr, flush=True)
            failures += 1
    return 1 if failures else 0


def _function(name: str) -> Callable[..., None]:
    module, function = BENCHMARKS[name].function.split(".")
    return getattr(importlib.import_module(f"benchmarks.{module}"), function)


def _chosen(options: argparse.Namespace) -> tuple[Sequence[str], str]:
    """The benchmarks that NAME means, and the device to run on. In quick mode the CPU serves all.

    Raises BadInput for a name that there is not, or a device that it is not measured on.
    """
    groups = {"cpu": (CPU_ITEMS, ("cpu",)), "gpu": (GPU_ITEMS, ("cuda",))}
    single = {name: ((name,), item.devices) for name, item in BENCHMARKS.items()}
    known = single | groups
    if options.name not in known:
        raise BadInput(f"no such benchmark ({', '.join(known)}){nearest(options.name, known)}")
    names, devices = known[options.name]
    device = options.device or ("cpu" if options.quick else devices[0])
    if device not in devices and not (options.quick and device == "cpu"):
        raise BadInput(f"it is measured on {devices[0]}, not on {device}; leave --device out")
    return names, device


if __name__ == "__main__":
    sys.exit(main())
