"""The modules whose code decides what a stage makes, and why no other module does.

A result is stale when one of its stage's modules changed: `cornernet.pipeline.code` says what of a
module counts. Tests trace every stage, and follow the imports of these modules: a function that
runs, or a name that is imported, lies in a module listed here or in one of the exempt ones.
"""

_P = "cornernet"

SHAPES = tuple(
    f"{_P}.data.shapes.{name}" for name in ("generate", "layout", "portable_random", "render")
)

# An annotation file, as boxes; an image, as pixels.
_READ = tuple(
    f"{_P}.data.coco.{name}" for name in ("annotations", "annotation_rules", "split", "images")
)
_ANNOTATIONS = _READ[:3]
_NETWORK = tuple(
    f"{_P}.model.{name}"
    for name in (
        "corner_pooling",
        "corner_pooling_plain",
        "corner_pooling_triton",
        "hourglass",
        "network",
        "prediction",
    )
)
_RADII = (f"{_P}.data.sampling.radii",)
_SAMPLES = tuple(
    f"{_P}.data.sampling.{name}"
    for name in ("augment", "chunks", "colour", "geometry", "samples", "targets")
)
_STEP = (
    f"{_P}.model.losses",
    *(f"{_P}.training.{name}" for name in ("gradients", "settings", "staging", "step", "trainer")),
)
_TESTING = tuple(
    f"{_P}.detection.{name}"
    for name in (
        "decode",
        "detector",
        "network",
        "padding",
        "predict",
        "soft_nms",
        "substitution",
    )
)
_METRICS = tuple(
    f"{_P}.evaluation.{name}"
    for name in (
        "average_precision",
        "coco_metrics",
        "coco_results",
        "ground_truth",
        "matching",
        "ranking",
    )
)

PREPARE = (*_READ, f"{_P}.data.coco.check", f"{_P}.data.coco.image_check")
RADII = (*_ANNOTATIONS, *_RADII)
TRAIN = (*_READ, *_NETWORK, *_RADII, *_SAMPLES, *_STEP)
IMPORT = (f"{_P}.model.released",)
PREDICT = (*_READ, *_NETWORK, *_TESTING)
CORNERS = (*_READ, *_NETWORK, *_TESTING, f"{_P}.detection.corners")
SUBMIT = (f"{_P}.evaluation.submission",)
EVALUATE = (*_ANNOTATIONS, *_METRICS, f"{_P}.evaluation.bootstrap")
TABLES = (f"{_P}.reporting.tables.paper_tables",)
FIGURES = (f"{_P}.reporting.figures.figure",)
CLAIMS = (f"{_P}.reporting.claims.judge",)
REPORT = (f"{_P}.reporting.page",)

EXEMPT: dict[str, str] = {}
