"""The page as text; tests/browser opens it."""

import dataclasses
import re
from html.parser import HTMLParser

import pytest
import yaml

from cornernet.config.load import load_params
from cornernet.errors import BadInput
from cornernet.reporting.page import paragraphs, plain, provenance_rows, render_page
from cornernet.reporting.text_and_code import param, text_and_code
from reporting.synthetic import NOTICE, PARAMS, page_context

# Params with a [code ...] source that change no number of the result.
HARMLESS = {"train.checkpoint_every", "train.log_every"}


class Document(HTMLParser):
    """Which elements there are, and whether they are closed in order."""

    VOID = ("meta", "link", "img", "br", "wbr")

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.addresses, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return page_context(tmp_path_factory.mktemp("run"), test_status="submitted, not scored")


@pytest.fixture(scope="module")
def document(context):
    parsed = Document()
    parsed.feed(render_page(context))
    assert parsed.open == []
    return parsed


def test_page_is_self_contained(document):
    assert "script" not in document.seen
    assert all(address.startswith(("#", "data:")) for address in document.addresses)
    assert document.seen.count("img") == 9


def test_page_says_what_a_reader_must_know(document):
    text = " ".join(" ".join(document.text).split())
    assert text.count(NOTICE) == 1 + 7  # on top and above each table
    assert "A claim earns “direction reproduced” at most here." in text
    assert "submitted, not scored" in text
    assert "RefineDet512 (multi scale)" in text
    assert "targets.min_iou: 0.7" in text
    assert "0123456789abcdef" in text
    assert "CornerNet on shapes <demo>" in text  # escaped in the source
    assert text.index("Claims") < text.index("Table 1") < text.index("Training curves")


def test_same_context_same_page(context):
    assert render_page(context) == render_page(context)


def test_empty_run_renders(context):
    bare = dataclasses.replace(
        context, claims=context.claims.iloc[:0], figures=(), provenance={}, dataset={}, tables=()
    )
    text = render_page(bare)
    assert "No figure was made." in text
    assert "No provenance was recorded." in text


def test_comparable_run_has_no_warning(context):
    page = render_page(dataclasses.replace(context, comparable=True, notice=""))
    assert "not comparable with the paper: another" not in page


def test_text_and_code_covers_every_param_that_the_code_decides():
    """Each param of paper.yaml whose comment cites the code is a row on the page."""
    section, cited = [], set()
    for line in (PARAMS / "paper.yaml").read_text().splitlines():
        found = re.match(r"( *)(\w+):(.*)", line)
        if found:
            section = [*section[: len(found[1]) // 2], found[2]]
            if "[code" in found[3]:
                cited.add(".".join(section))
    rows = text_and_code(load_params("paper", folder=PARAMS))
    listed = {name for row in rows for name in row.chosen}
    assert cited - HARMLESS <= listed


def test_text_and_code_shows_the_runs_own_choice():
    changed = load_params("paper", ["targets.min_iou=0.3"], folder=PARAMS)
    rows = {name: value for row in text_and_code(changed) for name, value in row.chosen.items()}
    assert rows["targets.min_iou"] == 0.3
    assert rows["detection.soft_nms.sigma"] == 0.5
    with pytest.raises(BadInput, match=r"'targets\.min_iuo'; did you mean 'min_iou'"):
        param(changed, "targets.min_iuo")


def test_docstring_blocks():
    assert paragraphs("One\ntwo.\n\n- a\n  b;\n- c - d.") == [["One two."], ["a b;", "c", "d."]]


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (None, "none"), (0.00025, "0.00025"), ((4, 5), "4, 5"), ("x", "x")],
)
def test_plain_values(value, text):
    assert plain(value) == text
    assert yaml.safe_load(plain(0.1)) == 0.1


def test_provenance_has_a_line_a_model():
    made = {
        "commit": "0123456789abcdef" * 2, "hardware": {"gpus": ["NVIDIA TITAN X"] * 10},
        "devices": ["0", "1"], "seconds": 7200.0, "mlflow_run_id": "abc",
    }  # fmt: skip
    first, second = provenance_rows(
        {"baseline-s0.provenance.json": made, "other.provenance.json": {}}
    )
    assert first == {
        "model": "baseline-s0", "commit": "0123456789ab", "hardware": "2 x NVIDIA TITAN X",
        "hours": "4.0", "run": "abc",
    }  # fmt: skip
    assert set(second.values()) == {"other", "\N{EN DASH}"}
