"""Which mistake each wrong detection is, and which objects were missed, as TIDE defines them.

Bolya et al., TIDE: A General Toolbox for Identifying Object Detection Errors, ECCV 2020, section
2.2 (https://arxiv.org/abs/2008.08115). A detection that finds no object at an IoU of 0.5 is, by the
first that holds,

    localisation    its IoU with an object of its category is 0.1 or more
    classification  its IoU with an object of another category is 0.5 or more
    duplicate       its IoU with an object of its category, which another found, is 0.5 or more
    background      its IoU with every object is 0.1 or less
    both            neither place nor category is right

An object is missed if no detection finds it, and none would with its place or category mended.
"""

from dataclasses import dataclass

import numpy as np

from cornernet.data.coco.annotations import BOX
from cornernet.evaluation.coco_metrics import Evaluated
from cornernet.evaluation.matching import TRUE_POSITIVE, box_iou

KINDS = ("classification", "localisation", "both", "duplicate", "background", "missed")
CLASSIFICATION, LOCALISATION, BOTH, DUPLICATE, BACKGROUND, MISSED = range(len(KINDS))
RIGHT = -1
FOREGROUND_IOU, BACKGROUND_IOU = 0.5, 0.1  # TIDE's t_f and t_b


@dataclass(frozen=True)
class Mistakes:
    """Of N detections in the order of `Matches`, and of G objects in the order of their file."""

    kind: np.ndarray  # int64 [N]: position in KINDS, or RIGHT
    target: np.ndarray  # int64 [N]: the unfound object that it would find if mended; -1: none
    mended: np.ndarray  # bool [N]: whether it is the best of those that would find this object
    missed: np.ndarray  # bool [G]


def find_mistakes(evaluated: Evaluated) -> Mistakes:
    """Sort the detections and objects of a split; crowds are no objects.

    A detection that COCO ignores, for it lies on a crowd, is sorted, too: mended it may count.
    """
    matches, objects = evaluated.matches, evaluated.objects
    boxes = evaluated.results.boxes[matches.detection]
    score = evaluated.results.score[matches.detection]
    object_boxes, crowd = objects[BOX].to_numpy(), objects.crowd.to_numpy()
    object_category = np.searchsorted(evaluated.category_ids, objects.category_id)
    object_image = np.searchsorted(evaluated.image_ids, objects.image_id)
    right = matches.outcome[0, 0] == TRUE_POSITIVE
    found = np.zeros(len(objects) + 1, bool)  # the last stands for no object
    found[matches.taken[right]] = True

    kind = np.full(len(boxes), RIGHT)
    target = np.full(len(boxes), -1)
    images = len(evaluated.image_ids)
    of_detections = rows_by_image(matches.image, ~right, images)
    for mine, near in zip(of_detections, rows_by_image(object_image, ~crowd, images), strict=True):
        if len(near) == 0:
            kind[mine] = BACKGROUND
            continue
        pairs = np.repeat(mine, len(near)), np.tile(near, len(mine))
        iou = box_iou(boxes[pairs[0]], object_boxes[pairs[1]], np.zeros(len(pairs[0]), bool))
        iou = iou.reshape(len(mine), len(near))
        same = matches.category[mine, np.newaxis] == object_category[near]
        kind[mine], nearest = _kinds(iou, same, found[near])
        target[mine] = near[nearest]
    mendable = np.isin(kind, (CLASSIFICATION, LOCALISATION)) & ~found[target]
    target[~mendable] = -1

    best = np.full(len(objects), -1)  # the mendable detection of each object that scores highest
    rising = np.argsort(-score, kind="stable")[::-1]
    rising = rising[mendable[rising]]
    best[target[rising]] = rising  # of several values for one object, the last stays
    mended = np.zeros(len(boxes), bool)
    mended[best[best >= 0]] = True
    return Mistakes(kind, target, mended, missed=~crowd & ~found[:-1] & (best < 0))


def rows_by_image(image: np.ndarray, chosen: np.ndarray, images: int) -> list[np.ndarray]:
    """For each of the images the chosen rows (bool [N]) that lie in it; `image` int64 [N]."""
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(image[rows], kind="stable")]
    return np.split(rows, np.searchsorted(image[rows], np.arange(1, images)))


def _kinds(iou: np.ndarray, same: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The kind [n] of wrong detections of one image, and the object of m that each is about.

    `iou` [n, m]; `same` [n, m]: equal categories; `found` [m]: objects that a detection found.
    """
    own, other = np.where(same, iou, 0), np.where(same, 0, iou)
    closest = own.max(axis=1)
    conditions = {
        LOCALISATION: (closest >= BACKGROUND_IOU) & (closest <= FOREGROUND_IOU),
        CLASSIFICATION: other.max(axis=1) >= FOREGROUND_IOU,
        DUPLICATE: (own * found).max(axis=1) >= FOREGROUND_IOU,
        BACKGROUND: iou.max(axis=1) <= BACKGROUND_IOU,
    }
    kind = np.select([*conditions.values()], [*conditions], BOTH)
    return kind, np.where(kind == LOCALISATION, own.argmax(axis=1), other.argmax(axis=1))
