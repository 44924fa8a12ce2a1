"""The sections that are the paper's method: from targets to testing.

Lengths are pixels of the image unless the name says cells (of a heatmap, 4 x 4 pixels each).
`params/paper.yaml` gives each value its source. A *chunk* is a micro-batch: the images that go
through the network together, on one device; a step's batch is made of `train.chunks`, whose
gradients are accumulated.
"""

from dataclasses import dataclass
from typing import Literal

from cornernet.config.section import Section, require


@dataclass(frozen=True)
class Targets(Section):
    """Section 3.2: ground-truth heatmaps, offsets and the penalty-reduction radius."""

    penalty_reduction: Literal["object", "fixed", "none"]
    min_iou: float
    fixed_radius: float  # cells
    radius_roots: Literal["exact", "pre_fix"]
    integer_radius: bool
    sigma: Literal["third_of_radius", "sixth_of_diameter"]
    window: Literal["disc", "square"]
    max_objects: int

    def __post_init__(self) -> None:
        require(0 < self.min_iou < 1, "min_iou: must lie between 0 and 1")
        require(self.fixed_radius >= 0, "fixed_radius: must not be negative")
        require(self.max_objects >= 1, "max_objects: must be at least 1")


@dataclass(frozen=True)
class Augmentation(Section):
    """Section 4.1: what a training image goes through."""

    input_size: int
    scale_start: float
    scale_stop: float
    scale_step: float
    crop_border: int
    flip_probability: float
    jitter: float
    lighting_std: float
    lose_odd_row: bool

    def __post_init__(self) -> None:
        require(self.input_size % 4 == 3, "input_size: must be 4k - 1, as 511 is (stride 4)")
        require(self.scale_start > 0, "scale_start: must be positive")
        require(self.scale_stop > self.scale_start, "scale_stop: must exceed scale_start")
        require(self.scale_step > 0, "scale_step: must be positive")
        require(self.crop_border >= 1, "crop_border: must be at least 1")
        require(0 <= self.flip_probability <= 1, "flip_probability: must lie in [0, 1]")
        require(0 <= self.jitter < 1, "jitter: must lie in [0, 1)")
        require(self.lighting_std >= 0, "lighting_std: must not be negative")


@dataclass(frozen=True)
class Model(Section):
    """Sections 3.4 and 3.5: the hourglass network and its prediction modules."""

    stacks: int
    dims: tuple[int, ...]  # channels at each resolution, the finest first
    modules: tuple[int, ...]  # residual modules at each resolution
    stem_channels: int
    pool_channels: int
    merge_kernel: Literal[1, 3]
    corner_pooling: bool
    heatmap_bias: float
    batch_norm_weight: Literal["ones", "uniform"]

    def __post_init__(self) -> None:
        require(self.stacks >= 1, "stacks: must be at least 1")
        require(len(self.dims) >= 2, "dims: needs at least two resolutions")
        require(
            len(self.dims) == len(self.modules),
            f"modules: needs one number for each of the {len(self.dims)} dims",
        )
        require(min(self.dims) >= 1 and min(self.modules) >= 1, "dims, modules: must be positive")
        require(self.stem_channels >= 1, "stem_channels: must be at least 1")
        require(self.pool_channels >= 1, "pool_channels: must be at least 1")

    @property
    def size_multiple(self) -> int:
        """A test image is padded to a side of k x this - 1 pixels (128 for five halvings)."""
        return 4 * 2 ** (len(self.dims) - 1)


@dataclass(frozen=True)
class Losses(Section):
    """Equations 1, 3, 4, 5 and 8."""

    focal_alpha: float
    focal_beta: float
    push_margin: float
    pull_weight: float
    push_weight: float
    offset_weight: float
    probability_clamp: float
    focal_normaliser: Literal["image", "chunk"]
    grouping_normaliser: Literal["image", "chunk"]
    offset_normaliser: Literal["image", "chunk"]

    def __post_init__(self) -> None:
        require(0 < self.probability_clamp < 0.5, "probability_clamp: must lie in (0, 0.5)")
        for name in ("pull_weight", "push_weight", "offset_weight"):
            require(getattr(self, name) >= 0, f"{name}: must not be negative")


@dataclass(frozen=True)
class Train(Section):
    """Section 4.1: the optimisation."""

    iterations: int
    learning_rate: float
    learning_rate_drops: tuple[int, ...]  # divided by ten after each of these iterations
    # Images in each chunk of a step, one chunk per GPU of the paper's. Batch norm takes its
    # statistics over one chunk; chunks are dealt to as many devices as there are.
    chunks: tuple[int, ...]
    seeds: tuple[int, ...]
    devices: int  # GPUs that one training asks for
    threads: int  # CPU threads of one training; a param, as their number changes how sums round
    workers: int  # processes that sample images; 0: the training process itself
    precision: Literal["fp32", "tf32", "bf16"]  # of the network; the losses are always fp32
    compile: bool  # on a GPU; changes how sums round, as the number of devices does
    deterministic: bool  # on a GPU: kernels that give the same sums each time
    checkpoint_every: int
    keep_checkpoints: int
    log_every: int

    def __post_init__(self) -> None:
        require(self.iterations >= 1, "iterations: must be at least 1")
        require(self.learning_rate > 0, "learning_rate: must be positive")
        require(len(self.chunks) >= 1 and min(self.chunks) >= 1, "chunks: must be positive")
        require(len(self.seeds) >= 1, "seeds: needs at least one")
        require(len(set(self.seeds)) == len(self.seeds), "seeds: must differ from each other")
        require(min(self.seeds) >= 0, "seeds: must not be negative")
        for name in ("devices", "threads", "checkpoint_every", "keep_checkpoints", "log_every"):
            require(getattr(self, name) >= 1, f"{name}: must be at least 1")
        require(self.workers >= 0, "workers: must not be negative")


@dataclass(frozen=True)
class SoftNms(Section):
    """Section 4.2's soft-nms."""

    method: Literal["hard", "linear", "gaussian"]
    sigma: float
    iou_threshold: float
    score_floor: float
    stale_rows: bool

    def __post_init__(self) -> None:
        require(self.sigma > 0, "sigma: must be positive")
        require(0 < self.iou_threshold <= 1, "iou_threshold: must lie in (0, 1]")


@dataclass(frozen=True)
class Detection(Section):
    """Section 4.2: from heatmaps to boxes."""

    top_corners: int
    embedding_distance: float
    peak_kernel: int
    max_pairs: int
    max_detections: int
    flip: bool
    mirror: Literal["pixel", "continuous"]
    lose_last_row: bool
    soft_nms: SoftNms
    scales: tuple[float, ...]  # of the mode multi_scale
    merge_exponent: float
    mismatched_merge: bool
    score_decimals: int | None
    keep_ties: bool
    batch_size: int
    threads: int
    precision: Literal["fp32", "bf16"]
    compile: bool  # on a GPU, once per size of the padded image; changes how sums round

    def __post_init__(self) -> None:
        require(
            self.peak_kernel % 2 == 1 and self.peak_kernel > 0, "peak_kernel: must be odd, positive"
        )
        require(len(self.scales) >= 1 and min(self.scales) > 0, "scales: must be positive")
        for name in ("top_corners", "max_pairs", "max_detections", "batch_size", "threads"):
            require(getattr(self, name) >= 1, f"{name}: must be at least 1")
