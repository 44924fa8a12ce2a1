"""What halves of the seeds say: seeds that agree, that do not, and how many would be enough."""

import math

import numpy as np
import pytest
from reporting.synthetic import claims, run_results, run_tests

from cornernet.reporting.claims.agreement import agreement_summary, judge_seeds, seeds_needed
from cornernet.reporting.claims.judge import Claim
from cornernet.reporting.tables.contrasts import Measured, measure
from cornernet.reporting.tables.results import write_csv
from cornernet.reporting.tables.seed_subsets import measure_subsets, read_subsets, splits

SEEDS = range(8)
NOISE = np.tile([0.1, -0.1], 4)
VALUES = {  # of each seed, in points
    "agrees": 5 + NOISE,
    "halves_differ": np.repeat([5.0, -5.0], 4) + NOISE,
    "one_differs": np.where(np.arange(8) == 3, -14.0, 5.0),
    "no_effect": NOISE,
    "size_alone": 5 + NOISE,
}
CLAIMS = [
    *(Claim(name, "A gain", "1", "gain", 2.0, has_direction=name != "size_alone") for name in VALUES),
    Claim("not_run", "A gain", "1", "gain", 2.0),
]  # fmt: skip


def found_by(seeds, images=0.1, training=1.0):
    """What each claim is about with these seeds."""
    return {
        name: Measured(values[list(seeds)].mean(), images, training, 35, len(seeds))
        for name, values in VALUES.items()
    }


def judged(seeds=SEEDS, training=1.0):
    parts = [part for split in splits(seeds) for part in split] + [(seed,) for seed in seeds]
    subsets = {
        name: {part: found_by(part)[name][:2] for part in parts} for name in VALUES if splits(seeds)
    }
    whole = found_by(seeds, training=training)
    found = [whole.get(claim.id, Measured()) for claim in CLAIMS]
    return judge_seeds(CLAIMS, found, subsets, 0.05)


@pytest.mark.parametrize(("seeds", "number"), [(3, 0), (4, 3), (5, 10), (8, 35), (12, 126)])
def test_seeds_are_split_into_halves_in_every_way_or_in_many(seeds, number):
    found = splits(range(seeds))
    assert (len(found), len({frozenset(split) for split in found})) == (number, number)
    assert all(sorted(first + second) == [*range(seeds)] for first, second in found)
    assert all(abs(len(first) - len(second)) <= 1 for first, second in found)
    assert splits(range(seeds)) == found


def test_halves_that_agree_differ_or_say_nothing_are_counted():
    table = judged().set_index("id")
    assert [*table.index] == ["agrees", "halves_differ", "one_differs", "no_effect"]
    counted = table[["direction", "splits", "same", "undecided", "opposite", "opposite_seeds"]]
    assert counted.loc["agrees"].tolist() == [1, 35, 35, 0, 0, 0]
    # 4 to 0, or 3 to 1: opposite; 2 to 2, of which there are 6 * 6 / 2: nothing
    assert counted.loc["halves_differ"].tolist() == [0, 35, 0, 18, 17, 0]
    assert counted.loc["one_differs"].tolist() == [1, 35, 0, 35, 0, 1]
    assert counted.loc["no_effect"].tolist() == [0, 35, 0, 35, 0, 0]
    assert table.loc["agrees", "mean"] == 5
    assert table.loc["agrees", "sd"] == pytest.approx(NOISE.std(ddof=1), abs=0.01)
    assert table.loc["no_effect", "seeds_needed"] == ""  # its mean is zero
    assert agreement_summary(judged()) == (
        "in 35 splits of 8 seeds into halves halves_differ (17) had opposite directions; 1 of 2 "
        "claims with a direction had it in both halves of every split; one_differs (1) had with "
        "one seed the direction opposite to that with all"
    )


def test_what_noise_hides_in_a_half_is_no_direction_and_three_seeds_are_not_split():
    table = judged(training=8.0).set_index("id")
    assert table.loc["halves_differ", "opposite"] == 0
    assert table.loc["agrees", "same"] == 0
    assert judged(range(3)).empty
    assert agreement_summary(judged(range(3))) == ""


def test_a_part_of_the_seeds_is_measured_as_a_run_of_these_alone(tmp_path):
    contrasts = {claim.id: claim.contrast for claim in claims() if claim.contrast is not None}
    results = run_results(tmp_path, seeds=range(5), noise=1.0)
    write_csv(measure_subsets(contrasts, run_tests(results)), tmp_path / "measured_seeds.csv")
    subsets = read_subsets(tmp_path / "measured_seeds.csv")
    assert {len(parts) for parts in subsets.values()} == {5 + 2 * 10}
    for part in ((2,), (0, 4), (1, 2, 3)):
        alone = run_tests(results[results["seed"].isin(part)])
        for name in ("pooling_ap", "bottleneck", "pooling_medium_over_small", "above_retinanet"):
            expected = measure(contrasts[name], alone)[:2]
            assert subsets[name][part] == pytest.approx(expected, abs=1e-6)
    few = measure_subsets(contrasts, run_tests(results[results["seed"] < 3]))
    assert few.empty


def test_the_number_of_seeds_is_one_with_which_nearly_all_runs_find_the_direction():
    """Against drawn runs, whose noise of training is estimated from five variants."""
    ours, random, runs = Measured(2.0, 0.3, 1.5, 35, 8), np.random.default_rng(0), 20_000
    number = seeds_needed(ours, 0.3, 0.05)  # the same images for all: none of their noise averages

    def share(seeds):
        from scipy.stats import t

        df = 5 * (seeds - 1)
        spread = 1.5 * np.sqrt(random.chisquare(df, runs) / df) / math.sqrt(seeds)
        error = np.hypot(0.3, spread)
        value = random.normal(2.0, math.hypot(0.3, 1.5 / math.sqrt(seeds)), runs)
        return float((value > t.ppf(0.975, df * (error / spread) ** 4) * error).mean())

    assert share(number) > 0.945
    assert share(number - 1) < 0.95


def test_more_seeds_average_training_and_the_models_own_part_of_the_noise_of_images():
    def needed(images, alone, **others):
        return seeds_needed(Measured(1.0, images, 0.01, 1e6, 8)._replace(**others), alone, 0.05)

    assert needed(0.0, 0.0, training=1.0) == 13  # (1.96 + 1.645) ** 2
    assert needed(1 / math.sqrt(8), 1.0) == 13  # each seed errs on its own
    assert needed(1.0, 1.0) is None  # all err alike
    assert needed(0.1, 0.1, one_training=True, training=9.0) == 1
    assert needed(math.nan, math.nan, exact=True, training=1.0) == 13
    assert needed(0.0, 0.0, training=1.0, value=-1.0) == 13
