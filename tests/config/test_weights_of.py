"""A variant that is not trained but tested with the weights of another."""

import pytest

from cornernet.config import load_params, resolve_variant
from cornernet.errors import BadInput

TIES = "detection.keep_ties: true"


def with_variant(text):
    return load_params("smoke", [f"variants.mine={{{text}}}"])


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        (f"weights_of: basline, set: {{{TIES}}}", "weights_of: no variant is called 'basline'; did you mean 'baseline'?"),
        (f"weights_of: mine, set: {{{TIES}}}", "weights_of: names itself"),
        ("weights_of: baseline", "set: is empty, so that it would test what 'baseline' tests"),
        ("weights_of: baseline, set: {train.iterations: 3, detection.flip: false}", "set: train.iterations: with `weights_of` only detection.* can differ"),
        ("weights_of: baseline, set: {detection: {}}", "set: detection: with `weights_of` only detection.* can differ"),
        ("weights_of: baseline, set: {detection.keep_tie: true}", "did you mean 'keep_ties'?"),
        (f"weights_of: baseline, continues: baseline, set: {{{TIES}}}", "with `weights_of` nothing is continued"),
        (f"weights_of: baseline, imported: true, set: {{{TIES}}}", "with `weights_of` nothing is imported"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_in_one_line(variant, expected):
    with pytest.raises(BadInput) as error:
        with_variant(variant)
    (problem,) = error.value.problems
    assert "variants.mine" in problem
    assert expected in problem
    assert len(problem) < 200


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ("{weights_of: mine, set: {detection.flip: false}}", "'mine' has none of its own; name 'baseline'"),
        ("{continues: mine}", "continues 'mine', which is not trained"),
    ],
)  # fmt: skip
def test_nothing_builds_on_one(other, expected):
    mine = f"variants.mine={{weights_of: baseline, set: {{{TIES}}}}}"
    with pytest.raises(BadInput, match=expected):
        load_params("smoke", [mine, f"variants.other={other}"])


def test_it_differs_in_testing_from_the_variant_whose_weights_it_has():
    params = with_variant(f"weights_of: no_corner_pooling, set: {{{TIES}}}")
    mine, other = (resolve_variant(params, name) for name in ("mine", "no_corner_pooling"))
    assert mine.model == other.model
    assert not mine.model.corner_pooling  # the network that the weights fit
    assert mine.detection.keep_ties
    assert not other.detection.keep_ties
    assert not resolve_variant(params, "baseline").detection.keep_ties
