"""measured.csv: what each claim is about, in this run's numbers, with its noise."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from cornernet.evaluation.metric_names import defined
from cornernet.reporting.claims.judge import Claim
from cornernet.reporting.tables.contrasts import Measured, Tests, measure
from cornernet.reporting.tables.results import read_csv

MEASURED_COLUMNS = ("claim", *Measured._fields)


def measure_claims(claims: Sequence[Claim], tests: Tests) -> pd.DataFrame:
    """measured.csv: a row per claim that is about scores."""
    rows = [
        (claim.id, *measure(claim.contrast, tests))
        for claim in claims
        if claim.contrast is not None
    ]
    return pd.DataFrame(rows, columns=list(MEASURED_COLUMNS))


def read_measured(path: Path) -> dict[str, Measured]:
    """What was measured, by the claim's id. Raises BadInput if it is no measured.csv."""
    rows = read_csv(path, MEASURED_COLUMNS)
    return {
        row.claim: Measured(
            defined(row.value),
            defined(row.images),
            defined(row.training),
            *row[5:],
        )
        for row in rows.itertuples()
    }
