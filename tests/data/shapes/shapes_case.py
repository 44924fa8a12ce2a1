"""A small embedded data set, for the tests of what is drawn and of how it lies on disk."""

from cornernet.config.schema import Shapes, SplitFiles

SPLITS = {
    name: SplitFiles(name, f"annotations/{name}.json") for name in ("train", "val", "test_dev")
}
SMALL = Shapes(
    seed=7,
    images={"train": 4, "val": 3, "test_dev": 2},
    image_size=(96, 127),
    max_objects=5,
    overlap=0.3,
    annotation_error=0,
    answers="answers/test_dev.json",
)


def boxes_of(objects):
    return [(o.x, o.y, o.width, o.height) for o in objects]
