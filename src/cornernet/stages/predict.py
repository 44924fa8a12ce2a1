"""`cornernet predict`: detections of a trained model on a split (section 4.2)."""

import json
import time
from pathlib import Path
from typing import Any

import torch

from cornernet.config import Params
from cornernet.data.coco.split import load_split
from cornernet.detection.network import Network, as_network
from cornernet.detection.parallel import Share, shared_out
from cornernet.detection.predict import predict_split
from cornernet.files import write_text
from cornernet.model.network import CornerNet
from cornernet.model.weights import load_weights
from cornernet.pipeline.gpu_lease import leased_gpus
from cornernet.pipeline.job import Job
from cornernet.pipeline.paths import Tested
from cornernet.pipeline.provenance import file_digest
from cornernet.progress import Progress, say


def run(job: Job) -> dict[str, Any]:
    """Write the detections as COCO results."""
    tested, paths = job.tested, job.paths
    weights = paths.weights(job.graph.weights_of(tested.trained))
    wanted = 1 if job.options.devices is None else job.options.devices
    with leased_gpus(wanted, report=lambda line: say(f"{tested}: {line}")) as gpus:
        devices = [f"cuda:{number}" for number in range(len(gpus))] or ["cpu"] * max(wanted, 1)
        arguments = (job.params, tested, weights, len(job.dataset.categories))
        parts = shared_out(devices, predict_share, arguments)
    # Stable: the rows of an image stay as they are, whatever share it was in.
    results = sorted((row for found, _ in parts for row in found), key=lambda row: row["image_id"])
    rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in results)
    write_text(paths.detections(tested), f"[\n{rows}\n]\n" if results else "[]\n")
    print(f"{tested}: {len(results):,} detections")
    images = job.dataset.splits[tested.split].images
    return {
        "weights_digest": file_digest(weights),
        "device": ", ".join(devices),
        "images": images,
        "seconds_per_image": sum(seconds for _, seconds in parts) / max(1, images),
    }


def predict_share(
    share: Share, params: Params, tested: Tested, weights: Path, num_categories: int
) -> tuple[list[dict[str, Any]], float]:
    """COCO results of a share, and the seconds that reading, testing and soft-NMS took."""
    device = torch.device(share.device)
    network = network_of(weights, params, num_categories, device)
    split = load_split(Path(params.data.root), params.data.splits[tested.split], tested.split)
    mine, began = share.of(split), time.monotonic()
    with Progress(share.name(str(tested)), len(mine.images)) as progress:
        results = predict_split(
            network, params.model, mine, params.detection, tested.mode, device, progress
        )
    return results, time.monotonic() - began


def network_of(weights: Path, params: Params, num_categories: int, device: torch.device) -> Network:
    """The network that is tested, with the weights of a file, on a device."""
    torch.set_num_threads(params.detection.threads)
    model = CornerNet(num_categories, params.model)
    load_weights(weights, model)
    return as_network(model.to(device), params.detection.precision)
