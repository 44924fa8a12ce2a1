"""Kinds of mistakes and their costs against tidecv, the code of the authors of TIDE.

tide.json says how it was made: boxes of several categories, with crowds, an object in every category
and no two scores alike, since tidecv counts a category without objects as one of AP 0 and orders
ties otherwise than COCO.
"""

import json
from pathlib import Path

import pytest
from evaluation.reference import evaluated

from cornernet.evaluation.errors.costs import error_costs

RECORD = json.loads((Path(__file__).parent / "tide.json").read_text())
NAMES = {"Cls": "classification", "Loc": "localisation", "Both": "both", "Dupe": "duplicate",
         "Bkg": "background", "Miss": "missed"}  # fmt: skip


@pytest.mark.parametrize("case", RECORD["cases"], ids=lambda case: f"AP50 {case['AP50']:.1f}")
def test_costs_are_tidecvs(case):
    found = evaluated(case["annotations"], case["results"])
    assert found.metrics["AP50"] == pytest.approx(case["AP50"], abs=1e-9)
    costs = {cost.kind: cost.cost for cost in error_costs(found)}
    expected = {NAMES[kind]: cost for kind, cost in case["costs"].items()}
    assert costs == pytest.approx(expected, abs=1e-9)
    assert sum(cost > 0 for cost in costs.values()) >= 4
