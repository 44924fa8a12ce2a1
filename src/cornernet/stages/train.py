"""`cornernet train`: one variant with one seed, from scratch or from where it was stopped."""

import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from cornernet.data.coco.split import load_split
from cornernet.data.sampling.radii import stored_radii
from cornernet.data.sampling.samples import TrainingSamples
from cornernet.pipeline.gpu_lease import leased_gpus
from cornernet.pipeline.job import Job
from cornernet.pipeline.provenance import file_digest, git_commit, versions
from cornernet.pipeline.rounds import describe_rounds
from cornernet.pipeline.staleness.resolved import stage_params
from cornernet.pipeline.tracked_runs import dataset_of, tags_of
from cornernet.progress import say
from cornernet.tracking import VALIDATION, ModelFiles, Run
from cornernet.training.errors import Interrupted
from cornernet.training.job import TrainedFiles, TrainingJob, TrainingResult
from cornernet.training.loop import train


def run(job: Job) -> dict[str, Any]:
    """Train, and write weights, state and history; goes on from a checkpoint if there is one."""
    params, trained = job.params, job.trained
    wanted = params.train.devices if job.options.devices is None else job.options.devices
    with leased_gpus(wanted, report=lambda line: say(f"{trained}: {line}")) as gpus:
        if gpus:
            say(f"{trained}: {describe_rounds(len(params.train.chunks), len(gpus))}")
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
        "run_key": tracked.model.key,
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
    history = training.checkpoints / "history.csv"
    following, tracked = ExitStack(), None

    def on_start(iteration: int, key: str | None) -> str:
        nonlocal tracked
        key = key or uuid.uuid4().hex
        tags = tags_of(job.graph, job.options.set, trained, git_commit(), versions())
        data = dataset_of(job.graph, job.dataset.splits["train"].digests)
        params = training.fingerprint["params"]
        names = (paths.profile, trained.variant, trained.seed)
        tracked = Run(ModelFiles(*names, key, params, tags, dataset=data))
        following.enter_context(tracked.following(history))
        return key

    try:
        with following:
            result = train(training, samples, outputs, on_start=on_start)
    except BaseException as error:
        if tracked is not None:
            killed = isinstance(error, Interrupted) or not isinstance(error, Exception)
            tracked.finish("KILLED" if killed else "FAILED")
        raise
    assert tracked is not None  # training starts by opening it
    tracked.finish("FINISHED", outputs.history, history.with_name(VALIDATION))
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
