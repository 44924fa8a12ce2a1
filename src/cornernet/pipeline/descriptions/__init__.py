"""Every stage of the pipeline, described once: here those of the data set, the others by groups."""

from cornernet.pipeline.descriptions.models import OF_MODELS
from cornernet.pipeline.descriptions.reporting import OF_REPORTS
from cornernet.pipeline.stage import Stage
from cornernet.pipeline.staleness import deciding

DOWNLOAD = Stage(
    name="download",
    summary="fetch, generate or find the images and annotations",
    # It names what lies in data.root, which no workflow engine copies or deletes.
    outputs=lambda paths, key: [paths.source],
    params=("data.source", "data.root", "data.splits", "data.shapes", "data.files"),
    deciding=deciding.SHAPES,
    cached=False,
)

PREPARE = Stage(
    name="prepare",
    summary="check the data set; list every problem before anything is trained",
    inputs=lambda graph, key: [graph.paths.source, graph.paths.files],
    outputs=lambda paths, key: [paths.dataset],
    params=("data.source", "data.root", "data.splits", "data.keep_crowd", "data.same_images"),
    deciding=deciding.PREPARE,
)

RADII = Stage(
    name="radii",
    summary="penalty-reduction radius of every annotation",
    inputs=lambda graph, key: [graph.paths.dataset],
    outputs=lambda paths, key: [paths.radii],
    params=("targets.min_iou",),
    deciding=deciding.RADII,
    reads=lambda key: ("train", "val"),
)

# In the order in which they run.
STAGES: dict[str, Stage] = {
    stage.name: stage for stage in (DOWNLOAD, PREPARE, RADII, *OF_MODELS, *OF_REPORTS)
}
