"""`cornernet bench`: measure a fast path beside its yardstick, and keep what was found."""

import argparse
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cornernet import __version__
from cornernet.benchmarks.conditions import Conditions
from cornernet.benchmarks.errors import BenchmarkFailed
from cornernet.benchmarks.registry import BENCHMARKS, GROUPS, Benchmark, chosen, function_of
from cornernet.errors import BadInput
from cornernet.options import params_of
from cornernet.pipeline.provenance import Stopwatch, git_commit, hardware, versions


def run(options: argparse.Namespace) -> None:
    """List the benchmarks, or run those that NAME means: a table each, and a JSON file each.

    Of several, one that fails is named and the others run all the same; in the end the command
    fails. Raises BadInput, before anything runs, for a name or a device that there is not.
    """
    if options.name is None:
        print("\n".join(_listing()))
        return
    benchmarks = chosen(options.name, options.device)
    _require_usable(options, benchmarks)
    params = params_of(options)
    _use_threads(options.threads)
    failed = []
    for benchmark, device in benchmarks:
        conditions = Conditions(
            params, device, options.threads, options.quick, options.data, options.weights
        )
        try:
            _measure(benchmark, conditions, options.out)
        except (BadInput, BenchmarkFailed) as error:
            if len(benchmarks) == 1:
                raise
            failed.append((benchmark.name, str(error)))
        except Exception as error:  # a fault of the program: its traceback is wanted
            if len(benchmarks) == 1:
                raise
            traceback.print_exc()
            failed.append((benchmark.name, f"{type(error).__name__}: {error}"))
    if failed:
        lines = "; ".join(f"{name}: {reason}" for name, reason in failed)
        raise BenchmarkFailed(f"{len(failed)} of {len(benchmarks)} failed: {lines}")


def _listing() -> list[str]:
    """What `cornernet bench` alone prints: a line a benchmark, and the names of groups."""
    width = max(map(len, BENCHMARKS))
    lines = [
        f"{b.name:<{width}}  {', '.join(b.modules):<9}  {b.summary}" for b in BENCHMARKS.values()
    ]
    return [*lines, f"several at once: {', '.join(GROUPS)}"]


def _require_usable(
    options: argparse.Namespace, benchmarks: Sequence[tuple[Benchmark, str]]
) -> None:
    """Raise BadInput with every reason why the benchmarks cannot run as asked."""
    problems = []
    if not benchmarks:
        problems.append(f"no benchmark of the group {options.name!r} runs on {options.device}")
    if options.threads < 1:
        problems.append(f"--threads {options.threads}: must be at least 1")
    if options.weights is not None:
        if not any(benchmark.weights for benchmark, _ in benchmarks):
            problems.append(f"--weights: {options.name} does not use any; leave it out")
        elif not options.weights.is_file():
            problems.append(f"--weights {options.weights}: no such file; train a model first")
    for benchmark, device in benchmarks:
        function_of(benchmark, device, options.quick)
    if problems:
        raise BadInput(problems)
    if any(device == "cuda" for _, device in benchmarks):
        import torch

        if not torch.cuda.is_available():
            raise BadInput("torch sees no GPU here; leave --device out, or use a machine with one")


def _use_threads(threads: int) -> None:
    import cv2
    import torch

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)


def _measure(benchmark: Benchmark, conditions: Conditions, folder: Path) -> None:
    """Run one benchmark, print its table, write its record."""
    from cornernet.benchmarks.record import as_json, table_lines, write_result

    watch = Stopwatch()
    print(f"bench {benchmark.name} on {conditions.device}: {benchmark.summary}", flush=True)
    result = function_of(benchmark, conditions.device, conditions.quick)(conditions)
    about, slug = _about(conditions, watch)
    if conditions.quick:  # never in the place of a measurement
        slug += "-quick"
    path = write_result(folder, slug, as_json(benchmark.name, result, about))
    print("\n".join(table_lines(result)))
    print(f"written: {path}\n", flush=True)


def _about(conditions: Conditions, watch: Stopwatch) -> tuple[dict[str, Any], str]:
    """What a record says besides numbers, and the hardware as a part of its file's name."""
    from cornernet.benchmarks.record import hardware_slug

    machine = hardware()
    gpu = machine["gpus"][0] if conditions.device == "cuda" else None
    about = {
        "hardware": machine,
        "device": conditions.device,
        "threads": conditions.threads,
        "quick": conditions.quick,
        "profile": conditions.params.profile,
        "versions": {"cornernet": __version__, "commit": git_commit(), **versions()},
        "python": sys.version.split()[0],
        "seconds": watch.seconds,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return about, hardware_slug(machine["processor"], machine["cores"], gpu)
