"""Whether a run's scores can equal the paper's: worked out from its data and its params."""

from cornernet.config import Params, load_params, resolve_variant
from cornernet.data.coco.dataset import Dataset
from cornernet.pipeline.paths import CLAIMS_FILE
from cornernet.pipeline.staleness.resolved import stage_params
from cornernet.reporting.claims.claim_list import load_comparable
from cornernet.training.job import differences

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
    papers = [load_params(name) for name in wanted.profiles]
    papers = [paper for paper in papers if set(paper.variants) & set(params.variants)]
    if not papers:
        return "none of its variants is the paper's"
    nearest = min((_differing(params, paper) for paper in papers), key=len)
    return f"other params than the paper's: {', '.join(nearest)}" if nearest else ""


def _differing(params: Params, paper: Params) -> list[str]:
    """The params that a variant of both trains or tests with otherwise."""
    names: dict[str, None] = {}
    for variant in (name for name in params.variants if name in paper.variants):
        mine, other = (resolve_variant(one, variant) for one in (params, paper))
        trained = () if params.variants[variant].imported else ("train",)
        for stage in (*trained, "predict"):
            lines = differences(stage_params(other, stage), stage_params(mine, stage))
            names |= dict.fromkeys(line.partition(":")[0] for line in lines)
    return [name for name in names if name.rpartition(".")[2] not in ROUNDING]
