"""The noise of training: by how much a score moves when a training is done again.

Two trainings that differ in their seed alone differ in AP, and an interval over images does not
hold that. It is known from the run's own seeds, pooled over its variants; with one seed from the
record of trainings that were done again (reports/records/training_noise.csv); or a profile assumes
it, and says from where (`report.assumed_noise`).

The record has a row per trained model. Its `key` is the digest of all that decides the training
(params, code, data): the rows of a run are those whose key its own training would have, whatever
the profile and the processor. The scores of a row stand in columns such as "AP.val.single_scale".
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from cornernet.errors import BadInput
from cornernet.files import write_text

RECORD_COLUMNS = ("profile", "variant", "seed", "key", "date", "processor", "versions")
MODEL = ["variant", "seed"]
RECORDED = "recorded on "  # how a source begins that is the record; processors follow


class Spread(NamedTuple):
    """Standard deviation over trainings, in points, with its degrees of freedom and source."""

    sd: float
    df: float
    source: str


@dataclass(frozen=True)
class TrainingNoise:
    """What is known of the noise of training; `own` and `recorded` have a row per trained model.

    `owners`: of a variant that is tested with another's weights, that other variant.
    """

    own: pd.DataFrame
    recorded: pd.DataFrame = field(default_factory=pd.DataFrame)
    assumed: Mapping[str, float] = field(default_factory=dict)  # standard deviation by metric
    owners: Mapping[str, str] = field(default_factory=dict)

    def of(self, weights: Mapping[str, float]) -> Spread:
        """Of a weighted sum of one model's scores, by column of its row; NaN: nobody knows."""
        if pooled := pooled_deviation(self.own, weights):
            return Spread(*pooled, "own seeds")
        if pooled := pooled_deviation(self.recorded, weights):
            processors = ", ".join(sorted(set(self.recorded["processor"])))
            return Spread(*pooled, f"{RECORDED}{processors}")
        # scores of one model mostly move together, which makes their differences vary less
        deviations = [
            weight * self.assumed.get(column.partition(".")[0], math.nan)
            for column, weight in weights.items()
        ]
        return Spread(math.hypot(*deviations), math.inf, "assumed")


def half_width(images: float, training: float, df: float, confidence: float) -> float:
    """Of the interval for the errors over images and over trainings (`df`), by Student's t."""
    from scipy.stats import t  # takes time to import

    both, freedom = combined(images, training, df)
    return float(t.ppf(0.5 + confidence / 2, freedom)) * both


def combined(images: float, training: float, df: float) -> tuple[float, float]:
    """Both errors in quadrature, with Welch and Satterthwaite's degrees of freedom of the sum.

    `df` are those of `training`; `images` is known. NaN where one of the errors is.
    """
    both = math.hypot(images, training)
    return both, df * (both / training) ** 4 if training > 0 else math.inf


def place_of(
    variant: str, split: str, mode: str, metric: str, owners: Mapping[str, str]
) -> tuple[str, str]:
    """Which trained model has a score, and in which column of its row."""
    owner = owners.get(variant, variant)
    return owner, f"{metric}.{split}.{mode}" + ("" if owner == variant else f".{variant}")


def scores_of_models(results: pd.DataFrame, owners: Mapping[str, str]) -> pd.DataFrame:
    """results.csv with a row per trained model, by (variant, seed), and a column per score."""
    scored = results.dropna(subset="value")
    places = [
        place_of(row.variant, row.split, row.mode, row.metric, owners)
        for row in scored.itertuples()
    ]
    models, columns = zip(*places, strict=True) if places else ((), ())
    tidy = scored.assign(variant=models, column=columns)
    return tidy.pivot_table(index=MODEL, columns="column", values="value")


def pooled_deviation(
    models: pd.DataFrame, weights: Mapping[str, float]
) -> tuple[float, int] | None:
    """Standard deviation over seeds of a weighted sum of columns, pooled over variants.

    With its degrees of freedom: the models that have all columns, less one per variant. None where
    no variant has two such models.
    """
    if not {*weights} <= {*models.columns}:
        return None
    sums = (models[[*weights]] @ pd.Series(weights)).dropna()
    by_variant = sums.groupby("variant")
    df = len(sums) - by_variant.ngroups
    if df == 0:
        return None
    return math.sqrt(np.square(sums - by_variant.transform("mean")).sum() / df), df


def read_record(path: Path) -> pd.DataFrame:
    """The record; no rows where there is none. Raises BadInput if it is something else."""
    if not path.is_file():
        return pd.DataFrame(columns=list(RECORD_COLUMNS))
    try:
        record = pd.read_csv(path)
        if tuple(record.columns[: len(RECORD_COLUMNS)]) != RECORD_COLUMNS:
            raise ValueError(f"its first columns are not {', '.join(RECORD_COLUMNS)}")
        scores = record.columns[len(RECORD_COLUMNS) :]
        return record.astype({"seed": int} | dict.fromkeys(scores, float))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: no record of training noise ({error}); restore it") from None


def recorded_models(record: pd.DataFrame, keys: Mapping[str, str]) -> pd.DataFrame:
    """The record's models that are trained as this run's variants are; `keys` by variant.

    Of a model that was recorded twice, the later row counts.
    """
    wanted = record[record["key"].eq(record["variant"].map(keys))]
    return wanted.drop_duplicates(MODEL, keep="last").set_index(MODEL)


def append_record(path: Path, rows: pd.DataFrame) -> None:
    """Add models to the record: RECORD_COLUMNS, then a column per score (`scores_of_models`).

    A model that is there already with the same key is replaced.
    """
    record = pd.concat([part for part in (read_record(path), rows) if len(part)])
    record = record.drop_duplicates([*MODEL, "key"], keep="last")
    scores = sorted(set(record.columns) - set(RECORD_COLUMNS))
    ordered = record[[*RECORD_COLUMNS, *scores]].sort_values(["profile", *MODEL])
    write_text(path, ordered.to_csv(index=False, lineterminator="\n", float_format="%.4f"))
