"""`cornernet claims`: the paper's claims, judged from this run's intervals."""

import json

from cornernet.config import Params
from cornernet.options import existing
from cornernet.pipeline.graph import Graph
from cornernet.pipeline.job import Job
from cornernet.pipeline.paths import Paths, provenance
from cornernet.reporting.claims.claim_list import load_claims
from cornernet.reporting.claims.judge import InferenceTime, judge_claims
from cornernet.reporting.tables.differences import read_differences
from cornernet.reporting.tables.literature import load_literature
from cornernet.reporting.tables.results import read_results, write_csv
from cornernet.stages.tables import CLAIMS, LITERATURE


def run(job: Job) -> None:
    """Write claims.csv and print how many claims got each verdict."""
    params = job.profile
    paths, report = Paths(params.profile), params.report
    results = read_results(existing(paths.results, "tables"))
    differences = read_differences(existing(paths.differences, "tables"))
    claims = load_claims(CLAIMS, load_literature(LITERATURE), report.reference, params.variants)
    time = _inference_time(params) if report.comparable else None
    judged = judge_claims(
        results, differences, claims, report.comparable, time, params.evaluation.confidence
    )
    write_csv(judged, paths.claims)
    counts = judged["verdict"].value_counts()
    print("claims: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()))


def _inference_time(params: Params) -> InferenceTime | None:
    """Milliseconds per image on val in single scale, and the device, as `predict` recorded them."""
    for tested in Graph(params).tested:
        path = provenance(Paths(params.profile).detections(tested))
        if (tested.split, tested.mode) == ("val", "single_scale") and path.is_file():
            made = json.loads(path.read_text())
            device = (made["hardware"]["gpus"] or [made["hardware"]["processor"]])[0]
            return InferenceTime(1000 * made["seconds_per_image"], device)
    return None
