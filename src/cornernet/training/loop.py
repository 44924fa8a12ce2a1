"""The training loop: from an untrained or half-trained network to weights on disk."""

import hashlib
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cornernet.config.schema import Params
from cornernet.data.sampling.samples import TrainingSamples
from cornernet.errors import BadInput
from cornernet.training.checkpoint import CheckpointFolder, explicit_checkpoint, foreign_state
from cornernet.training.devices import choose_devices
from cornernet.training.errors import Interrupted
from cornernet.training.job import OnLog, OnStart, TrainedFiles, TrainingJob, TrainingResult
from cornernet.training.processes import Processes, processes_on
from cornernet.training.progress import Progress
from cornernet.training.recorder import NOTHING_SUMMED, Recorder
from cornernet.training.settings import training_settings
from cornernet.training.signals import StopRequest, stop_requests
from cornernet.training.trainer import Trainer


@dataclass(frozen=True)
class Start:
    """Where a training begins: the state file to go on from (none: untrained), and its facts."""

    path: Path | None = None
    iteration: int = 0
    window: tuple[float, ...] = NOTHING_SUMMED
    run_id: str | None = None


def train(
    job: TrainingJob,
    samples: TrainingSamples,
    outputs: TrainedFiles,
    on_log: OnLog | None = None,
    on_start: OnStart | None = None,
) -> TrainingResult:
    """Train `job`'s model to `train.iterations` and write its weights, state and history.

    Goes on from the newest checkpoint that was made with `job.fingerprint`, if there is one.
    Raises BadInput (a checkpoint that cannot be used, no memory, no space), NonFinite,
    Interrupted (after saving a checkpoint), TrainingFailed.
    """
    params = job.params.train
    folder = CheckpointFolder(job.checkpoints, params.keep_checkpoints)
    progress = Progress(job.name, params.iterations, sum(params.chunks))
    devices = job.devices or choose_devices(params.devices, len(params.chunks), progress.say)
    devices = devices[: len(params.chunks)]  # one chunk each at least
    fingerprint = complete_fingerprint(job)
    with folder.locked(), training_settings(params), stop_requests() as request:
        start = find_start(job, fingerprint, folder, progress.say)
        run_id = start.run_id or folder.remembered_run(fingerprint)
        if on_start is not None:
            run_id = on_start(start.iteration, run_id)
        folder.remember_run(run_id, fingerprint)
        shared = (job.params, job.num_categories, job.seed, start.path)
        with processes_on(devices, _follow, (*shared, samples)) as processes:
            trainer = Trainer.create(*shared, processes, devices[0], progress.say)
            recorder = Recorder(
                trainer, folder, fingerprint, progress, start.window, run_id, on_log
            )
            seconds = _lead(trainer, samples, recorder, request)
        recorder.write_results(outputs)
    images = (trainer.iteration - start.iteration) * sum(params.chunks)
    return TrainingResult(
        iterations=trainer.iteration,
        started_from=start.iteration,
        seconds=round(seconds, 2),
        images_per_second=round(images / max(seconds, 1e-9), 2),
        devices=devices,
        run_id=run_id,
    )


def _lead(
    trainer: Trainer, samples: TrainingSamples, recorder: Recorder, request: StopRequest
) -> float:
    """The loop of the first process; returns its seconds."""
    began = time.monotonic()
    iterations = trainer.params.train.iterations
    recorder.progress.begin(trainer.iteration)
    try:
        with closing(trainer.chunks(samples)) as source:
            while trainer.iteration < iterations:
                terms, stop = trainer.step(source, request)
                recorder.record(terms)
                if stop and trainer.iteration < iterations:
                    recorder.save_checkpoint()
                    assert request.number is not None
                    raise Interrupted(request.number, trainer.iteration)
    finally:
        recorder.progress.close()
    return time.monotonic() - began


def _follow(
    processes: Processes,
    device: str,
    params: Params,
    num_categories: int,
    seed: int,
    start: Path | None,
    samples: TrainingSamples,
) -> None:
    """The loop of every other process."""
    with training_settings(params.train):
        trainer = Trainer.create(params, num_categories, seed, start, processes, device)
        stop = False
        with closing(trainer.chunks(samples)) as source:
            while trainer.iteration < params.train.iterations and not stop:
                _, stop = trainer.step(source, StopRequest())


def complete_fingerprint(job: TrainingJob) -> dict[str, Any]:
    """`job.fingerprint`, and what else decides the weights: the seed and the initial state."""
    fingerprint = {**job.fingerprint, "seed": job.seed, "categories": job.num_categories}
    if job.initial_state is not None:
        if not job.initial_state.is_file():
            raise BadInput(f"{job.initial_state}: missing; train the model that this one continues")
        with job.initial_state.open("rb") as stream:
            fingerprint["initial_state"] = hashlib.file_digest(stream, "sha256").hexdigest()
    return fingerprint


def find_start(
    job: TrainingJob,
    fingerprint: dict[str, Any],
    folder: CheckpointFolder,
    report: Callable[[str], None],
) -> Start:
    """Where to begin: the checkpoint that was named, the newest usable one, the initial state."""
    if job.resume is not None:
        state = explicit_checkpoint(job.resume, fingerprint)
        report(f"goes on from iteration {state.iteration} ({job.resume})")
        return Start(job.resume, state.iteration, state.window, state.run_id)
    newest = folder.newest(fingerprint, report)
    if newest is not None:
        path, state = newest
        report(f"goes on from iteration {state.iteration} ({path.name})")
        return Start(path, state.iteration, state.window, state.run_id)
    if job.initial_state is not None:
        state = foreign_state(job.initial_state, "continues")
        if state.iteration >= job.params.train.iterations:
            raise BadInput(
                f"{job.initial_state}: has {state.iteration} iterations already; "
                f"train.iterations must be more than that, not {job.params.train.iterations}"
            )
        report(f"continues {job.initial_state} from iteration {state.iteration}")
        return Start(job.initial_state, state.iteration)
    return Start()
