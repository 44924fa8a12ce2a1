"""`cornernet train`: one variant with one seed, from scratch or from where it was stopped."""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from cornernet.data.coco.split import load_split
from cornernet.data.sampling.radii import stored_radii
from cornernet.data.sampling.samples import TrainingSamples
from cornernet.errors import BadInput
from cornernet.pipeline.gpu_lease import leased_gpus
from cornernet.pipeline.job import HELPED, Job
from cornernet.pipeline.provenance import digest, file_digest, git_commit, versions
from cornernet.pipeline.staleness.resolved import stage_params
from cornernet.pipeline.validation import Validation
from cornernet.processes.nodes import Nodes, this_node
from cornernet.processes.signals import stop_requests
from cornernet.progress import say
from cornernet.tracking import Run, open_run
from cornernet.training.history import read_history, read_validation
from cornernet.training.job import Interrupted, TrainedFiles, TrainingJob, TrainingResult
from cornernet.training.loop import Members, run_on, train
from cornernet.training.start import Start

SECONDS_BETWEEN_LOOKS = 2.0


def run(job: Job) -> dict[str, Any]:
    """Train, and write weights, state and history; goes on from a checkpoint if there is one.

    Over several nodes this runs on each: the first one keeps the books, the others help.
    """
    nodes, trained = this_node(os.environ), job.trained
    with _devices(job, nodes) as devices:
        training, members = _training(job), partial(run_on, devices, nodes)
        if nodes.rank > 0:
            with stop_requests() as request:
                members(training, Start(), request)
            return HELPED
        result, tracked = _train(job, training, members)
    return {
        "variant": trained.variant,
        "seed": trained.seed,
        "code_spans": result.code_spans,
        "weights_digest": file_digest(job.paths.weights(trained)),
        "validation": read_validation(training.checkpoints / "history.csv"),
        "run_key": tracked.key,
        "mlflow_run_id": tracked.run_id,
        "nodes": nodes.count,
        "processes": result.processes,
        "devices": list(devices),
        "iterations": result.iterations,
        "started_from": result.started_from,
        "training_seconds": result.seconds,
        "images_per_second": result.images_per_second,
    }


@contextmanager
def _devices(job: Job, nodes: Nodes) -> Iterator[tuple[str, ...]]:
    """This node's part of the devices that are asked for, at most one for each chunk of a step.

    Without a GPU one process computes on the CPU, or as many as `--devices` says.
    """
    asked, train = job.options.devices, job.params.train
    wanted = min(asked or train.devices, len(train.chunks))
    if wanted < nodes.count:
        raise BadInput(
            f"{nodes.count} nodes for {wanted} devices: each needs one; see --devices, and "
            f"train.chunks, which has {len(train.chunks)} chunks"
        )
    with leased_gpus(
        nodes.share(wanted), report=lambda line: say(f"{job.trained}: {line}")
    ) as gpus:
        on_cpu = ("cpu",) * (nodes.share(wanted) if asked else 1)
        yield tuple(f"cuda:{index}" for index in range(len(gpus))) or on_cpu


def _training(job: Job) -> TrainingJob:
    """What is to be trained: the job's model on the split train, validated on the split val."""
    params, trained, paths = job.params, job.trained, job.paths
    split = load_split(job.root, params.data.splits["train"], "train")
    return TrainingJob(
        params=params,
        num_categories=job.dataset.num_categories,
        seed=trained.seed,
        samples=TrainingSamples(
            split,
            _stored_radii(job),
            params.augmentation,
            params.targets,
            params.data,
            trained.seed,
        ),
        checkpoints=paths.checkpoints(trained),
        outputs=TrainedFiles(paths.weights(trained), paths.state(trained), paths.history(trained)),
        fingerprint={
            "params": stage_params(params, "train"),
            "code": job.code,
            "data": _data(job),
        },
        name=str(trained),
        validate=Validation(params) if "val" in params.data.splits else None,
        initial_state=_initial_state(job),
        resume=job.options.resume,
        fresh=job.options.fresh,
    )


def _train(job: Job, training: TrainingJob, members: Members) -> tuple[TrainingResult, Run]:
    """Run the training with a run of the tracker beside it."""
    paths, trained, history = job.paths, job.trained, training.checkpoints / "history.csv"
    tracked: Run | None = None
    following = ExitStack()

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
        following.enter_context(_following(tracked, history))
        return tracked.key

    try:
        with following:
            result = train(training, members, on_start)
    except BaseException as error:
        if tracked is not None:
            killed = isinstance(error, Interrupted) or not isinstance(error, Exception)
            tracked.finish("KILLED" if killed else "FAILED", history)
        raise
    assert tracked is not None  # training starts by opening it
    tracked.finish("FINISHED", training.outputs.history)
    return result, tracked


@contextmanager
def _following(run: Run, history: Path) -> Iterator[None]:
    """Tell the tracker of each new row of a history, which another process writes."""
    over = threading.Event()
    known = {row["iteration"] for row in read_history(history)}

    def follow() -> None:
        while not over.wait(SECONDS_BETWEEN_LOOKS):
            for row in read_history(history):
                if (iteration := row.pop("iteration")) not in known:
                    known.add(iteration)
                    run.log(int(iteration), row)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


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
