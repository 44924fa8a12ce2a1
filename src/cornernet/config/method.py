"""The sections that are the paper's method: from targets to testing.

Lengths are pixels of the image unless the name says cells (of a heatmap, 4 x 4 pixels each).
`params/paper.yaml` gives each value its source. A *chunk* is a micro-batch: the images that go
through the network together, on one device; a step's batch is made of `train.chunks`, whose
gradients are accumulated.
"""

from dataclasses import dataclass, field
from typing import Literal

# Bounds of a value, as pydantic's `Field` names them: put into a field's metadata.
AT_LEAST_0, AT_LEAST_1, POSITIVE = {"ge": 0}, {"ge": 1}, {"gt": 0}


def require(condition: bool, message: str) -> None:
    """Raise ValueError with `message` unless `condition` holds."""
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True)
class Targets:
    """Section 3.2: ground-truth heatmaps, offsets and the penalty-reduction radius."""

    penalty_reduction: Literal["object", "fixed", "none"]
    min_iou: float = field(metadata={"gt": 0, "lt": 1})
    fixed_radius: float = field(metadata=AT_LEAST_0)  # cells
    radius_roots: Literal["exact", "pre_fix"]
    integer_radius: bool
    sigma: Literal["third_of_radius", "sixth_of_diameter"]
    window: Literal["disc", "square"]
    max_objects: int = field(metadata=AT_LEAST_1)


@dataclass(frozen=True)
class Augmentation:
    """Section 4.1: what a training image goes through."""

    input_size: int
    scale_start: float = field(metadata=POSITIVE)
    scale_stop: float
    scale_step: float = field(metadata=POSITIVE)
    crop_border: int = field(metadata=AT_LEAST_1)
    flip_probability: float = field(metadata={"ge": 0, "le": 1})
    jitter: float = field(metadata={"ge": 0, "lt": 1})
    lighting_std: float = field(metadata=AT_LEAST_0)
    lose_odd_row: bool

    def __post_init__(self) -> None:
        require(self.input_size % 4 == 3, "input_size: must be 4k - 1, as 511 is (stride 4)")
        require(self.scale_stop > self.scale_start, "scale_stop: must exceed scale_start")


@dataclass(frozen=True)
class Model:
    """Sections 3.4 and 3.5: the hourglass network and its prediction modules."""

    stacks: int = field(metadata=AT_LEAST_1)
    dims: tuple[int, ...] = field(metadata={"min_length": 2})  # channels, the finest first
    modules: tuple[int, ...]  # residual modules at each resolution
    stem_channels: int = field(metadata=AT_LEAST_1)
    pool_channels: int = field(metadata=AT_LEAST_1)
    merge_kernel: Literal[1, 3]
    corner_pooling: bool
    add_predictions: bool  # of a stack, back to the features that the next one gets
    heatmap_bias: float
    batch_norm_weight: Literal["ones", "uniform"]

    def __post_init__(self) -> None:
        require(
            len(self.dims) == len(self.modules),
            f"modules: needs one number for each of the {len(self.dims)} dims",
        )
        require(min(self.dims) >= 1 and min(self.modules) >= 1, "dims, modules: must be positive")

    @property
    def size_multiple(self) -> int:
        """Test images are padded to sides of k x size_multiple - 1 pixels (128: five halvings)."""
        return 4 * 2 ** (len(self.dims) - 1)


@dataclass(frozen=True)
class Losses:
    """Equations 1, 3, 4, 5 and 8."""

    focal_alpha: float
    focal_beta: float
    push_margin: float
    pull_weight: float = field(metadata=AT_LEAST_0)
    push_weight: float = field(metadata=AT_LEAST_0)
    offset_weight: float = field(metadata=AT_LEAST_0)
    probability_clamp: float = field(metadata={"gt": 0, "lt": 0.5})
    focal_normaliser: Literal["image", "chunk"]
    grouping_normaliser: Literal["image", "chunk"]
    offset_normaliser: Literal["image", "chunk"]


@dataclass(frozen=True)
class Validate:
    """Scores of the network as it is, while it trains; they decide nothing."""

    every: int = field(metadata=AT_LEAST_0)  # iterations; 0: never
    images: int | None = field(metadata=AT_LEAST_1)  # the first of the split val; null: all


@dataclass(frozen=True)
class Train:
    """Section 4.1: the optimisation."""

    iterations: int = field(metadata=AT_LEAST_1)
    learning_rate: float = field(metadata=POSITIVE)
    learning_rate_drops: tuple[int, ...]  # divided by ten after each of these iterations
    # Images in each chunk of a step; in the paper each of ten GPUs has one. Batch norm takes its
    # statistics over one chunk; chunks are dealt to as many devices as there are.
    chunks: tuple[int, ...]
    seeds: tuple[int, ...]
    init: str | None  # weights to start from: all but the branches that depend on the categories
    devices: int = field(metadata=AT_LEAST_1)  # GPUs that one training asks for
    # CPU threads of one training; a param, as their number changes how sums round
    threads: int = field(metadata=AT_LEAST_1)
    # processes that sample images; 0: the training process itself
    workers: int = field(metadata=AT_LEAST_0)
    precision: Literal["fp32", "tf32", "bf16"]  # of the network; the losses are always fp32
    compile: bool  # on a GPU; changes how sums round, as the number of devices does
    deterministic: bool  # on a GPU: kernels that give the same sums each time
    checkpoint_every: int = field(metadata=AT_LEAST_1)
    keep_checkpoints: int = field(metadata=AT_LEAST_1)
    log_every: int = field(metadata=AT_LEAST_1)
    restarts: int = field(metadata=AT_LEAST_0)  # of processes that were killed, crashed or hung
    hang_minutes: float = field(metadata=POSITIVE)  # without a step, until processes are ended
    validate: Validate

    def __post_init__(self) -> None:
        require(len(self.chunks) >= 1 and min(self.chunks) >= 1, "chunks: must be positive")
        require(len(self.seeds) >= 1, "seeds: needs at least one")
        require(len(set(self.seeds)) == len(self.seeds), "seeds: must differ from each other")
        require(min(self.seeds) >= 0, "seeds: must not be negative")


@dataclass(frozen=True)
class SoftNms:
    """Section 4.2's soft-nms."""

    method: Literal["hard", "linear", "gaussian"]
    sigma: float = field(metadata=POSITIVE)
    iou_threshold: float = field(metadata={"gt": 0, "le": 1})
    score_floor: float
    stale_rows: bool


@dataclass(frozen=True)
class Detection:
    """Section 4.2: from heatmaps to boxes."""

    top_corners: int = field(metadata=AT_LEAST_1)
    embedding_distance: float
    peak_kernel: int = field(metadata=POSITIVE)
    max_pairs: int = field(metadata=AT_LEAST_1)
    max_detections: int = field(metadata=AT_LEAST_1)
    flip: bool
    mirror: Literal["pixel", "continuous"]
    lose_last_row: bool
    soft_nms: SoftNms
    scale: float = field(metadata=POSITIVE)  # of an image in all modes but multi_scale
    scales: tuple[float, ...]  # of the mode multi_scale
    merge_exponent: float
    mismatched_merge: bool
    score_decimals: int | None
    keep_ties: bool
    batch_size: int = field(metadata=AT_LEAST_1)
    threads: int = field(metadata=AT_LEAST_1)
    precision: Literal["fp32", "bf16"]

    def __post_init__(self) -> None:
        require(self.peak_kernel % 2 == 1, "peak_kernel: must be odd")
        require(len(self.scales) >= 1 and min(self.scales) > 0, "scales: must be positive")

    def scales_of(self, mode: str) -> tuple[float, ...]:
        """By what an image's sides are multiplied before it goes through the network."""
        return self.scales if mode == "multi_scale" else (self.scale,)
