"""The training loop: from an untrained or half-trained network to weights on disk."""

import time
from contextlib import closing
from pathlib import Path

from cornernet.config.schema import Params
from cornernet.data.sampling.samples import TrainingSamples
from cornernet.progress import Progress, say
from cornernet.training.checkpoint import CheckpointFolder
from cornernet.training.errors import Interrupted
from cornernet.training.job import OnLog, OnStart, TrainedFiles, TrainingJob, TrainingResult
from cornernet.training.processes import Processes, processes_on
from cornernet.training.recorder import Recorder
from cornernet.training.settings import training_settings
from cornernet.training.signals import StopRequest, stop_requests
from cornernet.training.start import complete_fingerprint, find_start
from cornernet.training.trainer import Trainer


def train(
    job: TrainingJob,
    samples: TrainingSamples,
    outputs: TrainedFiles,
    on_log: OnLog | None = None,
    on_start: OnStart | None = None,
) -> TrainingResult:
    """Train `job`'s model to `train.iterations` and write its weights, state and history.

    Goes on from the newest checkpoint that was made with the params and data of `job.fingerprint`,
    if there is one; a finished training whose code differs starts anew. Raises BadInput (a
    checkpoint that cannot be used, no memory, no space), NonFinite, Interrupted (after saving a
    checkpoint), TrainingFailed.
    """
    params = job.params.train
    folder = CheckpointFolder(job.checkpoints, params.keep_checkpoints)

    def report(line: str) -> None:
        say(f"{job.name}: {line}")

    devices = job.devices[: len(params.chunks)]  # one chunk each at least
    fingerprint = complete_fingerprint(job)
    with folder.locked(), training_settings(params), stop_requests() as request:
        start = find_start(job, fingerprint, folder, report)
        run_id = start.run_id or folder.remembered_run(fingerprint)
        if on_start is not None:
            run_id = on_start(start.iteration, run_id)
        folder.remember_run(run_id, fingerprint)
        if start.iteration < params.iterations:
            folder.mark_unfinished()
        shared = (job.params, job.num_categories, job.seed, start.path)
        with processes_on(devices, _follow, (*shared, samples)) as processes:
            trainer = Trainer(*shared, processes, devices[0], report)
            progress = Progress(
                job.name, params.iterations, unit="iteration", initial=start.iteration
            )
            with progress:
                recorder = Recorder(
                    trainer,
                    folder,
                    fingerprint,
                    start.code_spans,
                    progress,
                    start.window,
                    run_id,
                    on_log,
                )
                seconds = _lead(trainer, samples, recorder, request)
        recorder.write_results(outputs)
        folder.mark_finished(fingerprint)
    images = (trainer.iteration - start.iteration) * sum(params.chunks)
    return TrainingResult(
        iterations=trainer.iteration,
        started_from=start.iteration,
        seconds=round(seconds, 2),
        images_per_second=round(images / max(seconds, 1e-9), 2),
        devices=devices,
        run_id=run_id,
        code_spans=recorder.code_spans(),
    )


def _lead(
    trainer: Trainer, samples: TrainingSamples, recorder: Recorder, request: StopRequest
) -> float:
    """The loop of the first process; returns its seconds."""
    began = time.monotonic()
    iterations = trainer.params.train.iterations
    with closing(trainer.chunks(samples)) as source:
        while trainer.iteration < iterations:
            terms, stop = trainer.step(source, request)
            recorder.record(terms)
            if stop and trainer.iteration < iterations:
                recorder.save_checkpoint()
                assert request.number is not None
                raise Interrupted(request.number, trainer.iteration)
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
        trainer = Trainer(params, num_categories, seed, start, processes, device)
        stop = False
        with closing(trainer.chunks(samples)) as source:
            while trainer.iteration < params.train.iterations and not stop:
                _, stop = trainer.step(source, StopRequest())
