"""`cornernet train`: one variant with one seed, from scratch or from where it was stopped."""

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from typing import Any

import pandas as pd

from cornernet.data.coco.split import load_split
from cornernet.data.sampling.radii import stored_radii
from cornernet.data.sampling.samples import TrainingSamples
from cornernet.errors import BadInput
from cornernet.files import hash_file
from cornernet.library.description import described
from cornernet.pipeline.gpu_lease import leased_gpus
from cornernet.pipeline.job import HELPED, Job
from cornernet.pipeline.params_and_data import notes_on_training, refuse_contradictions
from cornernet.pipeline.provenance import git_commit, versions
from cornernet.pipeline.slurm import job_of_slurm
from cornernet.pipeline.staleness.resolved import stage_params
from cornernet.pipeline.tracked_runs import dataset_of, tags_of
from cornernet.pipeline.validation import validation
from cornernet.processes.nodes import Nodes, this_node
from cornernet.processes.supervision import stop_requests
from cornernet.progress import say
from cornernet.tracking import ModelFiles, Run
from cornernet.training.group import describe_rounds
from cornernet.training.history import HISTORY, VALIDATION, read_history
from cornernet.training.job import Interrupted, TrainedFiles, TrainingJob, TrainingResult
from cornernet.training.loop import Members, run_on, train
from cornernet.training.start import Start


def run(job: Job) -> dict[str, Any]:
    """Train, and write weights, state and history; goes on from a checkpoint if there is one.

    Over several nodes this runs on each: the first one keeps the books, the others help.
    """
    nodes, trained = this_node(os.environ), job.trained
    with job_of_slurm(trained, job.paths.checkpoints(trained)), _devices(job, nodes) as devices:
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
        "weights_digest": hash_file(job.paths.weights(trained)).sha256,
        "init_digest": training.fingerprint["data"].get("init"),
        "validation": read_history(training.checkpoints / VALIDATION),
        "run_key": tracked.model.key,
        "mlflow_run_id": tracked.run_id,
        "mlflow_page": tracked.page,
        "nodes": nodes.count,
        "processes": result.processes,
        "devices": list(devices),
        "iterations": job.params.train.iterations,
        "started_from": result.started_from,
        "training_seconds": result.seconds,
        "images_per_second": result.images_per_second,
    }


@contextmanager
def _devices(job: Job, nodes: Nodes) -> Iterator[tuple[str, ...]]:
    """This node's part of the devices that are asked for, at most one for each chunk of a step.

    Without a GPU one process computes on the CPU; or as many as `--devices` says, as far as the
    machine has cores for `train.threads` each.
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
        if gpus:
            say(f"{job.trained}: {describe_rounds(len(train.chunks), wanted)}")
        on_cpu = min(nodes.share(wanted), (os.cpu_count() or 1) // train.threads) if asked else 1
        cpus = ("cpu",) * max(on_cpu, 1)
        yield tuple(f"cuda:{index}" for index in range(len(gpus))) or cpus


def _training(job: Job) -> TrainingJob:
    """What is to be trained: the job's model on the split train, validated on the split val."""
    params, trained, paths = job.params, job.trained, job.paths
    parent, init = job.graph.parent(trained), job.graph.init_of(trained)
    refuse_contradictions(params, job.dataset)
    split = load_split(job.root, params.data.splits["train"], "train")
    # With the profile's min_iou the table was made; radii of a variant with another are computed.
    same = params.targets.min_iou == job.profile.targets.min_iou
    categories = {str(category.id): category.name for category in job.dataset.categories}
    data: dict[str, Any] = {"categories": categories, "train": job.dataset.splits["train"].digests}
    if init is not None:
        data["init"] = hash_file(init).sha256
    return TrainingJob(
        params=params,
        num_categories=len(job.dataset.categories),
        seed=trained.seed,
        samples=TrainingSamples(
            split,
            stored_radii(pd.read_parquet(paths.radii), "train", params.targets) if same else None,
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
            "data": data,
        },
        name=str(trained),
        description=asdict(described(params, trained.variant, job.dataset)),
        validate=partial(validation, params) if "val" in params.data.splits else None,
        initial_state=None if parent is None else paths.state(parent),
        resume=job.options.resume,
        fresh=job.options.fresh,
    )


def _train(job: Job, training: TrainingJob, members: Members) -> tuple[TrainingResult, Run]:
    """Run the training with a run of the tracker beside it."""
    paths, trained, history = job.paths, job.trained, training.checkpoints / HISTORY
    tracked: Run | None = None
    for note in notes_on_training(job.params, job.dataset):
        training.report(note)
    following = ExitStack()

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
            result = train(training, members, on_start)
    except BaseException as error:
        if tracked is not None:
            killed = isinstance(error, Interrupted) or not isinstance(error, Exception)
            tracked.finish("KILLED" if killed else "FAILED")
        raise
    assert tracked is not None  # training starts by opening it
    tracked.finish("FINISHED", training.outputs.history, history.with_name(VALIDATION))
    return result, tracked
