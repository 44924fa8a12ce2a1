"""Every stage of the pipeline, described once; one module per group, as in workflow/rules."""

from cornernet.pipeline.descriptions.data import DOWNLOAD, PREPARE, RADII
from cornernet.pipeline.descriptions.reporting import CLAIMS, FIGURES, REPORT, TABLES
from cornernet.pipeline.descriptions.testing import CORNERS, EVALUATE, PREDICT, SUBMIT
from cornernet.pipeline.descriptions.training import IMPORT_WEIGHTS, TRAIN
from cornernet.pipeline.stage import Stage

# In the order in which they run.
STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        DOWNLOAD,
        PREPARE,
        RADII,
        TRAIN,
        IMPORT_WEIGHTS,
        PREDICT,
        CORNERS,
        SUBMIT,
        EVALUATE,
        TABLES,
        FIGURES,
        CLAIMS,
        REPORT,
    )
}
