"""What `cornernet prepare` found in a data set: the content of dataset.json, typed."""

import dataclasses
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cornernet.data.coco.annotations import Category
from cornernet.errors import BadInput

MADE_BY = "`cornernet prepare` makes it"


@dataclass(frozen=True)
class SplitRecord:
    """What one split holds, and the digests of its files."""

    images: int
    boxes: int
    boxes_by_size: dict[str, int]  # of those that are not crowds: small, medium, large
    boxes_by_category: dict[str, int]  # id of the category, as text -> boxes
    problems: dict[str, int]  # what COCO has too and was let through; see annotation_rules.py
    annotations_sha256: str  # of the annotation file's bytes
    images_sha256: str  # see file_digests.digest_of_images
    image_bytes: int  # size of all image files together

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
    prepared_with: str = ""  # what files.yaml said then; see cornernet.pipeline.dataset_state

    @property
    def num_categories(self) -> int:
        return len(self.categories)

    def to_json(self) -> dict[str, Any]:
        """The content of dataset.json as plain values, which `write_json` writes."""
        tree = dataclasses.asdict(self)
        return {**tree, "categories": list(tree["categories"])}


def read_dataset(path: Path) -> Dataset:
    """Read dataset.json; keys that this version does not know are ignored.

    Raises BadInput if the file is not there, is damaged, or lacks what this version needs.
    """
    try:
        tree = json.loads(path.read_bytes())
        return Dataset(
            **_values(Dataset, tree)
            | {
                "categories": tuple(
                    Category(**_values(Category, category)) for category in tree["categories"]
                ),
                "splits": {
                    name: SplitRecord(**_values(SplitRecord, split))
                    for name, split in tree["splits"].items()
                },
            }
        )
    except FileNotFoundError:
        raise BadInput(f"{path} is not there; {MADE_BY}") from None
    except KeyError as error:
        raise BadInput(f"{path}: has no {error}, from another version?; {MADE_BY} anew") from None
    except (ValueError, TypeError) as error:
        raise BadInput(f"{path}: is damaged ({error}); {MADE_BY} anew") from None


def _values(record: type, tree: Any) -> dict[str, Any]:
    """The values of a dataclass's fields in `tree`; those of another type raise TypeError."""
    if not isinstance(tree, Mapping):
        raise TypeError(f"a {type(tree).__name__} in place of an object")
    values = {}
    for name, annotation in typing.get_type_hints(record).items():
        expected = typing.get_origin(annotation) or annotation
        value = tree[name]
        if not isinstance(value, list if expected is tuple else expected):
            raise TypeError(f"{name!r} is a {type(value).__name__}")
        values[name] = value
    return values
