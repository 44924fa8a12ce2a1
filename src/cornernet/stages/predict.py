"""`cornernet predict`: detections of a trained model on a split (section 4.2)."""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch

from cornernet.config import Params, resolve_variant
from cornernet.data.coco.split import load_split
from cornernet.detection.network import as_network
from cornernet.detection.parallel import Share, shared_out
from cornernet.detection.predict import predict_split
from cornernet.files import write_json
from cornernet.model.network import CornerNet
from cornernet.model.weights import load_weights
from cornernet.options import existing, params_of, tested_of
from cornernet.pipeline.gpu_lease import leased_gpus
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.paths import Paths, Tested, provenance
from cornernet.pipeline.provenance import Stopwatch, describe, file_digest
from cornernet.pipeline.resolved import refresh
from cornernet.progress import Progress, say


def run(options: argparse.Namespace) -> None:
    """Write the detections as COCO results, and how they were made beside them."""
    profile = params_of(options)
    tested = tested_of(options, profile)
    params = resolve_variant(profile, tested.trained.variant)
    refresh(profile, ("predict",))
    paths = Paths(profile.profile)
    dataset = json.loads(existing(paths.dataset, "prepare").read_text())
    weights = existing(paths.weights(Graph(profile).weights_of(tested.trained)), "train")
    wanted = 1 if options.devices is None else options.devices
    watch = Stopwatch()
    with leased_gpus(wanted, report=lambda line: say(f"{tested}: {line}")) as gpus:
        devices = [f"cuda:{number}" for number in range(len(gpus))] or ["cpu"] * max(wanted, 1)
        arguments = (params, tested, weights, len(dataset["categories"]))
        parts = shared_out(devices, predict_share, arguments)
    # Stable: the rows of an image stay as they are, whatever share it was in.
    results = sorted((row for rows, _ in parts for row in rows), key=lambda row: row["image_id"])
    seconds = sum(spent for _, spent in parts)
    write_json_lines(paths.detections(tested), results)
    write_json(
        provenance(paths.detections(tested)),
        describe(
            params,
            "predict",
            watch,
            weights_digest=file_digest(weights),
            device=", ".join(devices),
            images=dataset["splits"][tested.split]["images"],
            seconds_per_image=seconds / max(1, dataset["splits"][tested.split]["images"]),
        ),
    )
    print(f"{tested}: {len(results):,} detections")


def predict_share(
    share: Share, params: Params, tested: Tested, weights: Path, num_categories: int
) -> tuple[list[dict[str, Any]], float]:
    """COCO results of a share, and the seconds that reading, testing and soft-NMS took."""
    torch.set_num_threads(params.detection.threads)
    model = CornerNet(num_categories, params.model)
    load_weights(weights, model)
    model.to(share.device)
    split = load_split(Path(params.data.root), params.data.splits[tested.split], tested.split)
    began = time.monotonic()
    results = predict_split(
        as_network(model, params.detection.precision, params.detection.compile),
        params.model,
        share.of(split),
        params.detection,
        tested.mode,
        torch.device(share.device),
        Progress(share.name(str(tested)), None),
    )
    return results, time.monotonic() - began


def write_json_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """A JSON list with one entry a line, atomically."""
    from cornernet.files import write_text

    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    write_text(path, f"[\n{lines}\n]\n" if rows else "[]\n")
