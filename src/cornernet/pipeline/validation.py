"""AP and AP50 of a network that is being trained, on the first images of the split val."""

import copy
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cornernet.config import Params
from cornernet.data.coco.split import load_split
from cornernet.detection.network import as_network
from cornernet.detection.predict import predict_split
from cornernet.evaluation.coco_metrics import evaluate_detections, metric_values
from cornernet.evaluation.metric_names import METRICS, defined
from cornernet.model.network import CornerNet

SHOWN_METRICS = ("AP", "AP50")


def validation(params: Params, model: CornerNet) -> Mapping[str, float | None]:
    """Scores of a copy of the network at one scale, in percent, None where undefined.

    Neither the network nor its training changes. Raises BadInput if memory is too small.
    """
    data, root = params.data, Path(params.data.root)
    split = load_split(root, data.splits["val"], "val")
    first = split.at(range(len(split.images))[: params.train.validate.images])
    found = predict_split(
        as_network(copy.deepcopy(model), params.detection.precision),
        params.model,
        first,
        params.detection,
        "single_scale",
        next(model.parameters()).device,
        lambda done, total: None,
    )
    evaluated = evaluate_detections(root / data.splits["val"].annotations, found)
    chosen = np.isin(evaluated.image_ids, [image.id for image in first.images])
    scores = metric_values(evaluated.rankings, chosen[np.newaxis])[0].tolist()
    known = dict(zip(METRICS, map(defined, scores), strict=True))
    return {name: known[name] for name in SHOWN_METRICS}
