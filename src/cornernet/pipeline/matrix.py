"""`cornernet matrix`: the models and tests of a profile, as the matrices of dvc.yaml list them.

DVC reads its matrices before it runs anything, and cannot follow a profile that extends another.
So the lists lie in a file, which is written when a profile asks for other models or tests.
"""

import argparse
from pathlib import Path
from typing import Any

import yaml

from cornernet.config import Params
from cornernet.errors import BadInput
from cornernet.files import write_text
from cornernet.options import params_of
from cornernet.pipeline.graph import Graph

MATRIX = Path("workflow/matrix.yaml")
MODES = {
    "val": ("single_scale", "multi_scale", "gt_heatmaps", "gt_heatmaps_offsets"),
    "test_dev": ("single_scale", "multi_scale"),
}
HEADER = """\
# The models and tests that dvc.yaml's matrices list: those of the profiles paper, as_run, released,
# demo and smoke. For a profile that asks for others: cornernet matrix --profile NAME
"""
OTHER_HEADER = """\
# The models and tests that dvc.yaml's matrices list: those of the profile {profile}, written by
# `cornernet matrix --profile {profile}`.
"""
SHIPPED = ("paper", "as_run", "released", "demo", "smoke")


def run(options: argparse.Namespace) -> None:
    """Write the lists of a profile for DVC."""
    params = params_of(options)
    lists = matrices(params)
    header = HEADER if params.profile in SHIPPED else OTHER_HEADER.format(profile=params.profile)
    write_text(MATRIX, header + yaml.safe_dump(lists, sort_keys=False))
    print(f"{MATRIX}: the models and tests of profile {params.profile}")


def matrices(params: Params) -> dict[str, Any]:
    """The lists: seeds, variants by the way they are made, variants tested by split and mode.

    Raises BadInput for what DVC's matrices cannot say.
    """
    graph = Graph(params)
    parents = {t.variant: params.variants[t.variant].continues for t in graph.trained}
    continued = [variant for variant, parent in parents.items() if parent is not None]
    problems = [
        f"{tested}: dvc.yaml has no place for such a test; run it with snakemake"
        for tested in graph.tested
        if tested.mode not in MODES.get(tested.split, ())
        or (tested.split != "val" and params.variants[tested.trained.variant].weights_of)
    ]
    if len({parents[variant] for variant in continued}) > 1:
        problems.append("dvc.yaml has one variant to go on from, this profile more; use snakemake")
    if any(graph.weights_of(trained) != trained for trained in graph.with_corners):
        problems.append("dvc.yaml finds corners with a variant's own weights; use snakemake")
    if graph.imported:
        problems.append(
            "imported weights are a target of snakemake alone: "
            "snakemake released_weights --config weights=FILE"
        )
    if problems:
        raise BadInput(problems)
    data = params.data
    files = {name: str(Path(data.root) / split.annotations) for name, split in data.splits.items()}
    return {
        "seeds": list(params.train.seeds),
        "trained": [variant for variant, parent in parents.items() if parent is None],
        "continued": continued,
        "parent": sorted({str(parents[variant]) for variant in continued}),
        "tested": {
            split: {mode: _variants(graph, split, mode) for mode in modes}
            for split, modes in MODES.items()
        },
        "with_corners": list(dict.fromkeys(trained.variant for trained in graph.with_corners)),
        # tests of val with the weights of another variant
        "borrowed": _borrowed(graph),
        # annotation files that are the user's; `made`: that no user's are read
        "made": [] if data.source == "folder" else ["made"],
        "folder": [{"test_dev": files["val"], **files}] if data.source == "folder" else [],
    }


def check_matrix(params: Params) -> None:
    """Raises BadInput if the lists are not those of the profile that DVC runs."""
    written = yaml.safe_load(MATRIX.read_text()) if MATRIX.is_file() else None
    if written != matrices(params):
        raise BadInput(
            f"{MATRIX} lists other models or tests than profile {params.profile} asks for; write "
            f"it anew: cornernet matrix --profile {params.profile}"
        )


def _variants(graph: Graph, split: str, mode: str) -> list[str]:
    """The variants that are tested so, with their own weights."""
    variants = graph.params.variants
    found = (t.trained.variant for t in graph.tested if (t.split, t.mode) == (split, mode))
    return [name for name in dict.fromkeys(found) if variants[name].weights_of is None]


def _borrowed(graph: Graph) -> list[dict[str, str]]:
    variants = graph.params.variants
    rows = (
        {"variant": t.trained.variant, "weights_of": lender, "mode": t.mode}
        for t in graph.tested
        if (lender := variants[t.trained.variant].weights_of) is not None
        and t.trained.seed == graph.params.train.seeds[0]
    )
    return list(rows)
