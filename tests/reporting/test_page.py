"""The page as text; tests/browser opens it."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pandas as pd
import pytest

from cornernet.reporting.claims.agreement import SEEDS_COLUMNS
from cornernet.reporting.claims.judge import VERDICTS
from cornernet.reporting.page import render_page, verdict
from cornernet.reporting.text_and_code import found_effects, text_and_code
from reporting.synthetic import NOT_SCORED, effects, profile
from reporting.synthetic_page import (
    NOTICE,
    PROVENANCE,
    breakdowns,
    origin,
    page_context,
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

    VOID = ("meta", "link", "img", "br", "wbr", "input")

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.addresses, self.text, self.ids = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
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
        page = re.search(f'<section id="{section}".*?>(.*?)</section>', page, re.DOTALL)[1]
    return " ".join(" ".join(parsed(page).text).split())


def in_order(page, ids):
    """Whether the page has these, in this order."""
    places = [page.index(f' id="{name}"') for name in ids]
    return places == sorted(places)


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    return page_context(tmp_path_factory.mktemp("run"), test_status=NOT_SCORED)


def test_page_is_self_contained_and_the_same_twice(context):
    page = render_page(context)
    document = parsed(page)
    assert all(address.startswith(("#", "data:")) for address in document.addresses)
    assert document.tags.count("img") == 9
    assert render_page(context) == page


def test_every_number_claim_table_and_figure_has_an_address_that_leads_to_what_made_it(context):
    document = parsed(render_page(context))
    assert len(set(document.ids)) == len(document.ids)
    linked = {address[1:] for address in document.addresses if address.startswith("#")}
    assert linked <= set(document.ids)
    known = [f"claim-{claim}" for claim in context.claims["id"]]
    known += [f"figure-{figure.name}" for figure in context.figures]
    known += [f"picture-{picture.name}" for picture in context.gallery]
    known += [f"table-{table.number}" for table in context.tables]
    assert set(known) <= set(document.ids)

    rendered = render_page(context)
    baseline = next(row for row in context.headline.rows if row.label.startswith("baseline"))
    number = f"{baseline.ours['AP'].value:.1f}"
    assert f'<a class="from" href="#test-baseline-val-single_scale">{number}<' in rendered
    assert re.findall('<td class="number">(?!\N{EN DASH})[^<]', rendered) == []  # without a link
    made = rendered.split('id="job-train-baseline-s0"')[1].split("</details>")[0]
    told = " ".join(" ".join(parsed(f"<div {made.split('<details>')[0]}</div>").text).split())
    assert "files models/train-baseline-s0.safetensors command cornernet train" in told
    assert f"commit {PROVENANCE['commit']} MLflow run {'a' * 32}" in told
    assert f"train: annotations SHA-256 {'b' * 64} train: images SHA-256 {'c' * 64}" in told
    assert "made from prepare" in told


def test_page_says_what_a_reader_must_know(context):
    text = text_of(context)
    assert text.count(NOTICE) == 1
    assert "1 model trained in 0.1 device hours. Images: 4,000 of train." in text
    assert "A claim earns “direction reproduced” at most here." in text
    assert "submitted, not scored" in text
    assert "The server has stopped accepting" in text
    assert "RefineDet512 (multi scale)" in text
    assert "targets.min_iou: 0.7" in text
    assert "0123456789abcdef" in text
    assert "chunks 4, 5, 5 learning_rate 0.00025 empty none" in text
    assert "CornerNet on shapes <demo>" in text  # escaped in the source
    assert "They hold the noise of images and, between trainings, that of training" in text
    names = ("headline", "claims", "tables", "pictures", "figures", "results", "provenance")
    assert in_order(render_page(context), names)
    rule = re.search(r"<details>.*?</details>", render_page(context), re.DOTALL)[0]
    assert all(f"<li>{verdict}:" in rule for verdict in VERDICTS)


def test_empty_run_renders_and_a_comparable_one_has_no_warning(context):
    bare = replace(
        context,
        claims=context.claims.iloc[:0],
        figures=(),
        gallery=(),
        origins=(),
        dataset={},
        tables=(),
        headline=replace(context.headline, rows=()),
    )
    text = text_of(bare)
    assert "No figure was made." in text
    assert "No picture was made." in text
    assert "None of the paper's claims was tested." in text
    assert "No provenance was recorded." in text
    assert "The server has stopped accepting" not in text
    assert "numbers cannot be the paper's: the annotations of val are not COCO's." in text
    assert "numbers cannot be" not in render_page(replace(bare, not_comparable=""))


def test_a_run_of_which_no_claim_can_be_judged_opens_with_its_results(context):
    page = render_page(replace(context, claims=context.claims.assign(verdict="not run")))
    assert in_order(page, ("results", "tables", "pictures", "figures", "claims"))
    shown = page[: page.index(' id="tables"')]
    assert "By category: baseline-s0 on val" in shown
    assert "What mistakes cost on val" in shown
    for name in ("ap_by_category", "confusion", "precision_recall_by_category"):
        assert shown.count(f'id="figure-{name}"') == page.count(f'id="figure-{name}"') == 1
    assert "no variant and makes no test that a claim" in page[page.index(' id="claims"') :]
    assert 'id="figure-claims"' not in page


def test_the_page_of_a_large_run_stays_small(context, tmp_path):
    """80 categories of ten models, and 16 pictures of noise, which nothing compresses."""
    *_, by_category, of_errors = breakdowns(tmp_path, [f"category {n}" for n in range(80)])
    gallery = [replace(context.gallery[0], name=f"{n}") for n in range(16)]
    large = replace(context, gallery=gallery, breakdowns=[*by_category * 5, *of_errors])
    assert len(render_page(large).encode()) < 10e6


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ((0, 0, 0, 0, 3), "None of the paper's claims was tested."),
        ((2, 0, 0, 0, 0), "Of the paper's 2 claims, this run reproduces 2."),
        (
            (1, 4, 2, 3, 5),
            "Of the paper's 15 claims, this run reproduces 1, finds the direction of 4, "
            "contradicts 3, leaves 2 undecided and does not test 5.",
        ),
    ],
)
def test_the_verdict_is_one_sentence(counts, sentence):
    assert verdict(dict(zip(VERDICTS, counts, strict=True))) == sentence


def test_a_record_of_training_noise_from_another_processor_is_told(context):
    def noted(noise):
        return text_of(replace(context, claims=context.claims.assign(noise=noise)), "claims")

    assert "another processor than this run's: Other CPU." in noted("recorded on Other CPU")
    assert "another processor" not in noted("recorded on Some CPU")  # that of its models
    assert "another processor" not in noted("own seeds and assumed")


def test_what_more_seeds_say_stands_beside_the_own_verdicts(context):
    label, told = "8 seeds (record of demo_seeds, 2026-11-29)", "Would other seeds say the same?"
    shown = ["inconclusive", "[-0.1, 2.0]", label]
    names = ("recorded_verdict", "recorded_interval", "recorded_as")
    recorded = context.claims.assign(**dict(zip(names, shown, strict=True)))
    text = text_of(replace(context, claims=recorded), "claims")
    assert f"With {label} Why" in text
    assert text.count("inconclusive [\N{MINUS SIGN}0.1, 2.0]") == len(recorded)
    opening = f"the same with {label} leaves {len(recorded)} undecided."
    assert opening in render_page(replace(context, claims=recorded))
    assert "the same with" not in render_page(context)
    plain = text_of(context, "claims")
    assert label not in plain
    assert told not in plain
    row = ("pooling_ap", 8, 2.04, 1.5, -1, 35, 20, 15, 0, 2, "")
    seeds = pd.DataFrame([row], columns=list(SEEDS_COLUMNS))
    text = text_of(replace(context, seeds=seeds), "claims")
    assert told in text
    assert "pooling ap +2.0 1.5 less 20 15 0 2 over 1,000" in text
    assert "0 of 1 claims with a direction had it in both halves of every split" in text


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
    own.loc[own["mode"] == "multi_scale", "reason"] = "training noise unknown"
    text = shown(found_effects(own)).replace("\N{MINUS SIGN}", "-")
    assert "stale_rows -0.4 [-0.6, -0.2]" in text
    assert "as_run +1.0 [-1.0, +3.0] nothing to tell: within noise" in text
    assert "as_run multi scale +2.0 nothing to tell: training noise unknown" in text
    assert "merge_1x1 not run" in text
    assert "all profiles on COCO follow the code" in text
    assert "†" not in text
    text = shown(recorded_effects(tmp_path / "effects.yaml").effects).replace("\N{MINUS SIGN}", "-")
    assert "merge_1x1 -1.2 [-2.0, -0.5] (4 against 12) †" in text
    assert "multi scale +0.0 [+0.0, +0.0] † nothing to tell: within noise" in text
    assert "† Not of this run: found by the profile differences" in text
    assert "2 cores of Some CPU with torch 2.13.0, 2026-11-25, commit 0123456789ab" in text


def test_results_that_were_kept_are_shown_with_their_reason(context):
    assert 'id="accepted"' not in render_page(context)
    kept = replace(context, accepted=[ACCEPTED])
    assert parsed(render_page(kept)).addresses.count("#accepted") == 1
    text = text_of(kept, "accepted")
    assert text.startswith("These results were made by code")
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
        made = [origin(PROVENANCE | {"code_spans": spans})]
        return text_of(replace(context, origins=made), "provenance")

    text = provenance(spans)
    assert "iterations 0 to 500: the first code iterations 500 to 900: losses, new, old" in text
    assert "code of iterations 500 to 900 losses dd targets bb new ee" in text
    alone = provenance(spans[:1])
    assert "The code changed" not in alone
    assert "code of iterations 0 to 500 losses aa" in alone
