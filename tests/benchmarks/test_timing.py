"""How times are taken, and what is made of them."""

import time

import numpy as np
import pytest
import torch

from cornernet.benchmarks import timing
from cornernet.benchmarks.agreement import require, require_same
from cornernet.benchmarks.errors import SidesDiffer
from cornernet.benchmarks.record import (
    Claim,
    Floor,
    Measurement,
    Result,
    as_json,
    hardware_slug,
    table_lines,
    times_as_fast,
)
from cornernet.benchmarks.timing import Spread, Times, Window, time_in_turn


def test_sides_take_turns_and_change_the_order(monkeypatch):
    monkeypatch.setattr(timing, "SHORTEST_SAMPLE", 0.0)  # one call a sample
    called = []
    sides = {"a": lambda: called.append("a"), "b": lambda: called.append("b")}
    times = time_in_turn(sides, Window(4, 60.0), warm_up=False)
    assert "".join(called) == "abbaabba"
    assert {name: len(taken.seconds) for name, taken in times.items()} == {"a": 4, "b": 4}


def test_short_calls_are_repeated_and_long_ones_are_not():
    called = {"short": 0, "long": 0}

    def short():
        called["short"] += 1

    def long():
        called["long"] += 1
        time.sleep(2 * timing.SHORTEST_SAMPLE)

    times = time_in_turn({"short": short, "long": long}, Window(1, 60.0))
    assert called["short"] > 10
    assert called["long"] == 3  # twice to warm up
    assert times["long"].seconds[0] >= 2 * timing.SHORTEST_SAMPLE
    assert times["short"].seconds[0] < times["long"].seconds[0]


def test_the_window_ends_the_rounds_but_three_are_made():
    def work():
        time.sleep(0.01)

    assert len(time_in_turn({"a": work}, Window(1000, 0.0))["a"].seconds) == 3
    assert len(time_in_turn({"a": work}, Window(2, 60.0))["a"].seconds) == 2


def test_the_device_is_waited_for_within_each_sample(monkeypatch):
    monkeypatch.setattr(timing, "SHORTEST_SAMPLE", 0.0)
    events = []
    time_in_turn(
        {"a": lambda: events.append("a")}, Window(2, 60.0), lambda: events.append("wait"), False
    )
    assert events == ["wait", "a", "wait"] * 2


def test_ratios_are_taken_within_a_round():
    """A machine that slows down by ten midway changes no ratio."""
    ours, theirs = Times((1.0, 1.0, 10.0)), Times((3.0, 3.0, 30.0))
    claim = times_as_fast("", {"ours": ours, "theirs": theirs}, "theirs", 2.5)
    assert claim.value == Spread(3.0, 3.0, 3.0, 3)
    assert claim.reached
    assert ours.spread.median == 1000.0  # milliseconds


@pytest.mark.parametrize(
    ("value", "aim", "at_least", "reached"),
    [
        (3, 2.5, True, True),
        (2, 2.5, True, False),
        (2, 2.5, False, True),
        (3, 2.5, False, False),
        (3, None, True, None),
    ],
)
def test_what_a_claim_reaches(value, aim, at_least, reached):
    assert Claim("", "x", Spread.of([value]), aim, at_least).reached is reached


def test_a_floor_is_amount_over_rate():
    floor = Floor("", "ours", "memory", amount=2e9, rate=10e9, measured_ms=400.0)
    assert floor.floor_ms == pytest.approx(200.0)
    assert floor.share == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("processor", "cores", "gpu", "slug"),
    [
        ("AMD EPYC 9B14 96-Core Processor", 2, None, "amd-epyc-9b14-2-cores"),
        ("Intel(R) Xeon(R) CPU @ 2.20GHz", 1, None, "intel-xeon-1-core"),
        ("Apple M2", 8, None, "apple-m2-8-cores"),
        ("", 4, None, "unknown-4-cores"),
        ("AMD EPYC", 2, "NVIDIA H100 80GB HBM3", "nvidia-h100-80gb-hbm3"),
    ],
)
def test_hardware_in_a_file_s_name(processor, cores, gpu, slug):
    assert hardware_slug(processor, cores, gpu) == slug


def test_a_record_and_its_table_say_the_same():
    result = Result(
        measurements=(
            Measurement("small", "ours", Spread(1.5, 1.25, 2.0, 7)),
            Measurement("small", "theirs", Spread(6.0, 5.0, 7.0, 7)),
        ),
        claims=(
            Claim("small", "theirs / ours", Spread.of([4.0]), 2.5),
            Claim("small", "ms", Spread.of([6.0]), 3.0, at_least=False),
        ),
        floors=(Floor("small", "ours", "memory", 3.0, 4000.0, 1.5),),
        checks=("outputs: equal",),
        window=Window(7, 5.0),
    )
    tree = as_json("x", result, {"device": "cpu"})
    assert tree["benchmark"] == "x"
    assert tree["window"] == {"rounds": 7, "seconds": 5.0}
    assert [claim["reached"] for claim in tree["claims"]] == [True, False]
    assert tree["floors"][0]["share"] == pytest.approx(0.5)
    lines = table_lines(result)
    assert lines[1].split() == ["small", "ours", "float32", "1.50", "ms", "1.25", "to", "2.00", "7"]
    assert "floor: small: ours: memory 0.750 ms; it takes 2.00 times as long" in lines
    assert "claim: small: theirs / ours = 4.00 (aim: at least 2.5, reached)" in lines
    assert "claim: small: ms = 6.00 (aim: at most 3, NOT reached)" in lines


def test_what_agrees():
    assert require_same("a", [1.0, np.nan], [1.0, np.nan]) == "a: equal"
    assert "0.1" in require_same("a", [1.0, np.nan], [1.1, np.nan], tolerance=0.11)
    assert require_same("a", torch.ones(2), np.ones(2)) == "a: equal"
    assert require("b holds", True) == "b holds"


@pytest.mark.parametrize(
    ("ours", "theirs", "tolerance"),
    [
        ([1.0], [1.0 + 1e-12], 0.0),
        ([1.0], [1.2], 0.1),
        ([1.0], [np.nan], 10.0),
        ([np.nan], [1.0], 10.0),
        ([1.0], [np.inf], 10.0),
        ([1.0], [1.0, 1.0], 10.0),
    ],
)
def test_what_does_not(ours, theirs, tolerance):
    with pytest.raises(SidesDiffer, match="a: "):
        require_same("a", ours, theirs, tolerance)
    with pytest.raises(SidesDiffer, match="b: does not hold"):
        require("b", False)
