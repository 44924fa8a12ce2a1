"""`cornernet record-effects`: keeps for all reports what differences of text and code did to AP."""

import argparse
import json
from pathlib import Path

import cornernet.reporting
from cornernet.errors import BadInput
from cornernet.files import write_text
from cornernet.options import existing, params_of
from cornernet.pipeline.paths import Paths, Trained
from cornernet.reporting.tables.differences import DIFFERENCE_COLUMNS
from cornernet.reporting.tables.results import read_csv
from cornernet.reporting.text_and_code import FILE, REFERENCE, found_effects, recorded_text

FOLDER = Path(cornernet.reporting.__file__).parent


def run(options: argparse.Namespace) -> None:
    """Write the profile's effects into the package, with the provenance of their trainings."""
    params = params_of(options)
    paths = Paths(params.profile)
    effects = found_effects(read_csv(existing(paths.differences, "tables"), DIFFERENCE_COLUMNS))
    if not effects:
        raise BadInput(
            f"{paths.differences} has no effect to record: profile {params.profile} has no variant "
            "that reporting/text_and_code.yaml names; try --profile differences"
        )
    baseline = Trained(REFERENCE, params.train.seeds[0])
    provenance = json.loads(existing(paths.model_provenance(baseline), "train").read_text())
    file = FOLDER / FILE
    write_text(file, recorded_text(effects, provenance))
    print(f"record-effects: {file}, effects: {len(effects)}")
