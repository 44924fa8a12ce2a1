"""The modules whose code decides what a stage makes, and why no other module does.

A result is stale when one of its stage's modules changed; `code.py` says what of a module counts.
Tests trace every stage and follow the imports of these modules: whatever runs, and whatever is
imported, lies in a module listed here or in one that is exempt. Names with a slash are files of
the package that are no modules.
"""


def _in(room: str, *names: str) -> tuple[str, ...]:
    return tuple(f"cornernet.{room}.{name}" for name in names)


SHAPES = _in("data.shapes", "generate", "layout", "render")

# An annotation file as boxes, an image as pixels.
_ANNOTATIONS = _in("data.coco", "annotations", "annotation_rules")
_SPLIT = (*_ANNOTATIONS, "cornernet.data.coco.split")
_READ = (*_SPLIT, *_in("data.coco", "decoder_messages", "images"))

# The kernel in Triton is run by a GPU alone.
_NETWORK = _in("model", "corner_pooling", "corner_pooling_triton", "hourglass", "network")
_SAMPLING = (
    *_in("data.sampling", "augment", "colour", "geometry", "loader", "radii", "samples"),
    "cornernet.data.sampling.targets",
)
_STEP = (
    "cornernet.model.losses",
    *_in("training", "chunk_losses", "fine_tuning", "gradients", "trainer"),
)
_MAPS = (
    *_in("detection", "decode", "detector", "network", "padding", "predict", "soft_nms"),
    *_in("data.sampling", "colour", "geometry", "radii", "targets"),
)
_METRICS = (
    *_in("evaluation", "average_precision", "coco_api", "coco_metrics", "coco_results"),
    *_in("evaluation", "half_sampling", "matching", "metric_names", "ranking", "server"),
    "cornernet.evaluation.submission",
    "cornernet.pipeline.scoring",
)
_ERRORS = _in("evaluation.errors", "confusion", "costs", "kinds")
_RESULTS = (
    *_in("reporting", "checked_files", "rendering", "training_noise"),
    *_in("reporting.tables", "contrasts", "differences", "literature", "results", "seeds"),
)
_CLAIMS = (
    *_in("reporting.claims", "agreement", "claim_list", "judge"),
    "cornernet.reporting.tables.seed_subsets",
    "cornernet.pipeline.comparable",
)
_TEXT_AND_CODE = (
    "cornernet.reporting.text_and_code",
    "reporting/text_and_code.yaml",
    "reporting/recorded_effects.yaml",
)
_TABLES = _in("reporting.tables", "breakdown", "corners", "formats", "paper_tables", "table")

PREPARE = (*_ANNOTATIONS, *_in("data.coco", "check", "decoder_messages", "image_check", "images"))
RADII = (*_SPLIT, "cornernet.data.sampling.radii", "cornernet.stages.radii")
TRAIN = (*_READ, *_NETWORK, *_SAMPLING, *_STEP)
IMPORT = (*_NETWORK, "cornernet.model.released")
PREDICT = (*_READ, *_NETWORK, *_MAPS, "cornernet.stages.predict")
CORNERS = (*PREDICT, "cornernet.detection.corners", "cornernet.stages.corners")
SUBMIT = (*_SPLIT, *_in("evaluation", "coco_results", "submission"), "cornernet.stages.submit")
EVALUATE = (
    *_ANNOTATIONS,
    *_METRICS,
    *_in("evaluation.errors", "costs", "kinds"),
    "cornernet.stages.evaluate",
)
TABLES = (
    *_SPLIT,
    *_METRICS,
    "cornernet.evaluation.corners",
    *_in("reporting.claims", "claim_list", "judge"),
    *_RESULTS,
    *_TABLES,
    "cornernet.reporting.tables.seed_subsets",
    "reporting/templates/breakdown.md.j2",
    "reporting/templates/breakdown.tex.j2",
    "reporting/templates/table.md.j2",
    "reporting/templates/table.tex.j2",
    *_TEXT_AND_CODE,
    "cornernet.stages.tables",
)
FIGURES = (
    *_READ,
    *_NETWORK,
    *_MAPS,
    *_METRICS,
    *_ERRORS,
    *_in("reporting.figures", "figure", "gallery", "method", "mistakes", "network", "scores"),
    "cornernet.reporting.figures.training",
    *_RESULTS,
    *_in("reporting.tables", "formats", "table"),
    "reporting/templates/corner_pooling.svg.j2",
    "reporting/templates/gallery.svg.j2",
    "cornernet.stages.figures",
)
CLAIMS = (
    *_CLAIMS,
    *_RESULTS,
    "cornernet.stages.claims",
)
REPORT = (
    *_CLAIMS,
    *_RESULTS,
    *_TABLES,
    *_TEXT_AND_CODE,
    *_in("reporting", "origins", "page"),
    *_in("reporting.figures", "figure", "forest"),
    "reporting/templates/gallery.html.j2",
    "reporting/templates/page.html.j2",
    "reporting/templates/page.js",
    "reporting/templates/rule.html",
    "reporting/templates/style.css",
    "cornernet.stages.report",
)

# Modules, and whole rooms, that decide nothing in a stage for which they are not listed above.
EXEMPT = {
    "cornernet": "the version and the library's face",
    "cornernet.cli": "reads the command line",
    "cornernet.config": "the values reach a stage as its file of params",
    "cornernet.errors": "what is refused makes no result",
    "cornernet.files": "writes what it is given, and says whether files are the same",
    "cornernet.options": "reads the command line",
    "cornernet.progress": "is read by people",
    "cornernet.processes": "starts, watches and stops what computes",
    "cornernet.pipeline": "describes, checks and records; what else it does is listed",
    "cornernet.tracking": "MLflow is told of results, and gives none",
    "cornernet.data.coco.dataset": "reads and writes what `check` found",
    "cornernet.data.coco.split_digests": "says whether files are the same",
    "cornernet.data.download": "what is fetched is checked by its digest",
    "cornernet.detection.served": "hands detections to whoever loads a model from MLflow",
    "cornernet.library": "what weights say of themselves; finds objects outside of all stages",
    "cornernet.detection.parallel": "the same images, divided among devices",
    "cornernet.model.cost": "whether there is room on the disk",
    "cornernet.model.weights": "reads and writes tensors by their names",
    "cornernet.stages.download": "hands params to what fetches or generates",
    "cornernet.stages.prepare": "hands params to the check, and writes what it found",
    "cornernet.stages.tables": "the words that go with all tables and figures",
    "cornernet.stages.train": "hands declared inputs to the training",
    "cornernet.training.checkpoint": "goes on as if nothing had happened",
    "cornernet.training.group": "several compute what one does, up to rounding",
    "cornernet.training.history": "losses as they were, for people",
    "cornernet.training.job": "compares what was with what is asked for",
    "cornernet.training.loop": "runs iterations to their number, which is a param",
    "cornernet.training.recorder": "writes down what was computed",
    "cornernet.training.start": "finds the state to go on from",
    "cornernet.training.state": "goes on as if nothing had happened",
}

# The same, in one stage alone.
EXEMPT_IN = {
    "train": {
        "cornernet.detection": "a validation changes nothing",
        "cornernet.evaluation": "a validation changes nothing",
    },
    "download": {
        "cornernet.data.coco": "whether generated annotations are whole",
    },
    "prepare": {
        "cornernet.data.coco.split": "the names of splits with annotations, and the preview",
        "cornernet.data.sampling": "draws the preview, which no stage reads",
        "cornernet.model": "counts parameters, for the room on the disk",
        "cornernet.reporting": "draws the preview, which no stage reads",
        "cornernet.training.chunk_losses": "draws the preview, which no stage reads",
    },
    "evaluate": {
        "cornernet.reporting": "what is printed decides nothing",
    },
    "figures": {
        "cornernet.evaluation.corners": "imported by the stage of tables",
    },
    "claims": {
        "cornernet.evaluation": "names and types; nothing is scored",
    },
    "report": {
        "cornernet.data.coco": "types; no annotation is read",
        "cornernet.evaluation": "names and types; nothing is scored",
    },
}


def exempt(stage: str, module: str) -> str | None:
    """Why a module that is not listed for a stage decides nothing in it; None if it may decide."""
    reasons, parts = EXEMPT | EXEMPT_IN.get(stage, {}), module.split(".")
    # Its name, and the rooms that it lies in, but for the package itself.
    names = [module, *(".".join(parts[:length]) for length in range(len(parts) - 1, 1, -1))]
    return next((reasons[name] for name in names if name in reasons), None)
