"""`cornernet download`: images and annotations, fetched, generated or found; writes source.json."""

from pathlib import Path
from typing import Any

from cornernet.config import Params
from cornernet.data.download.fetch import download_files
from cornernet.data.shapes.generate import generate_shapes
from cornernet.errors import BadInput
from cornernet.files import write_json
from cornernet.pipeline.job import Job


def run(job: Job) -> None:
    """Have the data set of the profile on disk."""
    write_json(job.paths.source, _get(job.profile))


def _get(params: Params) -> dict[str, Any]:
    data, root = params.data, Path(params.data.root)
    if data.source == "shapes":
        assert data.shapes is not None  # the schema's promise
        generate_shapes(root, data.splits, data.shapes)
        print(f"download: generated {sum(data.shapes.images.values())} images in {root}")
        return {"root": str(root), "generated": True}
    if data.source == "folder":
        missing = [
            str(root / name)
            for files in data.splits.values()
            for name in (files.images, files.annotations)
            if not (root / name).exists()
        ]
        if missing:
            raise BadInput(
                f"{path} is not there; point data.root at your folder (--set data.root=PATH) and "
                "data.splits at what lies in it"
                for path in dict.fromkeys(missing)
            )
        return {"root": str(root), "found_on_disk": True}
    return download_files(root, data.files, data.splits)
