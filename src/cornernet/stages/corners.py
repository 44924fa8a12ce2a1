"""`cornernet corners`: the corners that a trained model finds on val, before they are paired.

The journal version measures how well they are found in each quadrant of the image, with and
without corner pooling; `tables` scores them.
"""

from typing import Any

import torch

from cornernet.data.coco.split import load_split
from cornernet.detection.corners import find_corners
from cornernet.files import replacing
from cornernet.pipeline.gpu_lease import leased_gpus
from cornernet.pipeline.job import Job
from cornernet.pipeline.provenance import file_digest
from cornernet.progress import Progress, say
from cornernet.stages.predict import network_of


def run(job: Job) -> dict[str, Any]:
    """Write the corners of one model, image after image by id, the best first."""
    params, trained, paths = job.params, job.trained, job.paths
    weights = paths.weights(job.graph.weights_of(trained))
    split = load_split(job.root, params.data.splits["val"], "val")
    wanted = 1 if job.options.devices is None else min(job.options.devices, 1)
    with (
        leased_gpus(wanted, report=lambda line: say(f"corners: {line}")) as gpus,
        Progress(f"corners of {trained}", len(split.images)) as progress,
    ):
        device = torch.device("cuda:0" if gpus else "cpu")
        network = network_of(weights, params, len(job.dataset.categories), device)
        table = find_corners(network, params.model, split, params.detection, device, progress)
    with replacing(paths.corners(trained)) as temporary:
        table.to_parquet(temporary, index=False)
    print(f"corners: {len(table):,} in {len(split.images)} images, {paths.corners(trained)}")
    return {"weights_digest": file_digest(weights)}
