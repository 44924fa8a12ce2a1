"""The figures and the page of a made-up run; its scores are those of synthetic.py."""

from dataclasses import replace

import numpy as np
from evaluation.reference import evaluated, random_split

from cornernet.evaluation.coco_metrics import (
    PrecisionRecall,
    average_precision_by_category,
    curves_by_category,
)
from cornernet.evaluation.errors.confusion import confusion_matrix, pair
from cornernet.evaluation.metric_names import category_labels
from cornernet.reporting.claims.judge import judge_claims
from cornernet.reporting.figures.forest import forest_plot
from cornernet.reporting.figures.gallery import LEAST_SCORE, Shown, gallery_picture
from cornernet.reporting.figures.method import (
    corner_pooling_figure,
    radii_histogram,
    targets_figure,
)
from cornernet.reporting.figures.mistakes import confusion_figure
from cornernet.reporting.figures.scores import (
    ap_by_category,
    ap_by_size,
    precision_recall_by_category,
    precision_recall_curves,
)
from cornernet.reporting.figures.training import training_curves
from cornernet.reporting.origins import Origin
from cornernet.reporting.page import PageContext
from cornernet.reporting.tables.breakdown import (
    category_tables,
    collect_categories,
    collect_errors,
    error_tables,
)
from cornernet.reporting.tables.literature import parse_cell
from cornernet.reporting.tables.paper_tables import (
    build_tables,
    headline_table,
    iou_table,
    waiting_table,
)
from cornernet.reporting.tables.results import read_metrics
from cornernet.reporting.tables.seeds import Estimate
from cornernet.reporting.tables.table import place_of
from cornernet.reporting.text_and_code import (
    Effect,
    load_recorded,
    recorded_text,
    text_and_code,
)
from cornernet.training.history import COLUMNS
from reporting.synthetic import (
    TEST_CELLS,
    VAL_CELLS,
    claims,
    made_corners,
    measured,
    paired_differences,
    profile,
    run_results,
    run_tests,
    table_context,
    table_of_corners,
    write_metrics,
)

NOTICE = "Another data set (shapes) and a smaller network: not the paper's numbers."
OTHER_DATA = "the annotations of val are not COCO's"


def history(seed, iterations=900, every=10):
    """A training's history: falling losses with noise."""
    random = np.random.default_rng(seed)
    steps = np.arange(every, iterations + 1, every)
    columns = {"iteration": steps}
    for name in COLUMNS[1:]:
        columns[name] = 5 * np.exp(-steps / 200) + 0.3 + 0.05 * random.random(len(steps))
    columns["learning_rate"] = np.where(steps > 700, 2.5e-5, 2.5e-4)
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def picture(seed, height=96, width=128):
    """A noisy image with bright boxes, and those boxes."""
    random = np.random.default_rng(seed)
    image = random.integers(0, 90, size=(height, width, 3), dtype=np.uint8)
    corners = random.integers(4, 50, size=(3, 2)).astype(float)
    boxes = np.concatenate([corners, corners + random.integers(15, 44, size=(3, 2))], axis=1)
    for x1, y1, x2, y2 in boxes.astype(int):
        image[y1:y2, x1:x2] = random.integers(100, 255, size=3)
    return image, boxes


def figures_by_category(names):
    """The figures that show names of categories, of a split in which something goes wrong."""
    content, found = random_split(3, images=3, categories=len(names), overfull=False)
    for category, name in zip(content["categories"], names, strict=True):
        category["name"] = name
    scored = evaluated(content, found)
    pairs = pair(scored, 0.3)
    return [
        ap_by_category({"baseline": average_precision_by_category(scored)}),
        precision_recall_by_category("baseline-s0", curves_by_category(scored, 0.5)),
        confusion_figure("baseline-s0", confusion_matrix(scored, pairs), scored.categories),
    ]


def pictures(names=("disc", "ring", "cross")):
    """The gallery of three images, the third not among the worst."""
    content, found = random_split(3, images=3, categories=len(names), overfull=False)
    for category, name in zip(content["categories"], names, strict=True):
        category["name"] = name
    scored = evaluated(content, found)
    random, pairs = np.random.default_rng(5), pair(scored, LEAST_SCORE)
    drawn = []
    for place, image_id in enumerate(scored.image_ids.tolist(), start=1):
        pixels = random.integers(60, 120, (480, 640, 3), dtype=np.uint8)
        heat = random.random((2, 120, 160)) ** 9
        worst = place if place < 3 else 0
        shown = Shown(image_id, f"{image_id}\a.jpg", pixels, *heat, worst=worst, even=4 - place)
        drawn.append(gallery_picture(shown, scored, pairs))
    return drawn


def breakdowns(folder, names=("disc", "ring")):
    """by_category.csv, errors.csv, and the tables made of them, of two models."""
    folder.mkdir(exist_ok=True)
    shown = category_labels(names, range(len(names)))
    paths = [write_metrics(folder, cell, "val", categories=shown) for cell in VAL_CELLS[:2]]
    files = [read_metrics(path) for path in paths]
    categories, errors = collect_categories(files), collect_errors(files)
    return categories, errors, category_tables(categories, 0.95), error_tables(errors)


def all_figures(results):
    """Every kind of figure, from made-up arrays."""
    random = np.random.default_rng(0)
    recall = np.linspace(0, 1, 101)
    maps = random.random((3, 16, 16))  # two feature maps, and what stands for their pooled sum
    image, boxes = picture(4)
    return [
        radii_histogram({"exact": random.gamma(2, 2, 500), "pre_fix": random.gamma(2, 3, 500)}),
        training_curves({"baseline-s0": history(0), "no_corner_pooling-s0": history(1)}),
        ap_by_size(results, table_context()),
        *figures_by_category(["disc", "ring", "cross"]),
        precision_recall_curves({"IoU 0.50": PrecisionRecall(recall, 1 - recall**3)}),
        targets_figure(image, boxes, np.full(3, 5.0), 0.7),
        corner_pooling_figure(image, *maps, (3, 5)),
    ]


PROVENANCE = {
    "stage": "train",
    "data": {"train": {"annotations": "b" * 64, "images": "c" * 64}},
    "profile": "differences",
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "hardware": {"processor": "Some CPU", "cores": 2, "gpus": []},
    "packages": {"torch": "2.13.0"},
    "params": {"train": {"chunks": (4, 5, 5), "learning_rate": 0.00025}, "empty": {}},
    "mlflow_run_id": "a" * 32,
    "seconds": 312.5,
    "finished": "2026-11-25T20:15:00+00:00",
}


def recorded_effects(path):
    """What the package would have recorded in the file."""
    found = (
        Effect("merge_1x1", "single_scale", Estimate(-1.24, -2.0, -0.5, seeds=4), 12, 45.0, ""),
        Effect("mismatched_merge", "multi_scale", Estimate(0.0, 0.0, 0.0), reason="within noise"),
    )
    path.write_text(recorded_text(found, PROVENANCE))
    return load_recorded(path)


def origin(record=PROVENANCE, job="train-baseline-s0", place="", run="a" * 32):
    """A job as the page shows it, made of the data set and of nothing else."""
    file, command = f"models/{job}.safetensors", f"cornernet {job}"
    place = place or f"job-{job}"
    return Origin(place, job, command, (file,), ("job-prepare",), record, run)


def origins():
    """Those of a whole run, whose jobs left no record but for one training."""
    jobs = [origin({}, job) for job in ("prepare", "tables", "figures", "claims")]
    cells = [("val", cell) for cell in VAL_CELLS] + [("test_dev", cell) for cell in TEST_CELLS]
    tests = [
        origin({}, f"evaluate-{cell}-s{seed}-{split}", place_of(split, parse_cell(cell)))
        for split, cell in cells
        for seed in (0, 1)
    ]
    return [origin(), *tests, *jobs]


def page_context(folder, comparable=False, figures=None, **run):
    """A whole page's content from a made-up run."""
    results = run_results(folder, **run)
    differences = paired_differences(run_tests(results))
    notice = "" if comparable else NOTICE
    title = "CornerNet on shapes <demo>"
    params = profile("paper")
    report = replace(params.report, title=title, notice=notice)
    shared = table_context(notice)
    *_, by_category, of_errors = breakdowns(folder / "breakdowns")
    judged = judge_claims(measured(results), claims(), "" if comparable else OTHER_DATA)
    return PageContext(
        params=replace(params, profile="demo", report=report),
        claims=judged,
        forest=forest_plot(judged, 0.95),
        not_comparable="" if comparable else OTHER_DATA,
        headline=headline_table(results, shared),
        tables=[
            *build_tables(results, differences, shared),
            iou_table(results, shared),
            table_of_corners(made_corners(run.get("seeds", (0,))), notice),
            *waiting_table(results, shared),
        ],
        figures=all_figures(results) if figures is None else figures,
        gallery=pictures(),
        breakdowns=[by_category[0], *of_errors, *by_category[1:]],
        differences=text_and_code(params),
        origins=origins(),
        dataset={"splits": {"train": {"images": 4000, "boxes": 12000}}, "problems": []},
    )
