"""`cornernet train`: one variant with one seed, from scratch or from where it was stopped."""

from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from cornernet.data.coco.split import load_split
from cornernet.data.sampling.radii import stored_radii
from cornernet.data.sampling.samples import TrainingSamples
from cornernet.pipeline.gpu_lease import leased_gpus
from cornernet.pipeline.job import Job
from cornernet.pipeline.provenance import digest, file_digest, git_commit, versions
from cornernet.pipeline.slurm import job_of_slurm
from cornernet.pipeline.staleness.resolved import stage_params
from cornernet.progress import say
from cornernet.tracking import Run, open_run
from cornernet.training.errors import Interrupted
from cornernet.training.job import TrainedFiles, TrainingJob, TrainingResult
from cornernet.training.loop import train


def run(job: Job) -> dict[str, Any]:
    """Train, and write weights, state and history; goes on from a checkpoint if there is one."""
    params, trained = job.params, job.trained
    wanted = params.train.devices if job.options.devices is None else job.options.devices

    def report(line: str) -> None:
        say(f"{trained}: {line}")

    with (
        job_of_slurm(job.paths.checkpoints(trained), report),
        leased_gpus(wanted, report) as gpus,
    ):
        training = TrainingJob(
            params=params,
            num_categories=job.dataset.num_categories,
            seed=trained.seed,
            checkpoints=job.paths.checkpoints(trained),
            fingerprint={
                "params": stage_params(params, "train"),
                "code": job.code,
                "data": _data(job),
            },
            name=str(trained),
            initial_state=_initial_state(job),
            resume=job.options.resume,
            fresh=job.options.fresh,
            devices=tuple(f"cuda:{index}" for index in range(len(gpus))) or ("cpu",),
        )
        split = load_split(job.root, params.data.splits["train"], "train")
        samples = TrainingSamples(
            split,
            _stored_radii(job),
            params.augmentation,
            params.targets,
            params.data,
            trained.seed,
        )
        result, tracked = _train(job, training, samples)
    return {
        "variant": trained.variant,
        "seed": trained.seed,
        "code_spans": result.code_spans,
        "weights_digest": file_digest(job.paths.weights(trained)),
        "run_key": tracked.key,
        "mlflow_run_id": tracked.run_id,
        "devices": list(result.devices),
        "iterations": result.iterations,
        "started_from": result.started_from,
        "training_seconds": result.seconds,
        "images_per_second": result.images_per_second,
    }


def _train(job: Job, training: TrainingJob, samples: TrainingSamples) -> tuple[TrainingResult, Run]:
    """Run the training with a run of the tracker beside it."""
    paths, trained = job.paths, job.trained
    outputs = TrainedFiles(paths.weights(trained), paths.state(trained), paths.history(trained))
    tracked: Run | None = None

    def on_start(iteration: int, key: str | None) -> str | None:
        nonlocal tracked
        data = digest(training.fingerprint["data"])
        tags = {"commit": git_commit(), "data_digest": data}
        tags |= {f"version.{name}": version for name, version in versions().items()}
        params = training.fingerprint["params"]
        tracked = open_run(paths.profile, trained.variant, trained.seed, params, tags, key)
        source = {"root": str(job.root), "source": job.dataset.source}
        tracked.log_dataset(paths.profile, data, source, "train")
        tracked.begin()
        return tracked.key

    def on_log(iteration: int, row: dict[str, float]) -> None:
        if tracked is not None:
            tracked.log(iteration, row)

    try:
        result = train(training, samples, outputs, on_log, on_start)
    except BaseException as error:
        if tracked is not None:
            killed = isinstance(error, Interrupted) or not isinstance(error, Exception)
            status = "KILLED" if killed else "FAILED"
            tracked.finish(status, training.checkpoints / "history.csv")
        raise
    assert tracked is not None  # training starts by opening it
    tracked.finish("FINISHED", outputs.history)
    return result, tracked


def _data(job: Job) -> dict[str, Any]:
    """What says which data are trained on: the categories, and the digests of the files."""
    categories = {str(category.id): category.name for category in job.dataset.categories}
    return {"categories": categories, "train": job.dataset.splits["train"].digests}


def _stored_radii(job: Job) -> NDArray[Any] | None:
    """Radii of the train split's annotations as the variant needs them; None: to be computed.

    The table was made with the profile's min_iou; a variant with another cannot use it.
    """
    if job.params.targets.min_iou != job.profile.targets.min_iou:
        return None
    return stored_radii(pd.read_parquet(job.paths.radii), "train", job.params.targets)


def _initial_state(job: Job) -> Path | None:
    parent = job.graph.parent(job.trained)
    return None if parent is None else job.paths.state(parent)
