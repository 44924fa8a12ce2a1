"""`cornernet claims`: the paper's claims, judged from what `tables` measured."""

import json
from typing import Any

import pandas as pd

from cornernet.errors import BadInput
from cornernet.pipeline.comparable import not_comparable
from cornernet.pipeline.job import Job
from cornernet.pipeline.paths import (
    CLAIMS_FILE,
    LITERATURE,
    SEEDS_PROFILE,
    SEEDS_RECORD,
    provenance,
)
from cornernet.pipeline.provenance import read_provenance
from cornernet.pipeline.staleness.resolved import params_of_job
from cornernet.pipeline.staleness.training_key import training_keys
from cornernet.reporting.claims.agreement import agreement_summary, judge_seeds
from cornernet.reporting.claims.claim_list import load_claims
from cornernet.reporting.claims.judge import CLAIM_COLUMNS, judge_claims, judged_on, measured_time
from cornernet.reporting.tables.contrasts import Measured, read_measured
from cornernet.reporting.tables.literature import load_literature
from cornernet.reporting.tables.results import read_csv, write_csv
from cornernet.reporting.tables.seed_subsets import read_subsets


def run(job: Job) -> dict[str, Any]:
    """Write claims.csv and seeds.csv, and print how many claims got each verdict."""
    params, literature = job.profile, load_literature(LITERATURE)
    claims = load_claims(CLAIMS_FILE, literature, params.report.reference, params.variants)
    measured = read_measured(job.paths.measured)
    measured |= {claim.id: _inference_time(job) for claim in claims if claim.kind == "time"}
    reason, confidence = not_comparable(params, job.dataset), params.evaluation.confidence
    keys = training_keys(job.graph, job.dataset)
    judged = _beside_record(job, keys, judge_claims(measured, claims, reason, confidence))
    found, subsets = judged_on(measured, claims, reason), read_subsets(job.paths.measured_seeds)
    seeds = judge_seeds(claims, found, subsets, 1 - confidence)
    write_csv(judged, job.paths.claims)
    write_csv(seeds, job.paths.seeds)
    counts = judged["verdict"].value_counts()
    print("claims: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    if line := agreement_summary(seeds):
        print(f"seeds: {line}")
    return {"training_keys": keys, "seeds": len(params.train.seeds)}


def _beside_record(job: Job, keys: dict[str, str], judged: pd.DataFrame) -> pd.DataFrame:
    """claims.csv with the recorded verdicts of more seeds.

    Without them where other trainings, by their keys, or another way of testing were recorded.
    """
    file, mend = provenance(SEEDS_RECORD), f"restore it, or `make record PROFILE={SEEDS_PROFILE}`"
    try:
        made = read_provenance(file)
    except ValueError as error:
        raise BadInput(f"{file}: no provenance of a record ({error}); {mend}") from None
    same = made.get("training_keys", {})
    if job.paths.profile == SEEDS_PROFILE or not keys or not keys.items() <= same.items():
        return judged
    own = json.loads(json.dumps(params_of_job(job.profile, job.stage, job.key)))
    if any(made["params"][section] != own[section] for section in ("detection", "evaluation")):
        return judged
    record = read_csv(SEEDS_RECORD, CLAIM_COLUMNS, mend).set_index("id")
    record = record.reindex(judged["id"]).fillna({"verdict": "", "interval": ""})
    label = f"{made['seeds']} seeds (record of {SEEDS_PROFILE}, {made['finished'][:10]})"
    return judged.assign(
        recorded_verdict=record["verdict"].to_numpy(),
        recorded_interval=record["interval"].to_numpy(),
        recorded_as=label,
    )


def _inference_time(job: Job) -> Measured:
    """Milliseconds per image on val in single scale, as `predict` recorded them."""
    for tested in job.graph.tested:
        path = provenance(job.paths.detections(tested))
        if (tested.split, tested.mode) == ("val", "single_scale") and path.is_file():
            made = json.loads(path.read_text())
            device = (made["hardware"]["gpus"] or [made["hardware"]["processor"]])[0]
            return measured_time(1000 * made["seconds_per_image"], device)
    return Measured()
