"""What `cornernet prepare` found in a data set: the content of dataset.json, typed."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from cornernet.config.load import section_from
from cornernet.errors import BadInput

MADE_BY = "`cornernet prepare` makes it"


@dataclass(frozen=True)
class Category:
    """A category and the id that the annotation files give it."""

    id: int
    name: str


@dataclass(frozen=True)
class SplitRecord:
    """What one split holds, and the digests of its files."""

    images: int
    boxes: int
    boxes_by_size: dict[str, int]  # of those that are not crowds: small, medium, large
    boxes_by_category: dict[str, int]  # id of the category, as text -> boxes
    problems: dict[str, int]  # let through: see annotation_rules.py and image_check.REMARKS
    annotations_sha256: str  # of the annotation file's bytes
    images_sha256: str  # see split_digests.digests_of
    image_bytes: int  # size of all image files together
    # number of objects, as text -> images with so many
    images_by_objects: dict[str, int] = field(default_factory=dict)

    @property
    def digests(self) -> dict[str, str]:
        """What says which files the split was read from."""
        return {"annotations": self.annotations_sha256, "images": self.images_sha256}


@dataclass(frozen=True)
class Dataset:
    """A data set that was checked, split by split."""

    source: str  # `data.source` of the params
    categories: tuple[Category, ...]  # by ascending id, as the network numbers them
    images_of_train_also_held_out: int
    splits: dict[str, SplitRecord]
    prepared_with: str = ""  # what data/<profile>/files.yaml said then
    notes: tuple[str, ...] = ()  # what a user should know of the data, a line each


def read_dataset(path: Path) -> Dataset:
    """Read dataset.json. Raises BadInput if it is not there, is damaged, or of another version."""
    try:
        return section_from(Dataset, json.loads(path.read_bytes()))
    except FileNotFoundError:
        raise BadInput(f"{path} is not there; {MADE_BY}") from None
    except (BadInput, ValueError, TypeError, AttributeError):
        raise BadInput(f"{path}: is damaged, or of another version; {MADE_BY} again") from None
