"""What augmentation does to the boxes of a split: many random views, without reading an image."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cornernet.config import Params
from cornernet.config.schema import Data
from cornernet.data.coco.split import Boxes, CocoSplit
from cornernet.data.sampling.augment import draw, place
from cornernet.data.sampling.samples import encode
from cornernet.reporting.figures.figure import evenly_spaced

VIEWS = 1000
COLUMNS = ["view", "category", "tl_x", "tl_y", "br_x", "br_y", "radius", "size", "clipped"]


@dataclass(frozen=True)
class Views:
    """Random views of a split's images, one of each image.

    `targets` has a row per object that training would get, with `COLUMNS`: cells and radius are of
    the heatmap, `size` is the square root of the box's area in pixels of the network's input.
    """

    count: int
    objects: int  # of the images, before they are cropped
    inside: int  # of these, those of which the view shows some width and height
    targets: pd.DataFrame

    def losses(self) -> list[tuple[str, int, int]]:
        """What becomes of objects: what happens, how often, and out of how many."""
        left, keys = len(self.targets), (["tl_x", "tl_y"], ["br_x", "br_y"])
        twins = [self.targets.duplicated(["view", "category", *key], keep=False) for key in keys]
        clipped, below = self.targets["clipped"].sum(), (self.targets["radius"] < 1).sum()
        empty = self.count - self.targets["view"].nunique()
        shared = "a corner in the same cell as another's of the same category: one peak for both"
        return [
            ("wholly outside of the view: dropped", self.objects - self.inside, self.objects),
            ("beyond targets.max_objects of an image: dropped", self.inside - left, self.inside),
            ("cut by the view's border: clipped", int(clipped), left),
            (shared, int(np.any(twins, axis=0).sum()), left),
            ("a radius below one cell: no penalty is reduced", int(below), left),
            ("views in which no object is left", empty, self.count),
        ]


def random_views(split: CocoSplit, params: Params, most: int = VIEWS) -> Views:
    """One view, as training draws and encodes them, of each of at most `most` images.

    The images are evenly spaced over the sorted file. The same params give the same views.
    """
    augmentation, side = params.augmentation, params.augmentation.input_size
    rng, unread = np.random.default_rng(params.train.seeds[0]), np.zeros((3, side, side), "f4")
    numbers = evenly_spaced(range(len(split.images)), most)
    objects, inside, rows = 0, 0, [np.empty((0, len(COLUMNS)))]
    for view, number in enumerate(numbers):
        image, boxes = split.images[number], split.boxes[number]
        trained = are_objects(boxes, params.data)
        draws = draw(rng, image.height, image.width, augmentation)
        blank = np.broadcast_to(np.uint8(0), (image.height, image.width, 3))  # of a single byte
        _, placed = place(blank, boxes.boxes[trained], draws, augmentation)
        category = boxes.categories[trained][placed.kept]
        chunk = encode(unread, placed, category, None, params.targets)
        left = chunk.mask.shape[1]
        sides = placed.boxes[:left, 2:] - placed.boxes[:left, :2]
        cells = (chunk.category[0], chunk.tl_cell[0], chunk.br_cell[0], chunk.radius[0])
        sizes = (np.sqrt(sides.prod(axis=1)), placed.clipped[:left])
        rows.append(np.column_stack([np.full(left, view), *cells, *sizes]))
        objects, inside = objects + int(trained.sum()), inside + len(placed.kept)
    return Views(len(numbers), objects, inside, pd.DataFrame(np.concatenate(rows), columns=COLUMNS))


def are_objects(boxes: Boxes, data: Data) -> NDArray[np.bool_]:
    """Which boxes of an image training takes for objects: no empty ones, crowds as params say."""
    return (data.keep_crowd | ~boxes.crowd) & (boxes.boxes[:, 2:] > boxes.boxes[:, :2]).all(axis=1)
