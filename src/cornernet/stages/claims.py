"""`cornernet claims`: the paper's claims, judged from what `tables` measured."""

import json

from cornernet.pipeline.comparable import not_comparable
from cornernet.pipeline.job import Job
from cornernet.pipeline.paths import CLAIMS_FILE, LITERATURE, provenance
from cornernet.reporting.claims.claim_list import load_claims
from cornernet.reporting.claims.judge import judge_claims, measured_time
from cornernet.reporting.tables.contrasts import Measured, read_measured
from cornernet.reporting.tables.literature import load_literature
from cornernet.reporting.tables.results import write_csv


def run(job: Job) -> None:
    """Write claims.csv and print how many claims got each verdict."""
    params, literature = job.profile, load_literature(LITERATURE)
    claims = load_claims(CLAIMS_FILE, literature, params.report.reference, params.variants)
    measured = read_measured(job.paths.measured)
    measured |= {claim.id: _inference_time(job) for claim in claims if claim.kind == "time"}
    reason = not_comparable(params, job.dataset)
    judged = judge_claims(measured, claims, reason, params.evaluation.confidence)
    write_csv(judged, job.paths.claims)
    counts = judged["verdict"].value_counts()
    print("claims: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()))


def _inference_time(job: Job) -> Measured:
    """Milliseconds per image on val in single scale, as `predict` recorded them."""
    for tested in job.graph.tested:
        path = provenance(job.paths.detections(tested))
        if (tested.split, tested.mode) == ("val", "single_scale") and path.is_file():
            made = json.loads(path.read_text())
            device = (made["hardware"]["gpus"] or [made["hardware"]["processor"]])[0]
            return measured_time(1000 * made["seconds_per_image"], device)
    return Measured()
