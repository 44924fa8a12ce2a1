"""Whether a run's scores can equal the paper's: worked out from its data and its params."""

from collections.abc import Iterator
from typing import Any

from cornernet.config import Params, load_params, resolve_variant
from cornernet.data.coco.dataset import Dataset
from cornernet.pipeline.paths import CLAIMS_FILE
from cornernet.pipeline.staleness.resolved import stage_params
from cornernet.reporting.claims.claim_list import load_comparable

# Sums round otherwise on other threads; all else in these stages' params changes scores.
ROUNDING = {"threads"}


def not_comparable(params: Params, dataset: Dataset) -> str:
    """Why scores cannot equal the paper's; empty where they can.

    They can on COCO's annotations, by digest, and with the params of a profile that claims.yaml
    names: those of the training and testing of each variant that both have.
    """
    wanted = load_comparable(CLAIMS_FILE)
    trains = any(not variant.imported for variant in params.variants.values())
    for split, digest in wanted.annotations.items():
        if split == "train" and not trains:
            continue
        if split not in dataset.splits or dataset.splits[split].annotations_sha256 != digest:
            return f"the annotations of {split} are not COCO's"
    nearest = min(
        (list(_differing(params, load_params(name))) for name in wanted.profiles), key=len
    )
    return f"other params than the paper's: {', '.join(nearest)}" if nearest else ""


def _differing(params: Params, paper: Params) -> Iterator[str]:
    """The params that a variant trains or tests with otherwise; `variants` if none is the same."""
    common = [name for name in params.variants if name in paper.variants]
    if not common:
        yield "variants"
    names: dict[str, None] = {}
    for variant in common:
        mine, other = (resolve_variant(one, variant) for one in (params, paper))
        for stage in ("train", "predict"):
            if stage == "train" and params.variants[variant].imported:
                continue
            sections = stage_params(mine, stage), stage_params(other, stage)
            names |= dict.fromkeys(_unequal(*sections))
    yield from names


def _unequal(mine: dict[str, Any], other: dict[str, Any], where: str = "") -> Iterator[str]:
    for key in sorted(mine.keys() | other.keys()):
        if key in ROUNDING or mine.get(key) == other.get(key):
            continue
        own, its = mine.get(key), other.get(key)
        if isinstance(own, dict) and isinstance(its, dict):
            yield from _unequal(own, its, f"{where}{key}.")
        else:
            yield f"{where}{key}"
