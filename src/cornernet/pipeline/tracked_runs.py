"""What the files of a profile say of its models, for the tracker: the files are its journal."""

import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cornernet.config import resolve_variant
from cornernet.data.coco.dataset import read_dataset
from cornernet.data.coco.images import IMAGE_SUFFIXES
from cornernet.files import hash_file
from cornernet.library.description import described
from cornernet.pipeline.descriptions.models import TRAIN
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Trained
from cornernet.pipeline.provenance import INVOCATION, digest, read_provenance
from cornernet.pipeline.stage import options_of
from cornernet.tracking import REPORT_PAGE, ModelFiles, Registered, leaves_to_others, send
from cornernet.training.history import HISTORY, VALIDATION
from cornernet.training.job import RUN

SHOWN_DECIMALS = 2  # of a percentage in the tracker, which shows all that it gets
KEY_LENGTH = 32


def tell(graph: Graph, overrides: Sequence[str], models: Sequence[Trained]) -> None:
    """Tell the tracker what it lacks of some models, at the end of a stage; but on a cluster."""
    if not leaves_to_others():
        send([files for model in models for files in files_of(graph, overrides, model)])


def files_of(graph: Graph, overrides: Sequence[str], trained: Trained) -> Iterator[ModelFiles]:
    """The model with its results, if it is there; and its training that is under way, if one is."""
    paths, made = graph.paths, read_provenance(graph.paths.model_provenance(trained))
    weights, checkpoints = paths.weights(trained), paths.checkpoints(trained)
    weights_digest = made.get("weights_digest") or (
        hash_file(weights).sha256 if weights.is_file() else ""
    )
    key = made.get("run_key") or weights_digest[:KEY_LENGTH]
    names = (paths.profile, trained.variant, trained.seed)
    validation = checkpoints / VALIDATION
    if key:
        ended = None  # in milliseconds, as MLflow counts
        if "finished" in made:
            ended = int(1000 * datetime.fromisoformat(made["finished"]).timestamp())
        tags = {"weights_digest": weights_digest, "trained_elsewhere": "yes"}
        if "run_key" in made:
            tags = tags_of(graph, overrides, trained, made["commit"], made["packages"])
        yield ModelFiles(
            *names,
            key,
            {name: value for name, value in made.get("params", {}).items() if value is not None},
            tags,
            dataset=dataset_of(graph, made.get("data", {}).get("train")),
            curves=(paths.history(trained), validation),
            metrics=_metrics(graph, trained, ended),
            artifacts=tuple(_artifacts(graph, trained, ended)),
            registered=_registered(graph, trained, weights_digest),
            status="FINISHED",
            began=ended and ended - int(1000 * made.get("training_seconds", 0)),
            ended=ended,
        )
    under_way = read_provenance(checkpoints / RUN)
    if under_way.get("run_id") not in (None, key):
        params = under_way.get("fingerprint", {}).get("params", {})
        tags = tags_of(graph, overrides, trained)
        curves = (checkpoints / HISTORY, validation)
        yield ModelFiles(*names, under_way["run_id"], params, tags, curves=curves)


def tags_of(
    graph: Graph,
    overrides: Sequence[str],
    trained: Trained,
    commit: str = "",
    versions: dict[str, str] | None = None,
) -> dict[str, str]:
    """Tags of a model's run: MLflow's own of source and description, commit, versions, group."""
    command = TRAIN.command_line(options_of(graph.params, overrides), trained)
    checkout = f"git checkout {commit.removesuffix('-dirty')}\n" if commit else ""
    note = f"[The report]({REPORT_PAGE})\n\nTo repeat it:\n\n```\n{checkout}{command}\n```"
    tags = {f"version.{name}": version for name, version in (versions or {}).items()}
    tags |= {"mlflow.source.name": command, "mlflow.source.type": "LOCAL"}
    tags |= {"mlflow.source.git.commit": commit.removesuffix("-dirty"), "commit": commit}
    tags |= {"mlflow.note.content": note, "invocation": os.environ.get(INVOCATION, "")}
    return {name: value for name, value in tags.items() if value}


def dataset_of(graph: Graph, digests: Any) -> tuple[str, str, dict[str, str]] | None:
    """The data set of a training, known by the digests of its files."""
    if not digests or not graph.paths.dataset.is_file():
        return None
    source = {"root": graph.params.data.root, "source": read_dataset(graph.paths.dataset).source}
    return graph.paths.profile, digest(digests), source


def _metrics(graph: Graph, trained: Trained, ended: int | None) -> dict[str, float]:
    """All metrics of all tests, as `AP.val.single_scale`: MLflow's pages cut names short.

    Metrics of a variant that borrows the model's weights end with its name, for the model's own are
    there too.
    """
    variants, found = graph.params.variants, {}
    borrowers = [name for name in variants if variants[name].weights_of == trained.variant]
    for variant in (trained.variant, *borrowers):
        borrowed = "" if variant == trained.variant else f".{variant}"
        for path in _metrics_files(graph, Trained(variant, trained.seed), ended):
            test = json.loads(path.read_text())
            for name, value in test["metrics"].items():
                if value is not None:
                    named = f"{name}.{test['split']}.{test['mode']}{borrowed}"
                    if test["split"] == "test_dev":  # MLflow's pages sort by name: after val
                        named = f"test_dev.{name}.{test['mode']}{borrowed}"
                    found[named] = round(float(value), SHOWN_DECIMALS)
    return found


def _metrics_files(graph: Graph, trained: Trained, ended: int | None) -> list[Path]:
    """The metrics of a variant's tests, those that are not of another training."""
    files = sorted((graph.paths.reports / "metrics").glob(f"{trained}-*.json"))
    return [path for path in files if path.suffixes == [".json"] and _is_of(path, ended)]


def _artifacts(
    graph: Graph, trained: Trained, ended: int | None
) -> Iterator[tuple[Path, str | None]]:
    """Metrics, tables, figures and the page, those that are not of another training."""
    paths = graph.paths
    yield from ((path, "metrics") for path in _metrics_files(graph, trained, ended))
    if _is_of(paths.page, ended):
        yield from ((paths.table(number, "md"), "tables") for number in (1, 2, 3, 4))
        yield from ((path, "figures") for path in sorted(paths.figures.glob("*.svg")))
        yield paths.page, None


def _is_of(path: Path, ended: int | None) -> bool:
    """Whether a result was written after the model's training ended."""
    return path.is_file() and path.stat().st_mtime * 1000 >= (ended or 0)


def _registered(graph: Graph, trained: Trained, weights_digest: str) -> Registered | None:
    """The model as the registry gets it, once it was tested and where the weights are at hand.

    Another version is made when the weights, or the params that testing them depends on, differ.
    """
    paths, params = graph.paths, resolve_variant(graph.params, trained.variant)
    tested = any((paths.reports / "metrics").glob(f"{trained}-*.json"))
    if not (tested and paths.weights(trained).is_file() and paths.dataset.is_file()):
        return None
    description = described(params, trained.variant, read_dataset(paths.dataset))
    settings = dataclasses.asdict(description)
    split = params.data.splits.get("val") or next(iter(params.data.splits.values()))
    folder = Path(params.data.root) / split.images
    pictures = (p for p in folder.glob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    return Registered(
        f"cornernet-{paths.profile}-{trained.variant}",
        digest([weights_digest, settings]),
        paths.weights(trained),
        settings,
        min(pictures, default=None),
    )
