"""The schema of a params file: one frozen dataclass a section.

Plain dataclasses, so that training and testing need no validation library. `load.py` checks
types and unknown keys against them with pydantic; `__post_init__` refuses impossible values.
The sections of the paper's method lie in `method.py`, and can be imported from here.
"""

import difflib
from dataclasses import dataclass, field
from typing import Any, Literal

from cornernet.config.method import Augmentation, Detection, Losses, Model, SoftNms, Targets, Train
from cornernet.config.section import Section, require

__all__ = [
    "Augmentation",
    "Corners",
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
    "Tested",
    "Train",
    "Variant",
]

Split = Literal["train", "val", "test_dev"]
Mode = Literal["single_scale", "multi_scale", "gt_heatmaps", "gt_heatmaps_offsets"]


@dataclass(frozen=True)
class SplitFiles(Section):
    """Where one split lies, relative to `data.root`."""

    images: str
    annotations: str


@dataclass(frozen=True)
class Shapes(Section):
    """The embedded data set: how many images a split, image side (min, max), objects an image."""

    seed: int
    images: dict[Split, int]
    image_size: tuple[int, int]
    max_objects: int
    overlap: float  # largest intersection over the smaller box that two objects may have
    annotation_error: int  # percent of its width or height that each side of a box is off at most
    answers: str  # annotations of test-dev, read by the stand-in of the evaluation server alone

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
    keep_crowd: bool  # crowd boxes are objects in training
    keep_empty: bool  # images without boxes are trained on
    shapes: Shapes | None = None
    # COCO's download: name -> address, size, checksum, ... (see data/download/manifest.py)
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
class Corners(Section):
    """The journal version's mAP of corners by quadrant of the image, on val."""

    variants: tuple[str, ...]  # of those that are tested on val, the models that it is measured of
    radius: float  # pixels of the image: an annotated corner this near is found

    def __post_init__(self) -> None:
        require(self.radius > 0, "radius: must be positive")


@dataclass(frozen=True)
class Report(Section):
    """The page: its title, what a reader must know first, the paper's numbers to hold against."""

    title: str
    notice: str  # shown above every table; empty for a full run on COCO
    reference: Literal["eccv", "journal"]
    comparable: (
        bool  # false: another data set or network; a claim is at most "direction reproduced"
    )
    examples: int


@dataclass(frozen=True)
class Tested(Section):
    """Which trained variants are tested on which split, and how."""

    variants: tuple[str, ...]
    split: Split
    modes: tuple[Mode, ...]


@dataclass(frozen=True)
class Variant(Section):
    """One row of an ablation: params that differ from the profile's, and what it continues."""

    continues: str | None = None
    imported: bool = False  # its weights come from elsewhere, `cornernet import-weights` reads them
    weights_of: str | None = None  # not trained: another variant's weights, tested in another way
    set: dict[str, Any] = field(default_factory=dict)


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
    corners: Corners
    report: Report
    variants: dict[str, Variant]
    tested: tuple[Tested, ...]

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
            close = difflib.get_close_matches(variant.weights_of, list(self.variants), n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ValueError(
                f"{here}.weights_of: no variant is called {variant.weights_of!r}{hint}"
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
