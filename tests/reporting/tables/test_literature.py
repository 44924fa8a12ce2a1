"""The paper's tables as data, against the differences that the text prints."""

from pathlib import Path

import pytest
from reporting.synthetic import claims, literature

from cornernet.errors import BadInput
from cornernet.reporting.tables.literature import Cell, Comparison, load_literature, parse_cell

BASELINE = "baseline/single_scale"
SIX = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large")
PRINTED = {6: SIX, 4: ("AP", *SIX[3:]), 3: ("AP", *SIX[4:]), 1: ("AP",)}


@pytest.mark.parametrize(
    ("pair", "printed"),
    [  # Table 1's last row, the text of Tables 2 and 3
        ((BASELINE, "no_corner_pooling/single_scale"), (2.0, 2.1, 2.2, 0.1, 2.4, 3.7)),
        (("fixed_radius/single_scale", "no_penalty_reduction/single_scale"), (2.7, 1.5, 5.3)),
        ((BASELINE, "fixed_radius/single_scale"), (2.9, 2.6, 6.5)),
        (("baseline/gt_heatmaps", BASELINE), (35.5, 43.1, 40.9, 30.1)),
        (("baseline/gt_heatmaps_offsets", "baseline/gt_heatmaps"), (13.1,)),
    ],
)
def test_differences_are_those_the_text_prints(pair, printed):
    """All six metrics, or those of them that the text gives."""
    comparison = Comparison("val", *map(parse_cell, pair))
    names = PRINTED[len(printed)]
    assert printed == tuple(literature().difference("eccv", comparison, name) for name in names)


def test_numbers_of_both_texts():
    texts = literature()
    single, multi = Cell("full_schedule", "single_scale"), Cell("full_schedule", "multi_scale")
    assert texts.value("eccv", "test_dev", single, "AP") == 40.5
    assert texts.value("eccv", "test_dev", multi, "AR_large") == 77.4
    assert texts.value("journal", "test_dev", multi, "AP") == 42.2
    assert texts.value("journal", "test_dev", Cell("released_weights", "multi_scale"), "AP") == 42.2
    assert texts.value("journal", "test_dev", single, "AP90") == 23.4
    assert texts.value("eccv", "val", single, "AP") is None  # the texts give no such number


def test_table_4_has_the_other_detectors_and_their_dashes():
    others = {other.method: other for other in literature().others}
    assert len(others) == 22
    assert sum(other.group == "two_stage" for other in others.values()) == 14
    assert others["LH R-CNN"].values == {
        "AP": 41.5, "AP_small": 25.2, "AP_medium": 45.3, "AP_large": 53.1,
    }  # fmt: skip
    assert "AP75" not in others["Soft-NMS"].values
    assert others["YOLOv2"].values["AR_large"] == 54.4


def test_every_claim_has_a_number_in_both_texts():
    assert len(claims("eccv")) == len(claims("journal")) >= 25
    by_id = {claim.id: claim.paper for claim in claims("eccv")}
    assert by_id["above_one_stage"] == 0.3  # 42.1 against RefineDet512's 41.8
    assert by_id["bottleneck"] == 22.4  # 35.5 - 13.1
    assert by_id["inference_time"] == 244


@pytest.mark.parametrize("text", ["columns: [AP]", "- 1", "a: [", "columns: 3"])
def test_malformed_literature_is_refused(tmp_path: Path, text):
    path = tmp_path / "literature.yaml"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"literature\.yaml"):
        load_literature(path)
