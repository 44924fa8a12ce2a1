"""The tracker's run of a trained model, as the stages after training know it."""

import dataclasses
import json
import tempfile
from pathlib import Path
from typing import Any

from cornernet.config import Params, resolve_variant
from cornernet.data.coco.images import IMAGE_SUFFIXES
from cornernet.files import write_json
from cornernet.pipeline.paths import Paths, Trained
from cornernet.pipeline.provenance import digest, file_digest
from cornernet.tracking import Run, find_run
from cornernet.tracking.registry import SETTINGS, WEIGHTS


def run_of(paths: Paths, trained: Trained) -> Run:
    """The run of a model that is trained or imported, wherever that was; to be closed."""
    made = provenance_of(paths, trained)
    return find_run(
        paths.profile,
        trained.variant,
        trained.seed,
        weights_digest(paths, trained),
        key=made.get("run_key"),
        params=made.get("params"),
        history=paths.history(trained),
    )


def provenance_of(paths: Paths, trained: Trained) -> dict[str, Any]:
    """What is recorded beside the weights; empty if nothing is."""
    path = paths.model_provenance(trained)
    return json.loads(path.read_text()) if path.is_file() else {}


def weights_digest(paths: Paths, trained: Trained) -> str:
    """sha256 of the weights, as recorded or as they are; empty if they are not at hand."""
    recorded = provenance_of(paths, trained).get("weights_digest")
    weights = paths.weights(trained)
    return recorded or (file_digest(weights) if weights.is_file() else "")


def log_model(run: Run, profile: Params, trained: Trained, categories: list[Any]) -> None:
    """Put the model into the registry, with all that it takes to use it; once.

    Another version is made when the weights, or the params that testing them depends on, differ.
    Nothing happens where the weights are not at hand.
    """
    paths, params = Paths(profile.profile), resolve_variant(profile, trained.variant)
    weights = paths.weights(trained)
    if not weights.is_file():
        return
    settings = {
        "model": dataclasses.asdict(params.model),
        "detection": dataclasses.asdict(params.detection),
        "categories": categories,
    }
    with tempfile.TemporaryDirectory() as folder:
        write_json(Path(folder) / SETTINGS, settings)
        files = {WEIGHTS: weights, SETTINGS: Path(folder) / SETTINGS}
        if (picture := _picture(params)) is not None:
            files[f"example{picture.suffix.lower()}"] = picture
        run.log_model(
            f"cornernet-{profile.profile}-{trained.variant}",
            digest([weights_digest(paths, trained), settings]),
            files,
            {"profile": profile.profile, "variant": trained.variant, "seed": str(trained.seed)},
        )


def _picture(params: Params) -> Path | None:
    """An image of the data set, to show what the model takes."""
    split = params.data.splits.get("val") or next(iter(params.data.splits.values()))
    folder = Path(params.data.root) / split.images
    if not folder.is_dir():
        return None
    pictures = (path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    return min(pictures, default=None)
