"""The `cornernet` command: one subcommand per stage, and a few for people.

Exit codes: 0 done, 1 failed, 2 bad input (a clear line each, never a traceback).
"""

import argparse
import importlib
import os
import select
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cornernet import __version__
from cornernet.config.schema import MODES, SPLITS
from cornernet.errors import BadInput, bad_input_of
from cornernet.pipeline.descriptions import STAGES
from cornernet.pipeline.stage import Stage
from cornernet.training.job import TrainingFailed

# Modules of `cornernet.commands`, or functions of its module `files`, and what each is for.
FOR_PEOPLE = {
    "detect": "find the boxes in images and videos: drawn, and as JSON, CSV or in COCO's format",
    "export": "write a trained model as an ONNX file, for programs without PyTorch",
    "import-weights": "turn the authors' released weights into this project's format",
    "preview": "a page of augmented training samples, sizes and counts, before anything is trained",
    "plan": "what a profile would run, its disk and GPU hours, before anything starts",
    "status": "what is done, running and left, and the results so far",
    "crate": "pack a finished run with its description, as a Provenance Run Crate",
    "accept": "keep results although the code that decides them has changed",
    "inputs": "write what each job depends on besides data, for the workflow engines",
    "dvc-yaml": "write dvc.yaml for the profile that params/profile.yaml names",
    "params-schema": "write params/schema.json, by which editors check and complete profiles",
    "tracking": "tell MLflow what it lacks of the files, and print where its pages are",
    "record-effects": "keep what `--profile differences` found, for the pages of other profiles",
    "record-noise": "keep the scores of all seeds, from which the noise of training is known",
}
IN_FILES = (
    "import-weights", "accept", "inputs", "dvc-yaml", "params-schema", "record-effects",
    "record-noise",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = build_parser().parse_args(arguments)
    try:
        code = _command(options.command)(options)
        sys.stdout.flush()  # here, where an error can still be told
    except BrokenPipeError:
        if not _nobody_reads_output():
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is still buffered
        return 1
    except (BadInput, OSError) as error:
        for problem in bad_input_of(error).problems:
            print(f"cornernet {options.command}: {problem}", file=sys.stderr)
        return 2
    except (TrainingFailed, KeyboardInterrupt) as failure:
        print(f"cornernet {options.command}: {str(failure) or 'interrupted'}", file=sys.stderr)
        return 1
    return code or 0


def _nobody_reads_output() -> bool:
    """Whether standard output is a pipe whose reader has gone, as in `cornernet plan | head -1`."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)  # errors are told unasked
    return any(events & select.POLLERR for _, events in poll.poll(0))


def _command(name: str) -> Callable[[argparse.Namespace], int | None]:
    """The function that runs a command and may return its exit code.

    Imported only now, so that `--help` stays quick.
    """
    module = name.replace("-", "_")
    if name in IN_FILES:
        return getattr(importlib.import_module("cornernet.commands.files"), module)
    if name in FOR_PEOPLE:
        return importlib.import_module(f"cornernet.commands.{module}").run
    return lambda options: _run_stage(STAGES[module], options)


def _run_stage(stage: Stage, options: argparse.Namespace) -> None:
    from cornernet.options import key_of, params_of
    from cornernet.pipeline.job import Job, run_job

    adapter = importlib.import_module(f"cornernet.stages.{stage.name}").run
    params = params_of(options)
    run_job(Job(stage, key_of(options, params, stage), params, options), adapter)


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line, with one sub-command per stage."""
    parser = argparse.ArgumentParser(
        prog="cornernet", description="CornerNet (Law and Deng, ECCV 2018), reproduced."
    )
    parser.add_argument("--version", action="version", version=f"cornernet {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for stage in STAGES.values():
        if stage.command not in FOR_PEOPLE:
            command = _add(commands, stage.command, stage.summary)
            _add_keys(command, stage)
    for name, summary in FOR_PEOPLE.items():
        _add(commands, name, summary)
    _add_special(commands.choices)
    return parser


def _add(commands: Any, name: str, summary: str) -> argparse.ArgumentParser:
    description = f"{summary[0].upper()}{summary[1:]}."
    command = commands.add_parser(name, help=summary, description=description)
    if name != "detect":  # whose weights say what they are
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
    return command


def _add_keys(command: argparse.ArgumentParser, stage: Stage) -> None:
    """The options that tell the jobs of a stage apart."""
    if "variant" in stage.keys:
        command.add_argument("--variant", default="baseline", help="row of an ablation")
        command.add_argument(
            "--seed", type=int, default=None, help="default: the first of train.seeds"
        )
    if "split" in stage.keys:
        command.add_argument("--split", default="val", choices=SPLITS)
    if "mode" in stage.keys:
        command.add_argument("--mode", default="single_scale", choices=MODES)
    if stage.on_gpus:
        command.add_argument(
            "--devices",
            type=int,
            default=None,
            help="GPUs to use at most; default: train.devices to train, else one",
        )


def _add_special(commands: dict[str, argparse.ArgumentParser]) -> None:
    commands["train"].add_argument(
        "--resume", type=Path, default=None, metavar="CHECKPOINT",
        help="go on from this checkpoint, or refuse if it was made with other params or data",
    )  # fmt: skip
    commands["train"].add_argument(
        "--fresh", action="store_true",
        help="set the checkpoints aside and start again, for instance after the code changed",
    )  # fmt: skip
    commands["plan"].add_argument(
        "--measure", action=argparse.BooleanOptionalAction, default=None,
        help="time a few steps on this machine first; default: if it has a GPU",
    )  # fmt: skip
    commands["plan"].add_argument(
        "--gpus", type=int, default=None, help="how many there are; default: train.devices"
    )
    accept = commands["accept"]
    accept.add_argument(
        "pattern", help="a stage, a job or an output; * stands for anything: 'train-baseline-*'"
    )
    accept.add_argument("--because", required=True, metavar="REASON", help="the report shows it")
    commands["tracking"].add_argument(
        "--port", type=int, default=None, help="where `make mlflow` shows them; it must be free"
    )
    detect = commands["detect"]
    detect.add_argument(
        "inputs", nargs="+", type=Path, metavar="INPUT", help="images, videos, folders of them"
    )
    detect.add_argument("--weights", required=True, type=Path, help="a .safetensors file")
    detect.add_argument(
        "--out", type=Path, default=Path("found"), metavar="DIR",
        help="for pictures, and the boxes of videos as JSON lines; default: found",
    )  # fmt: skip
    detect.add_argument(
        "--format", default="json", choices=["json", "coco", "csv"],
        help="of the boxes of images, which are printed",
    )  # fmt: skip
    detect.add_argument(
        "--threshold", "--score", type=float, default=0.3, help="least score of a box"
    )
    detect.add_argument(
        "--device", default=None, help="cpu, cuda or cuda:1; default: the GPU, if any"
    )
    detect.add_argument(
        "--batch-size", type=int, default=None,
        help="images that go through a GPU at once; default: detection.batch_size in the weights",
    )  # fmt: skip
    detect.add_argument("--no-pictures", dest="pictures", action="store_false", help="boxes alone")
    export = commands["export"]
    export.add_argument("--weights", required=True, type=Path, help="a .safetensors file")
    export.add_argument("--out", required=True, type=Path, metavar="W.onnx")
    export.add_argument("--format", default="onnx", choices=["onnx"])
    export.add_argument(
        "--decoded", action="store_true", help="boxes and scores before soft-NMS in place of maps"
    )
    weights = commands["import-weights"]
    weights.add_argument("released", type=Path, metavar="RELEASED.pkl")
    weights.add_argument("--out", required=True, type=Path, metavar="W.safetensors")
    weights.add_argument(
        "--variant", default="baseline", help="of this project's weights that do not say it"
    )
