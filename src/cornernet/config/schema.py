"""The schema of a params file: one frozen dataclass a section.

Plain dataclasses, so that training and testing need no validation library. `load.py` checks
types and unknown keys against them with pydantic; `__post_init__` refuses impossible values.
The sections of the paper's method lie in `method.py`, and can be imported from here.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from cornernet.config.method import Augmentation, Detection, Losses, Model, SoftNms, Targets, Train
from cornernet.config.section import Section, require

__all__ = [
    "Augmentation",
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


@dataclass(frozen=True)
class Data(Section):
    """Section 4.3: the data set, in COCO's format on disk."""

    source: Literal["coco", "shapes", "folder"]
    root: str
    splits: dict[Split, SplitFiles]
    keep_crowd: bool  # crowd boxes are objects in training
    keep_empty: bool  # images without boxes are trained on
    shapes: Shapes | None = None
    # COCO's download: name -> address, size, checksum, ... (see data/download.py)
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
    report: Report
    variants: dict[str, Variant]
    tested: tuple[Tested, ...]

    def __post_init__(self) -> None:
        for row in self.tested:
            for name in row.variants:
                require(name in self.variants, f"tested: no variant is called {name!r}")
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
