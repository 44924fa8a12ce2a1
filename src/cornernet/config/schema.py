"""The schema of a params file: one frozen dataclass per section.

Plain dataclasses, so that training and testing need no validation library. `load.py` checks
types and unknown keys against them with pydantic; `__post_init__` refuses impossible values.
The sections of the paper's method lie in `method.py`, and can be imported from here.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from cornernet.config.method import Augmentation, Detection, Losses, Model, SoftNms, Targets, Train
from cornernet.config.section import Section, nearest, require

__all__ = [
    "MODES",
    "SPLITS",
    "Augmentation",
    "CornerMeasurement",
    "Data",
    "Detection",
    "Evaluation",
    "Losses",
    "Mode",
    "Model",
    "Params",
    "Report",
    "Shapes",
    "SoftNms",
    "Split",
    "SplitFiles",
    "Targets",
    "TestedRow",
    "Train",
    "Variant",
]

Split = Literal["train", "val", "test_dev"]
Mode = Literal["single_scale", "multi_scale", "gt_heatmaps", "gt_heatmaps_offsets"]
SPLITS: tuple[Split, ...] = get_args(Split)
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True)
class SplitFiles(Section):
    """Where one split lies, relative to `data.root`."""

    images: str
    annotations: str


@dataclass(frozen=True)
class Shapes(Section):
    """The embedded data set: generated images of shapes, annotated in COCO's format."""

    seed: int
    images: dict[Split, int]  # number of images per split
    image_size: tuple[int, int]  # smallest and largest side, pixels
    max_objects: int  # per image
    overlap: float  # of two objects at most: intersection over the area of the smaller box
    annotation_error: int  # each side of a box is off by up to this percent of the box's size
    answers: str  # file of test-dev's annotations; what `evaluation.server: local` scores against

    def __post_init__(self) -> None:
        require(
            all(count >= 0 for count in self.images.values()), "images: counts must not be negative"
        )
        require(
            32 <= self.image_size[0] <= self.image_size[1],
            "image_size: needs 32 <= smallest <= largest",
        )
        require(self.max_objects >= 1, "max_objects: must be at least 1")
        require(0 <= self.overlap < 1, "overlap: must lie in [0, 1)")
        require(0 <= self.annotation_error <= 25, "annotation_error: must be 0 to 25 (percent)")


@dataclass(frozen=True)
class Data(Section):
    """Section 4.3: the data set, in COCO's format on disk."""

    source: Literal["coco", "shapes", "folder"]
    root: str
    splits: dict[Split, SplitFiles]
    keep_crowd: bool  # boxes of crowds are objects in training
    keep_empty: bool  # images without boxes are trained on
    shapes: Shapes | None = None
    # COCO's download, by name of the zip: its address, size, checksum, ... (see data/download/)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require("train" in self.splits and "val" in self.splits, "splits: needs train and val")
        require(
            self.source != "shapes" or self.shapes is not None,
            "shapes: needed by `source: shapes`",
        )


@dataclass(frozen=True)
class Evaluation(Section):
    """Section 4.3: COCO's metrics, with bootstrap intervals over images."""

    bootstrap_resamples: int
    bootstrap_seed: int
    confidence: float
    server: Literal["local", "external"]  # who scores test-dev

    def __post_init__(self) -> None:
        require(self.bootstrap_resamples >= 0, "bootstrap_resamples: must not be negative")
        require(0 < self.confidence < 1, "confidence: must lie between 0 and 1")


@dataclass(frozen=True)
class CornerMeasurement(Section):
    """The journal version's mAP of corners by quadrant of the image, on val."""

    variants: tuple[str, ...]  # whose corners are measured; each must be tested on val too
    radius: float  # pixels: a detected corner matches an annotated one that is at most this far

    def __post_init__(self) -> None:
        require(self.radius > 0, "radius: must be positive")


@dataclass(frozen=True)
class Report(Section):
    """The page with the results: what it says at its top, and which numbers stand beside ours."""

    title: str
    notice: str  # what a reader must know first, above every table; empty for a full run on COCO
    reference: Literal["eccv", "journal"]  # the version of the paper whose numbers are shown
    # False for another data set or network: a claim is then at most "direction reproduced".
    comparable: bool
    examples: int  # images with their detections, as a figure


@dataclass(frozen=True)
class TestedRow(Section):
    """One row of `tested`: variants to test on a split, and in which modes."""

    variants: tuple[str, ...]
    split: Split
    modes: tuple[Mode, ...]


@dataclass(frozen=True)
class Variant(Section):
    """One row of an ablation: where its weights come from, and its params that differ."""

    continues: str | None = None  # the variant from whose final state its training goes on
    imported: bool = False  # not trained: `cornernet import-weights` reads weights of others
    weights_of: str | None = None  # not trained: another variant's weights, tested in another way
    set: dict[str, Any] = field(default_factory=dict)  # by dotted key, as `--set` takes them


@dataclass(frozen=True)
class Params(Section):
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
        for row in self.tested:
            for name in row.variants:
                require(name in self.variants, f"tested: no variant is called {name!r}")
        for name in self.corners.variants:
            require(name in self.variants, f"corners.variants: no variant is called {name!r}")
        for name, variant in self.variants.items():
            require(
                variant.continues is None or variant.continues in self.variants,
                f"variants.{name}.continues: no variant is called {variant.continues!r}",
            )
            require(variant.continues != name, f"variants.{name}: continues itself")
            require(
                not (variant.imported and variant.continues),
                f"variants.{name}: imported weights continue nothing",
            )
            self._check_weights_of(name, variant)

    def _check_weights_of(self, name: str, variant: Variant) -> None:
        """Refuse a variant whose weights are another's unless it differs in testing alone."""
        here = f"variants.{name}"
        parent = self.variants.get(variant.continues or "")
        require(
            parent is None or parent.weights_of is None,
            f"{here}: continues {variant.continues!r}, which is not trained; name the variant "
            f"whose weights it has",
        )
        if variant.weights_of is None:
            return
        other = self.variants.get(variant.weights_of)
        if other is None:
            raise ValueError(
                f"{here}.weights_of: no variant is called {variant.weights_of!r}"
                + nearest(variant.weights_of, self.variants)
            )
        require(variant.weights_of != name, f"{here}.weights_of: names itself")
        require(
            other.weights_of is None,
            f"{here}.weights_of: {variant.weights_of!r} has none of its own; name "
            f"{other.weights_of!r}, whose weights it is tested with",
        )
        require(variant.continues is None, f"{here}: with `weights_of` nothing is continued")
        require(not variant.imported, f"{here}: with `weights_of` nothing is imported")
        untested = [key for key in variant.set if not key.startswith("detection.")]
        require(
            not untested,
            f"{here}.set: {', '.join(untested)}: with `weights_of` only detection.* can differ, "
            "all else is as it was trained",
        )
        require(
            bool(variant.set),
            f"{here}.set: is empty, so that it would test what {variant.weights_of!r} tests",
        )
