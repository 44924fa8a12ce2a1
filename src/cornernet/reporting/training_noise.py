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

    def of(self, weights: Mapping[str, float]) -> Spread | None:
        """Of a weighted sum of one model's scores, by column of its row; None: nobody knows."""
        for rows, source in ((self.own, "own seeds"), (self.recorded, "recorded")):
            if pooled := pooled_deviation(rows, weights):
                return Spread(*pooled, source)
        deviations = {name: self.assumed.get(name.partition(".")[0]) for name in weights}
        parts = [weights[name] * sd for name, sd in deviations.items() if sd is not None]
        if len(parts) < len(weights):
            return None
        # scores of one model mostly move together, which makes their differences vary less
        return Spread(math.hypot(*parts), math.inf, "assumed")


def column_of(variant: str, split: str, mode: str, metric: str, owners: Mapping[str, str]) -> str:
    """The column of a score in the row of the model that was tested."""
    borrowed = f".{variant}" if owners.get(variant, variant) != variant else ""
    return f"{metric}.{split}.{mode}{borrowed}"


def scores_of_models(results: pd.DataFrame, owners: Mapping[str, str]) -> pd.DataFrame:
    """results.csv with a row per trained model, by (variant, seed), and a column per score."""
    scored = results.dropna(subset="value")
    columns = [
        column_of(row.variant, row.split, row.mode, row.metric, owners)
        for row in scored.itertuples()
    ]
    models = scored["variant"].map(lambda name: owners.get(name, name))
    tidy = scored.assign(variant=models, column=columns)
    return tidy.pivot_table(index=MODEL, columns="column", values="value")


def pooled_deviation(
    models: pd.DataFrame, weights: Mapping[str, float]
) -> tuple[float, int] | None:
    """Standard deviation over seeds of a weighted sum of columns, pooled over variants.

    With its degrees of freedom: the models that have all columns, less one per variant. None where
    no variant has two such models.
    """
    if not set(weights) <= set(models.columns):
        return None
    sums = models[list(weights)].to_numpy(float) @ list(weights.values())
    known = ~np.isnan(sums)
    variants, names = pd.factorize(models.index.get_level_values("variant")[known])
    counts = np.bincount(variants)
    df = len(variants) - len(names)
    if df == 0:
        return None
    means = np.bincount(variants, sums[known]) / counts
    return math.sqrt(np.square(sums[known] - means[variants]).sum() / df), df


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
