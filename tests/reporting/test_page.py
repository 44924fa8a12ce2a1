"""The page as text; tests/browser opens it."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from cornernet.reporting.claims.judge import VERDICTS
from cornernet.reporting.page import render_page
from cornernet.reporting.text_and_code import found_effects, text_and_code
from reporting.synthetic import (
    NOT_SCORED,
    NOTICE,
    PROVENANCE,
    effects,
    page_context,
    profile,
    recorded_effects,
)

ACCEPTED = {
    "result": "models/baseline-s0.safetensors",
    "modules": {
        "cornernet.model.losses": {"was": "aa", "now": "bb"},
        "cornernet.data.sampling.targets": {"was": "", "now": "cc"},
    },
    "because": "rounding <alone>",
    "when": "2026-11-29",
}


class Document(HTMLParser):
    """Which elements there are, and whether they are closed in order."""

    VOID = ("meta", "link", "img", "br", "wbr")

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.addresses, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parsed(page):
    document = Document()
    document.feed(page)
    assert document.open == []
    return document


def text_of(context, section=""):
    """The text of the page, or of one section, in single spaces."""
    page = render_page(context)
    if section:
        page = page.split(f'<section id="{section}">')[1].split("</section>")[0]
    return " ".join(" ".join(parsed(page).text).split())


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return page_context(tmp_path_factory.mktemp("run"), test_status=NOT_SCORED)


def test_page_is_self_contained_and_the_same_twice(context):
    page = render_page(context)
    document = parsed(page)
    assert "script" not in document.tags
    assert all(address.startswith(("#", "data:")) for address in document.addresses)
    assert document.tags.count("img") == 13
    assert render_page(context) == page


def test_page_says_what_a_reader_must_know(context):
    text = text_of(context)
    assert text.count(NOTICE) == 1 + 7  # on top and above each table
    assert "A claim earns “direction reproduced” at most here." in text
    assert "submitted, not scored" in text
    assert "The server has stopped accepting" in text
    assert "RefineDet512 (multi scale)" in text
    assert "targets.min_iou: 0.7" in text
    assert "0123456789abcdef" in text
    assert "chunks 4, 5, 5 learning_rate 0.00025 empty none" in text
    assert "CornerNet on shapes <demo>" in text  # escaped in the source
    assert "They hold the noise of images and, between trainings, that of training" in text
    assert text.index("Claims") < text.index("Table 1") < text.index("Training curves")
    page = render_page(context)
    places = [
        page.index(f'<section id="{name}">') for name in ("claims", "tables", "results", "figures")
    ]
    assert places == sorted(places)
    rule = re.search(r"<details>.*?</details>", render_page(context), re.DOTALL)[0]
    assert all(f"<li>{verdict}:" in rule for verdict in VERDICTS)


def test_empty_run_renders_and_a_comparable_one_has_no_warning(context):
    bare = replace(
        context, claims=context.claims.iloc[:0], figures=(), provenance={}, dataset={}, tables=()
    )
    text = text_of(bare)
    assert "No figure was made." in text
    assert "No provenance was recorded." in text
    assert "The server has stopped accepting" not in text
    assert "numbers cannot be the paper's: the annotations of val are not COCO's." in text
    assert "numbers cannot be" not in render_page(replace(bare, not_comparable=""))


def test_a_run_of_which_no_claim_can_be_judged_opens_with_its_results(context):
    page = render_page(replace(context, claims=context.claims.assign(verdict="not run")))
    places = [
        page.index(f'<section id="{name}">') for name in ("results", "tables", "figures", "claims")
    ]
    assert places == sorted(places)
    shown = page[: places[1]]
    assert "By category: baseline-s0 on val" in shown
    assert "What mistakes cost on val" in shown
    for name in ("ap_by_category", "confusion", "worst_images", "precision_recall_by_category"):
        assert shown.count(f'id="figure-{name}"') == page.count(f'id="figure-{name}"') == 1
    assert "no variant and makes no test that a claim" in page[places[3] :]
    assert 'id="figure-claims"' not in page


def test_a_record_of_training_noise_from_another_processor_is_told(context):
    def noted(noise):
        return text_of(replace(context, claims=context.claims.assign(noise=noise)), "claims")

    assert "another processor than this run's: Other CPU." in noted("recorded on Other CPU")
    assert "another processor" not in noted("recorded on Some CPU")  # that of its models
    assert "another processor" not in noted("own seeds and assumed")


def test_effects_are_shown_or_it_says_why_not_and_what_was_recorded_where(context, tmp_path):
    def shown(*sources):
        rows = text_and_code(profile("paper"), *sources)
        recorded = recorded_effects(tmp_path / "effects.yaml")
        return text_of(replace(context, differences=rows, recorded=recorded), "text-and-code")

    own = effects(
        ("stale_rows", "single_scale", "AP", -0.42, -0.61, -0.24),
        ("stale_rows", "single_scale", "AP50", 9.0, 8.0, 10.0),
        ("as_run", "single_scale", "AP", 1.0, -1.0, 3.0),
        ("as_run", "multi_scale", "AP", 2.0, None, None),
    )
    text = shown(found_effects(own)).replace("\N{MINUS SIGN}", "-")
    assert "stale_rows -0.4 [-0.6, -0.2]" in text
    assert "as_run +1.0 [-1.0, +3.0] as_run multi scale +2.0" in text
    assert "merge_1x1 not run" in text
    assert "all profiles on COCO follow the code" in text
    assert "†" not in text
    text = shown(recorded_effects(tmp_path / "effects.yaml").effects)
    assert "merge_1x1 \N{MINUS SIGN}1.2 [\N{MINUS SIGN}2.0, +0.5] †" in text
    assert "† Not of this run: found by the profile differences" in text
    assert "2 cores of Some CPU with torch 2.13.0, 2026-11-25, commit 0123456789ab" in text


def test_results_that_were_kept_are_shown_with_their_reason(context):
    assert 'id="accepted"' not in render_page(context)
    kept = replace(context, accepted=[ACCEPTED])
    assert parsed(render_page(kept)).addresses.count("#accepted") == 1
    text = text_of(kept, "accepted")
    assert text.startswith("Kept although the code changed")
    assert text.endswith(
        "models/baseline-s0.safetensors cornernet.model.losses cornernet.data.sampling.targets "
        "rounding <alone> 2026-11-29"
    )


def test_a_model_says_which_code_trained_which_iterations(context):
    spans = [
        {"from": 0, "to": 500, "code": {"losses": "aa", "targets": "bb", "old": "cc"}},
        {"from": 500, "to": 900, "code": {"losses": "dd", "targets": "bb", "new": "ee"}},
    ]

    def provenance(spans):
        made = {"baseline-s0.provenance.json": PROVENANCE | {"code_spans": spans}}
        return text_of(replace(context, provenance=made), "provenance")

    text = provenance(spans)
    assert "iterations 0 to 500: the first code iterations 500 to 900: losses, new, old" in text
    assert "code of iterations 500 to 900 losses dd targets bb new ee" in text
    alone = provenance(spans[:1])
    assert "The code changed" not in alone
    assert "code of iterations 0 to 500 losses aa" in alone
