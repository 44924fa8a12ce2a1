"""Kinds of mistakes, what they cost, which categories are confused, and the worst images."""

import numpy as np
import pytest

from cornernet.evaluation.errors.confusion import confusion_matrix, pair, worst_images
from cornernet.evaluation.errors.costs import error_costs
from cornernet.evaluation.errors.kinds import KINDS, RIGHT, find_mistakes
from cornernet.evaluation.matching import IGNORED
from evaluation.reference import evaluated, random_split

CAT, DOG = 1, 2
# image, category, box, crowd
OBJECTS = [
    (1, CAT, [0, 0, 10, 10], 0),
    (1, DOG, [50, 0, 10, 10], 0),
    (1, CAT, [0, 50, 10, 10], 0),
    (2, DOG, [0, 0, 10, 10], 0),
    (2, CAT, [50, 50, 40, 40], 1),
]
# image, category, box, score, kind
DETECTIONS = [
    (1, CAT, [0, 0, 10, 10], 0.9, "right"),
    (1, CAT, [1, 0, 10, 10], 0.8, "duplicate"),
    (1, CAT, [50, 0, 10, 10], 0.7, "classification"),
    (1, CAT, [50, 6, 10, 10], 0.6, "both"),
    (1, CAT, [0, 56, 10, 10], 0.5, "localisation"),
    (1, DOG, [90, 90, 5, 5], 0.4, "background"),
    (2, CAT, [55, 55, 10, 10], 0.9, "background"),  # on a crowd, so that it is ignored
    (3, DOG, [0, 0, 10, 10], 0.2, "background"),  # in an image without objects
]  # fmt: skip


def annotated(objects=OBJECTS):
    rows = [
        {"id": number, "image_id": image, "category_id": category, "bbox": box, "iscrowd": crowd}
        for number, (image, category, box, crowd) in enumerate(objects)
    ]
    images = [{"id": n, "file_name": f"{n}.jpg", "width": 100, "height": 100} for n in (1, 2, 3)]
    categories = [{"id": CAT, "name": "cat"}, {"id": DOG, "name": "dog"}]
    return {"images": images, "categories": categories, "annotations": rows}


def results(detections=DETECTIONS):
    keys = ("image_id", "category_id", "bbox", "score")
    return [dict(zip(keys, one, strict=False)) for one in detections]


def test_each_mistake_is_of_its_kind_and_the_unfound_object_is_missed():
    found = evaluated(annotated(), results())
    mistakes = find_mistakes(found)
    kinds = dict(zip(found.matches.detection.tolist(), mistakes.kind.tolist(), strict=True))
    named = [(*KINDS, "right")[kinds[row]] for row in range(len(DETECTIONS))]
    assert named == [kind for *_, kind in DETECTIONS]
    assert mistakes.missed.tolist() == [False, False, False, True, False]
    costs = {cost.kind: cost for cost in error_costs(found)}
    assert {kind: cost.count for kind, cost in costs.items()} == {
        "classification": 1, "localisation": 1, "both": 1, "duplicate": 1, "background": 2, "missed": 1,
    }  # fmt: skip
    # cats: 2 objects, ranks 1 right, 2 to 5 wrong; dogs: 2 objects, none right
    assert found.metrics["AP50"] == pytest.approx((51 + 0) / 101 * 50, abs=1e-9)
    # the mended dog comes before the wrong ones, and half of the dogs are found
    assert costs["classification"].cost == pytest.approx(51 / 101 * 50)
    # the second cat comes fifth
    assert costs["localisation"].cost == pytest.approx(50 * 2 / 5 / 101 * 50)


@pytest.mark.parametrize("seed", range(6))
def test_every_detection_and_object_counts_once(seed):
    content, boxes = random_split(seed, images=7)
    found = evaluated(content, boxes)
    mistakes, matches = find_mistakes(found), found.matches
    ignored = matches.outcome[0, 0] == IGNORED
    right = int((mistakes.kind == RIGHT).sum())
    costs = error_costs(found)
    wrong = [cost.count for cost in costs if cost.kind != "missed"]
    assert right + sum(wrong) + (ignored & (mistakes.kind != RIGHT)).sum() == len(ignored)
    assert all(cost.cost >= 0 for cost in costs)

    pairs = pair(found, least_score=0.3)
    matrix = confusion_matrix(found, pairs)
    real = found.objects[~found.objects.crowd].category_id
    assert matrix[:-1].sum(axis=1).tolist() == [(real == c).sum() for c in found.category_ids]
    scored = found.results.category_id[pairs.detection]
    assert matrix[:, :-1].sum(axis=0).tolist() == [(scored == c).sum() for c in found.category_ids]
    assert (found.results.score[pairs.detection] >= 0.3).all()
    with_object = pairs.object[pairs.object >= 0]
    assert len(set(with_object)) == len(with_object)
    outcome = matches.outcome[0, 0, found.results.score[matches.detection] >= 0.3]
    assert np.trace(matrix) == (outcome == 2).sum()  # the true positives of COCO's metrics


def test_confusions_and_the_worst_images():
    found = evaluated(annotated(), results())
    pairs = pair(found, least_score=0.3)
    # rows: cat, dog, no object; columns: as cat, as dog, not found
    assert confusion_matrix(found, pairs).tolist() == [[1, 0, 1], [1, 0, 1], [3, 1, 0]]
    assert worst_images(found, pairs, 5) == [1, 2]  # nothing of image 3 scores enough
    assert worst_images(found, pairs, 1) == [1]


def test_where_nothing_is_found_all_is_missed_and_without_objects_nothing_costs():
    found = evaluated(annotated(), [])
    costs = {cost.kind: (cost.count, cost.cost) for cost in error_costs(found)}
    assert costs.pop("missed") == (4, 100.0)
    assert set(costs.values()) == {(0, 0.0)}
    pairs = pair(found, 0.3)
    assert worst_images(found, pairs, 9) == [1, 2]
    nothing = evaluated(annotated([]), results())
    assert {cost.cost for cost in error_costs(nothing)} == {None}
    assert confusion_matrix(nothing, pair(nothing, 0.3)).tolist() == [
        [0, 0, 0],
        [0, 0, 0],
        [6, 1, 0],
    ]
    assert (
        worst_images(evaluated(annotated([]), []), pair(evaluated(annotated([]), []), 0.3), 3) == []
    )
