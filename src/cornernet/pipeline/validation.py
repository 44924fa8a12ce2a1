"""AP and AP50 of a network that is being trained, on the first images of the split val."""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cornernet.config import Params
from cornernet.data.coco.split import CocoSplit, load_split
from cornernet.detection.network import as_network
from cornernet.detection.predict import predict_split
from cornernet.evaluation.coco_metrics import METRICS, metric_values
from cornernet.evaluation.coco_results import read_coco_results
from cornernet.evaluation.ground_truth import GroundTruth, read_ground_truth
from cornernet.evaluation.matching import match_boxes
from cornernet.evaluation.ranking import rank
from cornernet.model.network import CornerNet

SHOWN_METRICS = ("AP", "AP50")


@dataclass(frozen=True)
class Validation:
    """Tests a copy of the network at one scale, so that neither it nor its training changes."""

    params: Params

    def __call__(self, model: CornerNet) -> Mapping[str, float | None]:
        """The scores in percent, None where undefined. Raises BadInput if memory is too small."""
        data, root = self.params.data, Path(self.params.data.root)
        split = load_split(root, data.splits["val"], "val")
        first = split.at(range(len(split.images))[: self.params.train.validate.images])
        found = predict_split(
            as_network(copy.deepcopy(model), self.params.detection.precision),
            self.params.model,
            first,
            self.params.detection,
            "single_scale",
            next(model.parameters()).device,
            lambda done, total: None,
        )
        objects = _of_images(read_ground_truth(root / data.splits["val"].annotations), first)
        results = read_coco_results(found, objects.image_ids, objects.category_ids, objects.name)
        images, categories = len(objects.image_ids), len(objects.category_ids)
        rankings = rank(match_boxes(objects, results), images, categories)
        scores = metric_values(rankings, np.ones((1, images), dtype=np.int32))[0].tolist()
        known = dict(zip(METRICS, scores, strict=True))
        return {name: None if math.isnan(known[name]) else known[name] for name in SHOWN_METRICS}


def _of_images(objects: GroundTruth, split: CocoSplit) -> GroundTruth:
    """The objects of a split's images alone."""
    kept = np.isin(objects.image_ids, [image.id for image in split.images])
    rows = kept[objects.image]
    return replace(
        objects,
        image_ids=objects.image_ids[kept],
        image=(np.cumsum(kept) - 1)[objects.image[rows]],
        category=objects.category[rows],
        boxes=objects.boxes[rows],
        area=objects.area[rows],
        crowd=objects.crowd[rows],
    )
