"""Which verdicts the paper's claims get from runs that truly equal it, by the number of seeds.

The runs are drawn: each training, the paper's too, moves each score by chance. Images move nothing,
as they are the paper's own, but a direction is held against another test set, whose standard error
is that of val2017. What is recorded is the share of the claims that get each verdict.
"""

import math

import numpy as np

from benchmarks.measuring import Settings
from benchmarks.record import Record
from cornernet.config import load_params
from cornernet.pipeline.paths import CLAIMS_FILE, LITERATURE
from cornernet.reporting.claims.claim_list import load_claims
from cornernet.reporting.claims.judge import VERDICTS, Claim, judge_claims
from cornernet.reporting.tables.contrasts import Measured
from cornernet.reporting.tables.literature import load_literature

TRAINING = 0.3  # points: standard deviation of a score over trainings, as the profile paper assumes
IMAGES = 0.3  # points: standard error of a score in a difference that is paired, on 5,000 images
SEEDS, RUNS, QUICK_RUNS = (1, 3, 5, 10), 200, 2
VARIANTS = 5  # of the paper's ablations: each adds its seeds to the pooled deviation


def verdicts(settings: Settings, record: Record) -> None:
    """Draw runs with each number of seeds; with one seed the deviation is known."""
    claims = load_claims(CLAIMS_FILE, load_literature(LITERATURE), "eccv")
    claims = tuple(claim for claim in claims if claim.contrast and not math.isnan(claim.paper))
    runs = QUICK_RUNS if settings.quick else RUNS
    record.sizes(runs=runs, claims=len(claims), training=TRAINING, images=IMAGES)
    confidence = load_params("paper").evaluation.confidence
    for seeds in SEEDS:
        random = np.random.default_rng(seeds)
        shares = []
        for _ in range(runs):
            drawn = {claim.id: _drawn(claim, seeds, random) for claim in claims}
            found = judge_claims(drawn, claims, confidence=confidence)["verdict"]
            shares.append([100 * (found == verdict).mean() for verdict in VERDICTS])
        for verdict, share in zip(VERDICTS, np.transpose(shares).tolist(), strict=True):
            record.add(verdict, f"{seeds} seed{'s' * (seeds > 1)}", share, "% of claims")


def _drawn(claim: Claim, seeds: int, random: np.random.Generator) -> Measured:
    """What a run with the paper's own method finds of a claim."""
    contrast = claim.contrast
    assert contrast is not None
    norm = math.sqrt(sum(weight**2 for weight in contrast.weights.values()))
    variants = {cell.variant for cell, _ in contrast.weights}
    alone = len(variants) == 1 and len(contrast.weights) > 1
    freedom = VARIANTS * (seeds - 1) or math.inf
    deviation = TRAINING * norm
    value = claim.paper + deviation * random.normal() * math.sqrt(1 + 1 / seeds)
    if seeds > 1:
        deviation *= math.sqrt(random.chisquare(freedom) / freedom)
    server = contrast.split == "test_dev"
    images = math.nan if server else IMAGES * norm
    return Measured(value, images, deviation, freedom, seeds, "", alone, server)
