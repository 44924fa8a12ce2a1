"""`cornernet train`: one variant with one seed, from scratch or from where it was stopped."""

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray

from cornernet.config import Params, resolve_variant
from cornernet.data.coco.split import load_split
from cornernet.data.sampling.samples import TrainingSamples
from cornernet.errors import BadInput
from cornernet.files import write_json
from cornernet.options import existing, params_of, trained_of
from cornernet.pipeline.gpu_lease import leased_gpus
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Paths, Trained
from cornernet.pipeline.provenance import Stopwatch, describe, digest, file_digest
from cornernet.pipeline.resolved import refresh, stage_code, stage_params
from cornernet.progress import say
from cornernet.tracking import Run, open_run
from cornernet.training.errors import Interrupted
from cornernet.training.job import TrainedFiles, TrainingJob
from cornernet.training.loop import train


def run(options: argparse.Namespace) -> None:
    """Train, and write weights, state, history and provenance."""
    profile = params_of(options)
    trained = trained_of(options, profile)
    params = resolve_variant(profile, trained.variant)
    if (lender := profile.variants[trained.variant].weights_of) is not None:
        raise BadInput(
            f"{trained.variant} is not trained, it is tested with the weights of {lender}: "
            f"`cornernet train --variant {lender}`"
        )
    if profile.variants[trained.variant].imported:
        raise BadInput(
            f"{trained.variant} is not trained; `cornernet import-weights RELEASED.pkl --out "
            f"{Paths(profile.profile).weights(trained)}` imports it"
        )
    refresh(profile, ("train",))
    paths = Paths(profile.profile)
    dataset = json.loads(existing(paths.dataset, "prepare").read_text())
    split = load_split(Path(params.data.root), params.data.splits["train"], "train")
    wanted = params.train.devices if options.devices is None else options.devices
    watch = Stopwatch()
    with leased_gpus(wanted, report=lambda line: say(f"{trained}: {line}")) as gpus:
        job = TrainingJob(
            params=params,
            num_categories=len(dataset["categories"]),
            seed=trained.seed,
            checkpoints=paths.checkpoints(trained),
            fingerprint={
                "params": stage_params(params, "train"),
                "code": stage_code("train"),
                "data": data_of(dataset, "train"),
            },
            name=str(trained),
            initial_state=_initial_state(profile, trained),
            resume=options.resume,
            fresh=getattr(options, "fresh", False),
            devices=tuple(f"cuda:{index}" for index in range(len(gpus))) or ("cpu",),
        )
        radii = stored_radii(paths, profile, params)
        samples = TrainingSamples(
            split, radii, params.augmentation, params.targets, params.data, trained.seed
        )
        _train(job, samples, trained, paths, dataset, watch)


def _train(
    job: TrainingJob,
    samples: TrainingSamples,
    trained: Trained,
    paths: Paths,
    dataset: dict[str, Any],
    watch: Stopwatch,
) -> None:
    """Run the job with a run of the tracker beside it."""
    outputs = TrainedFiles(paths.weights(trained), paths.state(trained), paths.history(trained))
    record = describe(job.params, "train", watch)
    tracked: Run | None = None

    def on_start(iteration: int, key: str | None) -> str | None:
        nonlocal tracked
        tags = {
            "commit": record["commit"],
            "data_digest": digest(job.fingerprint["data"]),
            **{f"version.{name}": version for name, version in record["packages"].items()},
        }
        params = record["params"]
        tracked = open_run(paths.profile, trained.variant, trained.seed, params, tags, key)
        source = {"root": job.params.data.root, "source": dataset["source"]}
        tracked.log_dataset(paths.profile, digest(job.fingerprint["data"]), source, "train")
        tracked.begin()
        return tracked.key

    def on_log(iteration: int, row: dict[str, float]) -> None:
        if tracked is not None:
            tracked.log(iteration, row)

    try:
        result = train(job, samples, outputs, on_log, on_start)
    except BaseException as error:
        if tracked is not None:
            killed = isinstance(error, Interrupted) or not isinstance(error, Exception)
            status = "KILLED" if killed else "FAILED"
            tracked.finish(status, job.checkpoints / "history.csv")
        raise
    assert tracked is not None  # training starts by opening it
    tracked.finish("FINISHED", outputs.history)
    write_json(
        paths.model_provenance(trained),
        describe(
            job.params,
            "train",
            watch,
            variant=trained.variant,
            seed=trained.seed,
            data=job.fingerprint["data"],
            code_spans=result.code_spans,
            weights_digest=file_digest(outputs.weights),
            run_key=tracked.key,
            mlflow_run_id=tracked.run_id,
            devices=list(result.devices),
            iterations=result.iterations,
            started_from=result.started_from,
            training_seconds=result.seconds,
            images_per_second=result.images_per_second,
        ),
    )


def data_of(dataset: dict[str, Any], split: str) -> dict[str, Any]:
    """What says which data a split held: its digests, its counts, and the categories."""
    return {"categories": dataset["categories"], split: dataset["splits"][split]}


def stored_radii(paths: Paths, profile: Params, params: Params) -> NDArray[Any] | None:
    """Radii of the train split's annotations as the variant needs them; None: to be computed.

    The table was made with the profile's min_iou; a variant with another cannot use it.
    """
    if params.targets.min_iou != profile.targets.min_iou:
        return None
    table = pd.read_parquet(existing(paths.radii, "radii"))
    column = f"radius_{params.targets.radius_roots}"
    return table.loc[table["split"] == "train", column].to_numpy()


def _initial_state(profile: Params, trained: Trained) -> Path | None:
    graph = Graph(profile)
    parent = graph.parent(trained)
    if parent is None:
        return None
    path = graph.paths.state(parent)
    if not path.is_file():
        raise BadInput(
            f"{path} is not there, and {trained.variant} goes on from it; "
            f"`cornernet train --variant {parent.variant} --seed {parent.seed}` makes it"
        )
    return path
