"""A made-up run, drawn from a seed, in the formats of the pipeline's files."""

import functools
import json
import math
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from evaluation.reference import evaluated, random_split

from cornernet.config.load import load_params
from cornernet.evaluation.coco_metrics import (
    PrecisionRecall,
    average_precision_by_category,
    curves_by_category,
)
from cornernet.evaluation.errors.confusion import confusion_matrix, pair
from cornernet.evaluation.errors.kinds import KINDS
from cornernet.evaluation.half_sampling import HalfSampled
from cornernet.evaluation.metric_names import (
    CATEGORY_METRICS,
    CORNER_MODES,
    METRICS,
    QUADRANTS,
    category_labels,
)
from cornernet.reporting.claims.claim_list import load_claims
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
from cornernet.reporting.tables.contrasts import Tests, measure_each, read_measured
from cornernet.reporting.tables.corners import collect_corners
from cornernet.reporting.tables.differences import (
    DIFFERENCE_COLUMNS,
    collect_differences,
    table_comparisons,
)
from cornernet.reporting.tables.literature import Cell, load_literature, parse_cell
from cornernet.reporting.tables.paper_tables import (
    build_tables,
    corner_table,
    headline_table,
    iou_table,
    waiting_table,
)
from cornernet.reporting.tables.results import collect_results, read_metrics, write_csv
from cornernet.reporting.tables.seeds import Estimate
from cornernet.reporting.tables.table import TableContext, place_of
from cornernet.reporting.text_and_code import (
    Effect,
    load_recorded,
    recorded_text,
    text_and_code,
)
from cornernet.reporting.training_noise import TrainingNoise, scores_of_models
from cornernet.training.history import COLUMNS

PARAMS = Path(__file__).parents[2] / "params"
NOTICE = "Another data set (shapes) and a smaller network: not the paper's numbers."
OTHER_DATA = "the annotations of val are not COCO's"
NOT_SCORED = "submitted, not scored"
VAL_CELLS = (
    "baseline/single_scale", "no_corner_pooling/single_scale", "no_penalty_reduction/single_scale",
    "fixed_radius/single_scale", "full_schedule/single_scale", "baseline/gt_heatmaps",
    "baseline/gt_heatmaps_offsets",
)  # fmt: skip
TEST_CELLS = ("full_schedule/single_scale", "full_schedule/multi_scale")


@functools.cache
def literature():
    return load_literature(PARAMS / "literature.yaml")


@functools.cache
def claims(reference="eccv"):
    return load_claims(PARAMS / "claims.yaml", literature(), reference)


@functools.cache
def profile(name):
    return load_params(name, folder=PARAMS)


def table_context(notice="", confidence=0.95):
    return TableContext(literature(), "eccv", notice, confidence)


def write_metrics(
    folder, cell, split, status="scored", seed=0, noise=1.0, metrics=None, categories=()
):
    """One file as `evaluate` writes it: the paper's numbers plus noise, unless `metrics` says."""
    variant, mode = cell.split("/")
    random = np.random.default_rng([seed, len(cell), len(split)])
    intervals = {}
    if metrics is None:
        found = [literature().value("eccv", split, Cell(variant, mode), name) for name in METRICS]
        centre = [50.0 if value is None else value for value in found]
        drawn = np.clip(np.array(centre) + noise * random.normal(size=len(METRICS)), 0, 100)
        metrics = {name: float(value) for name, value in zip(METRICS, drawn, strict=True)}
        ends = np.clip([drawn - 1, drawn + 1], 0, 100).T.tolist()
        intervals = dict(zip(METRICS, ends, strict=True))
    if status != "scored":
        metrics, intervals = {}, {}
    tree = {"variant": variant, "seed": seed, "split": split, "mode": mode, "status": status}
    tree |= {"images": 100, "metrics": metrics, "intervals": intervals}
    scores = dict.fromkeys(CATEGORY_METRICS, 40.0)
    ends = {metric: [35.0, 45.0] for metric in CATEGORY_METRICS}
    tree["categories"] = [
        {"id": number, "name": name, "objects": 9, "metrics": scores, "intervals": ends}
        for number, name in enumerate(categories)
    ]
    tree["errors"] = [{"kind": kind, "count": 3, "cost": 1.25} for kind in KINDS]
    path = folder / f"{variant}-s{seed}-{split}-{mode}.json"
    path.write_text(json.dumps(tree))
    return path


def run_results(
    folder, seeds=(0,), val=VAL_CELLS, test=TEST_CELLS, test_status="scored", noise=0.1, extra=()
):
    """results.csv of a whole run; `extra` are further metrics files."""
    tested = [(cell, "val", "scored") for cell in val]
    tested += [(cell, "test_dev", test_status) for cell in test]
    paths = [write_metrics(folder, *one, s, noise=noise) for one in tested for s in seeds]
    return collect_results([*paths, *extra], literature(), "eccv")


def run_tests(results, error=0.25, noise=0.0, server=False, owners=None):
    """The tests of a run whose scores all have that standard error over images, when paired."""

    @functools.cache
    def halves(split, cell, seed):
        if server and split == "test_dev":
            return None
        drawn = np.random.default_rng([len(str(cell)), seed]).normal(size=(400, len(METRICS)))
        return HalfSampled(dict.fromkeys(METRICS), 50 + drawn * error / math.sqrt(2), 100)

    known = dict.fromkeys(METRICS, noise) if noise is not None else {}
    scores = scores_of_models(results, owners or {})
    return Tests(results, halves, TrainingNoise(scores, assumed=known, owners=owners or {}))


def paired_differences(tests):
    """differences.csv of a run."""
    wanted = table_comparisons(literature(), tests.results)
    return collect_differences(wanted, tests, literature(), "eccv")


def measured(results, **noise):
    """What each claim is about, as `tables` writes it and `claims` reads it."""
    contrasts = {claim.id: claim.contrast for claim in claims() if claim.contrast is not None}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "measured.csv"
        write_csv(measure_each(contrasts, run_tests(results, **noise)), path)
        return read_measured(path)


def effects(*rows):
    """differences.csv with the given (variant, mode, metric, value, ci_low, ci_high) on val."""
    tree = [(variant, "baseline", "val", *rest, None, "", 0.0, 1, "") for variant, *rest in rows]
    return pd.DataFrame(tree, columns=list(DIFFERENCE_COLUMNS))


def made_corners(seeds=(0,), noise=0.5):
    """Scores of corners around the journal's numbers, half a point to either side on the halves."""
    random, scored = np.random.default_rng(3), {}
    for variant, side in (("no_corner_pooling", 1), ("baseline", -1)):
        for mode in CORNER_MODES:
            papers = [literature().value("", "val", Cell(variant, mode), q) for q in QUADRANTS]
            for seed in seeds:
                values = [(paper or 62.0) + noise * random.normal() for paper in papers]
                halves = np.array(values) + side * np.array([[0.5], [-0.5]])
                scores = dict(zip(QUADRANTS, values, strict=True))
                scored[Cell(variant, mode), seed] = HalfSampled(scores, halves, 100)
    return scored


def table_of_corners(scored, notice=""):
    """Their table, from corners.csv and differences.csv."""
    corners = collect_corners(scored, literature(), 0.95)
    noise = TrainingNoise(scores_of_models(corners, {}))
    differences = paired_differences(Tests(corners, lambda _, *test: scored[test], noise))
    return corner_table(corners, differences, 12, table_context(notice))


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
