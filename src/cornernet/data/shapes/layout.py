"""Places the embedded data set's objects: how many, which, how large, where."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cornernet.config.schema import Shapes
from cornernet.data.coco.annotation_rules import LARGE_FROM, MEDIUM_FROM
from cornernet.data.shapes.render import CATEGORIES, PortableRandom

# Percent. Most images that are not empty begin with a large object, while there is room: where an
# image is hardly larger than such an object, any other object that came first would leave none.
EMPTY, SINGLE, BEGINS_LARGE, SMALL, OF_MAIN_CATEGORY = 5, 10, 75, 50, 60

SMALLEST_SIDE = 12  # pixels: three cells of the heatmap
LONGEST_SIDE_RATIO = 5, 2  # of the longer side to the shorter, as a fraction
TRIES = 60  # to find a place for an object; then the object is left out
LAYOUTS = 5  # tries at a whole image, if one object left no room for a second


@dataclass(frozen=True)
class PlacedObject:
    """An object to draw: its category's index, its box in whole pixels, its thickness."""

    category: int
    x: int
    y: int
    width: int
    height: int
    thickness: int  # percent, see render.shape_mask


def place_objects(
    draws: PortableRandom, width: int, height: int, params: Shapes
) -> list[PlacedObject]:
    """The objects of an image of `width` x `height` pixels, in the order of drawing.

    Of two objects none covers more than `params.overlap` of the smaller one's box. An object for
    which no place is found is left out.
    """
    number = _number_of_objects(draws, params.max_objects)
    for _ in range(LAYOUTS):
        placed = _layout(draws, number, (width, height), params.overlap)
        if len(placed) >= min(number, 2):
            break
    return placed


def _layout(
    draws: PortableRandom, number: int, size: tuple[int, int], overlap: float
) -> list[PlacedObject]:
    main_category = draws.integer(0, len(CATEGORIES) - 1)
    placed: list[PlacedObject] = []
    for rank in range(number):
        if rank == 0 and draws.chance(BEGINS_LARGE):
            areas = (int(LARGE_FROM) + 1, size[0] * size[1])
        elif draws.chance(SMALL):
            areas = (SMALLEST_SIDE**2, int(MEDIUM_FROM) - 1)
        else:
            areas = (int(MEDIUM_FROM) + 1, int(LARGE_FROM) - 1)
        category = main_category
        if not draws.chance(OF_MAIN_CATEGORY):
            category = draws.integer(0, len(CATEGORIES) - 1)
        found = _place_one(draws, category, areas, size, placed, overlap)
        placed += [] if found is None else [found]
    return placed


def _number_of_objects(draws: PortableRandom, most: int) -> int:
    percent = draws.integer(0, 99)
    if percent < EMPTY:
        return 0
    if percent < EMPTY + SINGLE or most == 1:
        return 1
    return draws.integer(2, most)


def _place_one(
    draws: PortableRandom,
    category: int,
    areas: tuple[int, int],
    size: tuple[int, int],
    placed: Sequence[PlacedObject],
    overlap: float,
) -> PlacedObject | None:
    """Draw sizes and places until one fits; with no room for the class of size, a smaller one."""
    width, height = size
    large = areas[0] > LARGE_FROM
    for attempt in range(TRIES):
        low, high = areas if attempt < TRIES // 2 else (SMALLEST_SIDE**2, areas[1])
        sides = _draw_sides(draws, low, high, size)
        if sides is None:
            continue
        candidate = PlacedObject(
            category,
            _coordinate(draws, width - sides[0], large),
            _coordinate(draws, height - sides[1], large),
            *sides,
            thickness=draws.integer(25, 45),
        )
        if all(covered(candidate, other) <= overlap for other in placed):
            return candidate
    return None


def _coordinate(draws: PortableRandom, room: int, to_one_side: bool) -> int:
    """A coordinate from 0 to `room`; `to_one_side`: near an end, so that others fit beside it."""
    if not to_one_side:
        return draws.integer(0, room)
    margin = draws.integer(0, room // 4)
    return margin if draws.chance(50) else room - margin


def _draw_sides(
    draws: PortableRandom, low: int, high: int, size: tuple[int, int]
) -> tuple[int, int] | None:
    """Two sides that fit into the image, of an area from `low` to `high`; None if none is found."""
    longer, shorter = LONGEST_SIDE_RATIO
    most = math.isqrt((high * longer - 1) // shorter) + 1  # the root, rounded up
    least = max(SMALLEST_SIDE, low // max(size))
    limits = min(size[0], most), min(size[1], most)
    if min(limits) < least:
        return None
    for _ in range(20):
        a, b = draws.integer(least, limits[0]), draws.integer(least, limits[1])
        if low <= a * b <= high and shorter * max(a, b) <= longer * min(a, b):
            return a, b
    return None


def covered(one: PlacedObject, other: PlacedObject) -> float:
    """The intersection of two boxes over the area of the smaller."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / min(one.width * one.height, other.width * other.height)
