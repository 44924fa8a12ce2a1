"""What a profile asks to be run: which models are trained, how each is tested, what stages need.

Both workflow engines, `cornernet plan` and `cornernet status` read the graph from here.
"""

from dataclasses import dataclass
from pathlib import Path

from cornernet.config import Params, resolve_variant
from cornernet.pipeline.paths import Paths, Tested, Trained


@dataclass(frozen=True)
class Graph:
    """The trained models and tests of one profile; `released` are weights that are imported."""

    params: Params
    released: Path | None = None

    @property
    def paths(self) -> Paths:
        return Paths(self.params.profile)

    @property
    def tested(self) -> tuple[Tested, ...]:
        """Every (variant, seed, split, mode) to test, in the order of the params, each once."""
        rows = (
            Tested(Trained(variant, seed), row.split, mode)
            for row in self.params.tested
            if row.split in self.params.data.splits
            for variant in row.variants
            for mode in row.modes
            for seed in self.params.train.seeds
        )
        return tuple(dict.fromkeys(rows))

    @property
    def trained(self) -> tuple[Trained, ...]:
        """Every model to train: those that are tested, and those that they continue."""
        models: dict[Trained, None] = {}
        for tested in self.tested:
            model = self.weights_of(tested.trained)
            if not self.params.variants[model.variant].imported:
                for one in (self.parent(model), model):
                    if one is not None:
                        models.setdefault(one)
        return tuple(models)

    @property
    def imported(self) -> tuple[Trained, ...]:
        """Every model whose weights come from elsewhere."""
        models = dict.fromkeys(self.weights_of(tested.trained) for tested in self.tested)
        return tuple(m for m in models if self.params.variants[m.variant].imported)

    @property
    def with_corners(self) -> tuple[Trained, ...]:
        """The models, tested on val at a single scale, whose corners are measured."""
        wanted = self.params.corners.variants
        return tuple(
            tested.trained
            for tested in self.tested
            if (tested.split, tested.mode) == ("val", "single_scale")
            and tested.trained.variant in wanted
        )

    @property
    def submitted(self) -> tuple[Tested, ...]:
        """The tests whose detections go to the evaluation server."""
        return tuple(tested for tested in self.tested if tested.split == "test_dev")

    @property
    def owners(self) -> dict[str, str]:
        """Of each variant that is tested with another's weights: that other one."""
        variants = self.params.variants.items()
        return {name: own.weights_of for name, own in variants if own.weights_of is not None}

    def parent(self, trained: Trained) -> Trained | None:
        """The model that this one goes on from, if any."""
        continues = self.params.variants[trained.variant].continues
        return None if continues is None else Trained(continues, trained.seed)

    def init_of(self, trained: Trained) -> Path | None:
        """The weights of another model that this one's training starts from, if any."""
        if self.parent(trained) is not None:
            return None
        init = resolve_variant(self.params, trained.variant).train.init
        return None if init is None else Path(init)

    def weights_of(self, trained: Trained) -> Trained:
        """The model whose weights `trained` is tested with: itself, unless it borrows another's."""
        other = self.params.variants[trained.variant].weights_of
        return trained if other is None else Trained(other, trained.seed)
