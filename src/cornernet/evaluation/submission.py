"""The test-dev submission: a zip in the naming and format of COCO's evaluation server.

    detections_test-dev2017_<algorithm>_results.zip
        detections_test-dev2017_<algorithm>_results.json   a list of COCO results

https://cocodataset.org/#upload
"""

import json
import zipfile
import zlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cornernet.errors import BadInput
from cornernet.evaluation.coco_results import CocoResults, read_coco_results
from cornernet.files import replacing

MAX_PER_IMAGE = 100  # detections; the server's limit
_BOX_DECIMALS = 2  # the server asks for short numbers; a hundredth of a pixel moves no metric
# What zipfile and json raise for a damaged, encrypted or foreign file.
_UNREADABLE = (OSError, EOFError, ValueError, RuntimeError, zlib.error, zipfile.BadZipFile)
_OLDEST_DATE = (1980, 1, 1, 0, 0, 0)  # that a zip can hold: the same detections make the same bytes


def write_submission(
    path: Path,
    detections: Path | Sequence[dict[str, Any]],
    image_ids: Collection[int],
    category_ids: Collection[int],
) -> None:
    """Check COCO results against a split's images and categories, and zip them to `path`.

    The zip has the server's name, from which that of the JSON in it follows. Boxes are rounded to a
    hundredth of a pixel. Raises BadInput, and writes nothing, if an id is not one of the split's,
    if a box or score is not finite, or if an image has more than a hundred detections.
    """
    results = read_coco_results(detections, image_ids, category_ids, "the split submitted")
    _check_count(results, detections)
    member = zipfile.ZipInfo(f"{path.stem}.json", _OLDEST_DATE)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.create_system = 3  # Unix, whatever the machine
    member.external_attr = 0o644 << 16
    with (
        replacing(path) as temporary,
        zipfile.ZipFile(temporary, "w") as archive,
        archive.open(member, "w", force_zip64=True) as file,
    ):
        rows = ",\n".join(_json_rows(results))
        file.write(f"[\n{rows}\n]\n".encode("ascii"))


def read_submission(path: Path) -> list[dict[str, Any]]:
    """The COCO results in a submission, as they stand there.

    Raises BadInput unless it is a zip that holds one JSON list under the server's name.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names, wanted = archive.namelist(), f"{path.stem}.json"
            if names != [wanted]:
                raise BadInput(
                    f"{path}: holds {', '.join(names[:3]) or 'nothing'}, but a submission holds "
                    f"one file, {wanted}; make it with `cornernet submit`"
                )
            rows = json.loads(archive.read(wanted))
    except FileNotFoundError as error:
        raise BadInput(f"{path}: not there; make it with `cornernet submit`") from error
    except _UNREADABLE as error:
        raise BadInput(
            f"{path}: not a readable zip of JSON ({error}); run `cornernet submit` again"
        ) from error
    if not isinstance(rows, list):
        raise BadInput(f"{path}: its JSON is no list of detections; run `cornernet submit` again")
    return rows


def _check_count(results: CocoResults, source: Path | Sequence[dict[str, Any]]) -> None:
    images, counts = np.unique(results.image_id, return_counts=True)
    full = counts > MAX_PER_IMAGE
    if full.any():
        name = source if isinstance(source, Path) else "the detections given"
        raise BadInput(
            f"{name}: {np.count_nonzero(full)} images have more than {MAX_PER_IMAGE} "
            f"detections, the first is image {images[full][0]} with {counts[full][0]}; "
            f"the server refuses them: set detection.max_detections to {MAX_PER_IMAGE} at "
            "most and detection.keep_ties to false"
        )


def _json_rows(results: CocoResults) -> Iterator[str]:
    """Each detection as JSON."""
    ids = np.stack([results.image_id, results.category_id], axis=1).tolist()
    boxes = results.boxes.round(_BOX_DECIMALS).tolist()
    scores = results.score.tolist()  # not rounded: ties would arise, which change AP
    for (image, category), box, score in zip(ids, boxes, scores, strict=True):
        row = {"image_id": image, "category_id": category, "bbox": box, "score": score}
        yield json.dumps(row, separators=(",", ":"))
