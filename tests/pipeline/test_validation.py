"""AP of a network that is being trained: of the first images alone, and without a trace."""

import copy

import numpy as np
import pytest
import torch
from training.tiny import CATEGORIES, make_coco, tiny_params

from cornernet.model.network import CornerNet
from cornernet.pipeline.validation import validation

IMAGES = 5


@pytest.fixture
def params(tmp_path):
    make_coco(tmp_path / "data")
    return tiny_params(tmp_path / "data", f"train.validate.images={IMAGES}")


def test_the_network_stays_as_it_is(params):
    torch.manual_seed(0)
    model = CornerNet(CATEGORIES, params.model).train()
    before = copy.deepcopy(model.state_dict())
    scores = validation(params, model)
    assert set(scores) == {"AP", "AP50"}
    assert all(0 <= score <= 100 for score in scores.values())
    assert all(module.training for module in model.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(p.requires_grad for p in model.parameters())


def test_the_first_images_are_scored_and_no_others(params, monkeypatch):
    """Who finds all that is on them has an AP of 100."""

    def find_all(network, model_params, split, *rest):
        assert len(split.images) == IMAGES
        return [
            {
                "image_id": image.id,
                "category_id": split.category_ids[category],
                "bbox": [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()],
                "score": 0.9,
            }
            for image, boxes in zip(split.images, split.boxes, strict=True)
            for category, box in zip(boxes.categories, np.asarray(boxes.boxes), strict=True)
        ]

    monkeypatch.setattr("cornernet.pipeline.validation.predict_split", find_all)
    model = CornerNet(CATEGORIES, params.model)
    assert validation(params, model) == {"AP": pytest.approx(100), "AP50": pytest.approx(100)}
