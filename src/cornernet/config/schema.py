"""The schema of a params file: one frozen dataclass per section.

Plain dataclasses, so that training and testing need no validation library. `load.py` refuses
unknown keys, and checks types and the bounds in `metadata` with pydantic; `__post_init__` refuses
values that do not fit together.
The sections of the paper's method lie in `method.py`, and can be imported from here.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from cornernet.config.method import (
    AT_LEAST_0,
    AT_LEAST_1,
    POSITIVE,
    Augmentation,
    Detection,
    Losses,
    Model,
    Targets,
    Train,
    require,
)
from cornernet.config.method import SoftNms as SoftNms
from cornernet.errors import nearest

Split = Literal["train", "val", "test_dev"]
Mode = Literal["single_scale", "multi_scale", "gt_heatmaps", "gt_heatmaps_offsets"]
SPLITS: tuple[Split, ...] = get_args(Split)
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True)
class SplitFiles:
    """Where one split lies, relative to `data.root`."""

    images: str
    annotations: str


@dataclass(frozen=True)
class Shapes:
    """The embedded data set: generated images of shapes, annotated in COCO's format."""

    seed: int = field(metadata=AT_LEAST_0)
    images: dict[Split, int]  # number of images per split
    image_size: tuple[int, int]  # smallest and largest side, pixels
    max_objects: int = field(metadata=AT_LEAST_1)  # per image
    # of two objects at most: intersection over the area of the smaller box
    overlap: float = field(metadata={"ge": 0, "lt": 1})
    # each side of a box is off by up to this percent of the box's size
    annotation_error: int = field(metadata={"ge": 0, "le": 25})
    answers: str  # file of test-dev's annotations; what `evaluation.server: local` scores against

    def __post_init__(self) -> None:
        # A million more, and the ids of two splits would meet.
        possible = all(0 <= count < 1_000_000 for count in self.images.values())
        require(possible, "images: counts must be from 0 to 999,999")
        least, largest = self.image_size
        require(32 <= least <= largest, "image_size: needs 32 <= smallest <= largest")


@dataclass(frozen=True)
class Data:
    """Section 4.3: the data set, in COCO's format on disk."""

    source: Literal["coco", "shapes", "folder"]
    root: str
    splits: dict[Split, SplitFiles]
    keep_crowd: bool  # boxes of crowds are objects in training
    keep_empty: bool  # images without boxes are trained on
    same_images: bool  # val and test-dev may hold images of train
    shapes: Shapes | None = None
    # COCO's download, by name of the zip: its address, size, checksum, ... (see data/download/)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require("train" in self.splits and "val" in self.splits, "splits: needs train and val")
        made = self.source == "shapes"
        require(not made or self.shapes is not None, "shapes: needed by `source: shapes`")


@dataclass(frozen=True)
class Evaluation:
    """Section 4.3: COCO's metrics, with intervals over images by half-sampling."""

    halves: int = field(metadata=AT_LEAST_0)
    halves_seed: int = field(metadata=AT_LEAST_0)
    confidence: float = field(metadata={"gt": 0, "lt": 1})
    server: Literal["local", "external"]  # who scores test-dev


@dataclass(frozen=True)
class CornerMeasurement:
    """The journal version's mAP of corners by quadrant of the image, on val."""

    variants: tuple[str, ...]  # whose corners are measured; each must be tested on val too
    # pixels: a detected corner matches an annotated one that is at most this far
    radius: float = field(metadata=POSITIVE)


@dataclass(frozen=True)
class AssumedNoise:
    """By how much a score moves when a training is done again with another seed."""

    source: str  # who says so
    deviation: dict[str, float]  # standard deviation in points, by metric

    def __post_init__(self) -> None:
        finite = all(0 < sd < math.inf for sd in self.deviation.values())
        require(finite, "assumed_noise.deviation: must be positive")


@dataclass(frozen=True)
class Report:
    """The report: its heading, and which of the paper's numbers it shows beside ours."""

    title: str
    notice: str  # what a reader must know first, above every table; empty for a full run on COCO
    reference: Literal["eccv", "journal"]  # the version of the paper whose numbers are shown
    # of training, where neither the run's own seeds nor the record tell; verdicts say so
    assumed_noise: AssumedNoise | None
    examples: int  # images of the gallery in each of its orders


@dataclass(frozen=True)
class TestedRow:
    """One row of `tested`: variants to test on a split, and in which modes."""

    variants: tuple[str, ...]
    split: Split
    modes: tuple[Mode, ...]


@dataclass(frozen=True)
class Variant:
    """One row of an ablation: where its weights come from, and its params that differ."""

    continues: str | None = None  # the variant from whose final state its training goes on
    imported: bool = False  # not trained: `cornernet import-weights` reads weights of others
    weights_of: str | None = None  # not trained: another variant's weights, tested in another way
    set: dict[str, Any] = field(default_factory=dict)  # by dotted key, as `--set` takes them


@dataclass(frozen=True)
class Params:
    """A whole profile."""

    profile: str
    data: Data
    targets: Targets
    augmentation: Augmentation
    model: Model
    losses: Losses
    train: Train
    detection: Detection
    evaluation: Evaluation
    corners: CornerMeasurement
    report: Report
    variants: dict[str, Variant]
    tested: tuple[TestedRow, ...]

    def __post_init__(self) -> None:
        named = [("tested", name) for row in self.tested for name in row.variants]
        named += [("corners.variants", name) for name in self.corners.variants]
        for name, variant in self.variants.items():
            others = {"continues": variant.continues, "weights_of": variant.weights_of}
            named += [(f"variants.{name}.{k}", v) for k, v in others.items() if v is not None]
        for where, name in named:
            hint = nearest(name, self.variants)
            require(name in self.variants, f"{where}: no variant is called {name!r}{hint}")
        late = [drop for drop in self.train.learning_rate_drops if drop > self.train.iterations]
        mend = f"write [{max(1, 8 * self.train.iterations // 10)}], or [] for none"
        beyond = f"{', '.join(map(str, late))} beyond train.iterations, {self.train.iterations}"
        require(not late, f"train.learning_rate_drops: {beyond}; {mend}")
        for name, variant in self.variants.items():
            self._check_variant(f"variants.{name}", name, variant)

    def _check_variant(self, here: str, name: str, variant: Variant) -> None:
        """Refuse two sources of weights, and `weights_of` where more than testing differs."""
        before, owner = variant.continues, variant.weights_of
        require(before != name, f"{here}: continues itself")
        require(not (variant.imported and before), f"{here}: imported weights continue nothing")
        begun = before is not None and "train.init" in variant.set
        require(not begun, f"{here}: continues {before!r}, so that train.init cannot start it")
        borrowed = before is not None and self.variants[before].weights_of is not None
        require(not borrowed, f"{here}: continues {before!r}, which is not trained")
        if owner is None:
            return
        require(owner != name, f"{here}.weights_of: names itself")
        owners = self.variants[owner].weights_of
        require(not owners, f"{here}.weights_of: {owner!r} has none of its own; name {owners!r}")
        other = before or variant.imported
        require(not other, f"{here}: with `weights_of` nothing is continued or imported")
        fixed = ", ".join(key for key in variant.set if not key.startswith("detection."))
        require(not fixed, f"{here}.set: {fixed}: with `weights_of` only detection.* can differ")
        require(
            bool(variant.set), f"{here}.set: is empty, so that it would test what {owner!r} tests"
        )
