"""The `cornernet` command: one subcommand a stage, and a few for people.

Exit codes: 0 done, 1 failed, 2 bad input (a clear line each, never a traceback).
"""

import argparse
import errno
import importlib
import os
import select
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from cornernet import __version__
from cornernet.benchmarks.errors import BenchmarkFailed
from cornernet.errors import BadInput
from cornernet.training.errors import TrainingFailed

STAGES = {
    "download": "fetch, generate or find the images and annotations",
    "prepare": "check the data set; list every problem before anything is trained",
    "radii": "penalty-reduction radius of every annotation",
    "train": "train one variant with one seed, or go on where it was stopped",
    "predict": "detections of a trained model on a split",
    "corners": "corners that a model finds on val, for the journal version's measurement",
    "submit": "the zip that the test-dev evaluation server takes",
    "evaluate": "COCO metrics with confidence intervals",
    "tables": "results.csv, differences.csv and the paper's tables",
    "figures": "figures of this run",
    "claims": "the paper's claims, judged",
    "report": "the page that shows it all",
}
COMMANDS = ("detect", "plan", "status", "record-effects")
FOR_PEOPLE = {
    "detect": "draw the boxes found in images, print them as JSON",
    "import-weights": "turn the authors' released weights into this project's format",
    "plan": "what a profile would run, its disk and GPU hours, before anything starts",
    "status": "what is done, running and left, and the results so far",
    "tracking": "initialise MLflow's database",
    "inputs": "write what each stage depends on besides data, for the workflow engines",
    "matrix": "list a profile's models and tests for the matrices of dvc.yaml",
    "record-effects": "keep what `--profile differences` found, for the pages of other profiles",
    "bench": "measure a fast path beside its yardstick; alone: list what can be measured",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        _command(options.command)(options)
        sys.stdout.flush()  # here, where an error can still be told
    except BadInput as error:
        for problem in error.problems:
            print(f"cornernet {options.command}: {problem}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        if not _nobody_reads_output():
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still buffered
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = f" while writing {error.filename}" if error.filename else ""
        print(
            f"cornernet {options.command}: no space left on the disk{where}; free some and "
            "run the same command again, it goes on where it stopped",
            file=sys.stderr,
        )
        return 2
    except (TrainingFailed, BenchmarkFailed) as failure:
        print(f"cornernet {options.command}: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"cornernet {options.command}: interrupted", file=sys.stderr)
        return 1
    return 0


def _nobody_reads_output() -> bool:
    """Whether standard output is a pipe whose reader has gone, as in `cornernet plan | head -1`."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)  # errors are told unasked
    return any(events & select.POLLERR for _, events in poll.poll(0))


def _command(name: str) -> Callable[[argparse.Namespace], None]:
    """The function that runs a command; imported only now, so that `--help` stays quick."""
    room = "commands" if name in COMMANDS else "stages"
    return importlib.import_module(f"cornernet.{room}.{name.replace('-', '_')}").run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cornernet", description="CornerNet (Law and Deng, ECCV 2018), reproduced."
    )
    parser.add_argument("--version", action="version", version=f"cornernet {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, summary in (STAGES | FOR_PEOPLE).items():
        command = commands.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}."
        )
        _add_profile(command)
        if name in ("train", "predict", "corners", "submit", "evaluate"):
            command.add_argument("--variant", default="baseline", help="row of an ablation")
            command.add_argument(
                "--seed", type=int, default=None, help="default: the first of train.seeds"
            )
        if name in ("predict", "evaluate"):
            command.add_argument("--split", default="val", choices=("train", "val", "test_dev"))
        if name in ("predict", "submit", "evaluate"):
            command.add_argument(
                "--mode",
                default="single_scale",
                choices=("single_scale", "multi_scale", "gt_heatmaps", "gt_heatmaps_offsets"),
            )
        if name in ("train", "predict", "corners"):
            command.add_argument(
                "--devices",
                type=int,
                default=None,
                help="GPUs to use at most; default: train.devices to train, else one",
            )
    _add_special(commands.choices)
    return parser


def _add_profile(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--profile",
        default=None,
        help="a file of params/; default: the one that params/profile.yaml names",
    )
    command.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="override a param (repeatable)",
    )


def _add_special(commands: dict[str, argparse.ArgumentParser]) -> None:
    commands["train"].add_argument(
        "--resume", type=Path, default=None, metavar="CHECKPOINT",
        help="go on from this checkpoint, or refuse if it was made with other params, code or data",
    )  # fmt: skip
    commands["plan"].add_argument(
        "--measure", action=argparse.BooleanOptionalAction, default=None,
        help="time a few steps on this machine first; default: if it has a GPU",
    )  # fmt: skip
    detect = commands["detect"]
    detect.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="images or folders")
    detect.add_argument("--weights", required=True, type=Path, help="a .safetensors file")
    detect.add_argument("--out", required=True, type=Path, metavar="DIR", help="for the pictures")
    detect.add_argument(
        "--score", type=float, default=0.3, help="least score of a box that is drawn"
    )
    detect.add_argument("--variant", default="baseline", help="the variant that the weights are of")
    _add_bench(commands["bench"])
    weights = commands["import-weights"]
    weights.add_argument("released", type=Path, metavar="RELEASED.pkl")
    weights.add_argument("--out", required=True, type=Path, metavar="W.safetensors")


def _add_bench(bench: argparse.ArgumentParser) -> None:
    bench.set_defaults(profile="paper")  # the numbers that are held against the paper's network
    bench.add_argument(
        "name", nargs="?", metavar="NAME", help="a benchmark, or `cpu`, `gpu`, `all`"
    )
    bench.add_argument("--device", choices=("cpu", "cuda"), help="default: the benchmark's own")
    bench.add_argument("--threads", type=int, default=2, help="on the CPU; default: 2")
    bench.add_argument(
        "--out", type=Path, default=Path("reports/benchmarks"), metavar="DIR", help="for the JSON"
    )
    bench.add_argument(
        "--data", type=Path, default=Path("../shared/data"), metavar="DIR",
        help="holds coco_mini/ and other real data; what is absent is made",
    )  # fmt: skip
    bench.add_argument(
        "--weights", type=Path, default=None, help="a trained model, to see what precision costs"
    )
    bench.add_argument(
        "--quick", action="store_true", help="tiny sizes, one round: a test, no measurement"
    )


if __name__ == "__main__":
    sys.exit(main())
