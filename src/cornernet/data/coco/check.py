"""Checks a whole data set before anything is trained: all problems found are told at once."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cornernet.config.schema import Data, SplitFiles
from cornernet.data.coco.annotation_rules import annotation_problems, counts, size_classes
from cornernet.data.coco.annotations import AnnotationFile, read_annotation_file
from cornernet.data.coco.image_check import (
    FoundImage,
    digest_of_images,
    image_problems,
    look_at_images,
)
from cornernet.data.coco.problems import Problem
from cornernet.data.coco.split import has_annotations
from cornernet.errors import BadInput

Progress = Callable[[str, int, int], None]

# Whom training must not share images with. Nothing forbids to test on val as if it were test-dev.
HELD_OUT = ("val", "test_dev")


@dataclass(frozen=True)
class Looked:
    """One split as it was found."""

    name: str
    files: SplitFiles
    file: AnnotationFile
    found: list[FoundImage]


def check_dataset(
    root: Path, data: Data, check_images: bool = True, progress: Progress | None = None
) -> dict[str, Any]:
    """Check every split and describe the data set: the content of dataset.json.

    `check_images`: read and decode every image, once; otherwise only look whether it is there, and
    take digests of file names and lengths. `progress` is called with the split, the images done
    and the images in all. Raises BadInput with a line for each kind of problem in each split.
    """
    lines: list[str] = []
    looked: dict[str, Looked] = {}
    for name, files in data.splits.items():
        try:
            looked[name] = _look(root, name, files, check_images, progress)
        except BadInput as error:
            lines += [f"{name}: {problem}" for problem in error.problems]
            continue
        where = f"{name} ({root / files.annotations})"
        lines += [problem.line(where) for problem in _problems(root, looked[name], data)]
    lines += _category_problems(looked)
    lines += _shared_image_problems(looked, data)
    if lines:
        raise BadInput(lines)
    return {
        "source": data.source,
        "categories": [
            {"id": category.id, "name": category.name}
            for category in sorted(looked["train"].file.categories, key=lambda item: item.id)
        ],
        "images_read": check_images,
        "images_of_train_also_held_out": len(_copies(looked)),
        "splits": {name: _description(split) for name, split in looked.items()},
    }


def _look(
    root: Path, name: str, files: SplitFiles, check_images: bool, progress: Progress | None
) -> Looked:
    file = read_annotation_file(root / files.annotations, has_annotations(name))
    found = look_at_images(
        root / files.images,
        file.images,
        check_images,
        None if progress is None else lambda done, total: progress(name, done, total),
    )
    return Looked(name, files, file, found)


def _problems(root: Path, split: Looked, data: Data) -> list[Problem]:
    problems = annotation_problems(split.file)
    problems += image_problems(root / split.files.images, split.found)
    if not split.file.images:
        remedy = "declare its images under 'images', or take the split out of data.splits"
        problems.append(Problem("the split is empty", remedy))
    elif has_annotations(split.name) and not _objects(split, data):
        remedy = "annotate some under 'annotations' (boxes of zero size and crowds do not count)"
        problems.append(Problem("no objects at all", remedy))
    return problems


def _objects(split: Looked, data: Data) -> int:
    """Boxes that can be trained on, or that metrics count."""
    annotations = split.file.annotations
    keep_crowd = data.keep_crowd and split.name == "train"
    usable = (annotations.xywh[:, 2:] > 0).all(axis=1) & (keep_crowd | ~annotations.crowd)
    return int(usable.sum())


def _category_problems(looked: Mapping[str, Looked]) -> Iterator[str]:
    """Every split must declare the categories of train: same ids, same names."""
    if "train" not in looked:
        return
    expected = {category.id: category.name for category in looked["train"].file.categories}
    for name, split in looked.items():
        declared = {category.id: category.name for category in split.file.categories}
        different = sorted(
            key
            for key in expected.keys() | declared.keys()
            if expected.get(key) != declared.get(key)
        )
        if different and declared:  # a file with none at all is told of elsewhere
            yield Problem(
                f"train and {name} declare different categories",
                "declare the same ids and names in both",
                [
                    f"{key}: {expected.get(key, 'none')} and {declared.get(key, 'none')}"
                    for key in different
                ],
                "category",
            ).line(f"train, {name}")


def _shared_image_problems(looked: Mapping[str, Looked], data: Data) -> Iterator[str]:
    """Images of train that are in val or test-dev, too.

    The same picture under two names is let through in COCO alone, which it would be hopeless to
    mend (and which draws on Flickr, where pictures are uploaded twice); the number is reported.
    """
    cases = defaultdict(list)
    for name, one, other in _copies(looked):
        same_name = one.image.file_name == other.image.file_name
        if data.source == "coco" and not same_name and one.path.resolve() != other.path.resolve():
            continue
        text = one.image.file_name if same_name else f"{one.image.file_name} = {other.path.name}"
        cases[name].append(text)
    for name, files in cases.items():
        remedy = "take each out of one of the two, or the scores mean nothing"
        problem = Problem(f"train and {name} share images", remedy, files, "file")
        yield problem.line(f"train, {name}")


def _copies(looked: Mapping[str, Looked]) -> list[tuple[str, FoundImage, FoundImage]]:
    """(split, image of train, image of the split): one file, or two with the same bytes."""
    if "train" not in looked:
        return []
    by_path: dict[Path, FoundImage] = {}
    by_digest: dict[str, FoundImage] = {}
    for item in looked["train"].found:
        by_path[item.path.resolve()] = item
        if item.digest:
            by_digest[item.digest] = item
    copies = []
    for name in HELD_OUT:
        for item in looked[name].found if name in looked else []:
            twin = by_path.get(item.path.resolve()) or by_digest.get(item.digest)
            if twin is not None:
                copies.append((name, twin, item))
    return copies


def _description(split: Looked) -> dict[str, Any]:
    file = split.file
    number = Counter(file.annotations.category_ids.tolist())
    return {
        "images": len(file.images),
        "boxes": len(file.annotations.ids),
        "boxes_by_size": size_classes(file.annotations),
        "boxes_by_category": {
            str(category.id): number[category.id]
            for category in sorted(file.categories, key=lambda item: item.id)
        },
        "problems": counts(file),
        "annotations_sha256": file.digest,
        "images_sha256": digest_of_images(split.found),
        "image_bytes": sum(item.size for item in split.found),
    }
