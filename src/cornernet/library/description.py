"""What a weights file says of itself: what finding objects needs besides the tensors."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cornernet import __version__
from cornernet.config.load import checked, overridden
from cornernet.config.method import Detection, Model, require
from cornernet.config.schema import Params
from cornernet.data.coco.dataset import Category, Dataset
from cornernet.data.sampling.colour import MEAN_BGR, STD_BGR

COLOURS = tuple(MEAN_BGR.tolist()), tuple(STD_BGR.tolist())


@dataclass(frozen=True)
class Description:
    """A trained model. No time, commit or path: the same training gives the same bytes."""

    profile: str
    variant: str
    annotations_sha256: str | None  # of the annotation file that it was trained on, if known
    # By ascending id, as the network numbers them.
    categories: tuple[Category, ...] = field(metadata={"min_length": 1})
    model: Model
    detection: Detection
    # The mean colour of COCO's images in [0, 1] and its deviation, by which pixels are normalised.
    mean_bgr: tuple[float, ...] = COLOURS[0]
    std_bgr: tuple[float, ...] = COLOURS[1]
    version: str = __version__  # of this package

    def __post_init__(self) -> None:
        same = (tuple(self.mean_bgr), tuple(self.std_bgr)) == COLOURS
        require(same, f"mean_bgr, std_bgr: version {__version__} normalises by others")


def described(params: Params, variant: str, dataset: Dataset) -> Description:
    """The model that a variant's `params` train on a data set."""
    digest = dataset.splits["train"].annotations_sha256
    return Description(
        params.profile, variant, digest, dataset.categories, params.model, params.detection
    )


def read_description(weights: Path, overrides: Iterable[str] = ()) -> Description:
    """What a weights file says, with "section.key=value" strings put in, as `--set` takes them.

    Raises BadInput for a file that says nothing, or what another version of the package wrote.
    """
    from cornernet.model.weights import read_metadata  # with torch

    tree = overridden(read_metadata(weights), overrides)
    return checked(Description, tree, where=f"{weights}: ")
