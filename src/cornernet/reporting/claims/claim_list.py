"""params/claims.yaml: the paper's claims as data."""

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cornernet.errors import BadInput, nearest
from cornernet.evaluation.metric_names import METRICS
from cornernet.reporting.checked_files import read_checked
from cornernet.reporting.claims.judge import Claim
from cornernet.reporting.tables.contrasts import Contrast, difference_of
from cornernet.reporting.tables.literature import Cell, Comparison, Literature, parse_cell

KINDS = ("gain", "larger_gain", "score", "room", "ranking", "time")
TIME_TOLERANCE = 0.1  # of the paper's milliseconds


@dataclass(frozen=True)
class Margin:
    """How far from the paper's number counts as equal; claims.yaml says what each part is."""

    noise_factor: float
    rounding: float


@dataclass(frozen=True)
class Comparable:
    """Where scores can equal the paper's: on these annotations, as one of these profiles tests."""

    annotations: Mapping[str, str]  # split -> SHA-256 of its file
    profiles: tuple[str, ...]


@dataclass(frozen=True)
class _File:
    """What claims.yaml holds."""

    comparable: Comparable
    margin: Margin
    text_variants: tuple[str, ...]
    gains: Mapping[str, Comparison]
    claims: tuple[dict[str, Any], ...]


def load_claims(
    path: Path, literature: Literature, reference: str, variants: Collection[str] = ()
) -> tuple[Claim, ...]:
    """Read claims.yaml, with the paper's numbers of the text `reference` put in.

    A claim may name the profile's `variants` and those that the paper reports; it is about the
    released weights where the profile has those for the variant that it names. Raises BadInput
    with one line per claim that names an unknown variant, mode, metric or detector, is of no known
    kind, repeats an id, or has no number in the paper.
    """
    file, claims, problems = read_checked(path, _File), [], []
    reader = _Reader(file, literature, reference, variants)
    for number, entry in enumerate(file.claims, start=1):
        name = entry.get("id", number)
        try:
            claims.append(reader.claim(entry))
        except KeyError as error:
            problems.append(f"{name}: no {error}")
        except (TypeError, ValueError) as error:
            problems.append(f"{name}: {error}")
    used = Counter(claim.id for claim in claims)
    problems += [f"{name}: the id is used twice" for name, count in used.items() if count > 1]
    if problems:
        raise BadInput(f"{path}: claim {problem}" for problem in problems)
    return tuple(claims)


def load_comparable(path: Path) -> Comparable:
    """What claims.yaml says of data and params. Raises BadInput if it is malformed."""
    return read_checked(path, _File).comparable


@dataclass(frozen=True)
class _Reader:
    """Turns entries of claims.yaml into claims."""

    file: _File
    literature: Literature
    reference: str
    variants: Collection[str]

    def claim(self, entry: Mapping[str, Any]) -> Claim:
        """Raises KeyError, TypeError or ValueError for an entry that cannot be judged."""
        kind = _known(entry["kind"], KINDS, "kind")
        contrast = None if kind == "time" else self._contrast(kind, entry)
        if contrast is None:
            paper, shown = float(entry["paper"]), "{:g}"
            margin = Margin(0.0, TIME_TOLERANCE * paper)
        else:
            paper = self._paper(contrast)
            shown, margin = "{:.1f}", self.file.margin
            printed = sum(map(abs, contrast.weights.values()))
            margin = replace(margin, rounding=printed * margin.rounding)
        return Claim(
            entry["id"],
            entry["text"].format(paper=shown.format(paper)),
            entry["section"],
            kind,
            paper,
            contrast,
            sign=self._sign(entry, paper),
            primary=bool(entry.get("primary", False)),
            has_direction=bool(entry.get("direction", kind not in ("score", "time"))),
            noise_factor=margin.noise_factor,
            rounding=margin.rounding,
        )

    def _contrast(self, kind: str, entry: Mapping[str, Any]) -> Contrast:
        """The scores that a claim is about, and how often each is added."""
        if kind == "gain":
            return self._gain(entry)
        if kind == "larger_gain":
            larger, smaller = self._gain(entry), self._gain(entry["than"])
            first, second = larger.weights, smaller.weights
            weights = {key: first.get(key, 0) - second.get(key, 0) for key in {**first, **second}}
            return Contrast(larger.split, weights)
        metric = _known(entry["metric"], METRICS, "metric")
        key = self._cell(parse_cell(entry["cell"])), metric
        if kind == "ranking":
            return Contrast("test_dev", {key: 1}, -self._best(entry["above"], metric))
        if kind == "room":
            return Contrast(entry["split"], {key: -1}, 100.0)
        return Contrast(entry["split"], {key: 1})

    def _gain(self, entry: Mapping[str, Any]) -> Contrast:
        pair = self.file.gains[_known(entry["gain"], self.file.gains, "gain")]
        pair = Comparison(pair.split, self._cell(pair.cell), self._cell(pair.reference))
        return difference_of(pair, _known(entry["metric"], METRICS, "metric"))

    def _best(self, above: str, metric: str) -> float:
        """The best score of a detector of Table 4, or of a group of them."""
        others = self.literature.others
        _known(above, {o.method for o in others} | {o.group for o in others}, "detector")
        rivals = [o.values for o in others if above in (o.method, o.group)]
        scores = [values[metric] for values in rivals if metric in values]
        if not scores:
            raise ValueError(f"Table 4 has no {metric} to compare")
        return max(scores)

    def _cell(self, cell: Cell) -> Cell:
        known = {*self.variants, *self.literature.variants, *self.file.text_variants}
        _known(cell.variant, known, "variant")
        return self.literature.stand_in(cell, self.variants)

    def _paper(self, contrast: Contrast) -> float:
        """The paper's number for a contrast, to one decimal as it is printed; NaN: it has none."""
        paper = contrast.constant
        for (cell, metric), weight in contrast.weights.items():
            score = self.literature.value(self.reference, contrast.split, cell, metric)
            paper += math.nan if score is None else weight * score
        return round(paper, 1)

    def _sign(self, entry: Mapping[str, Any], paper: float) -> float:
        """What the paper's words say, where it has no number; NaN where it has one."""
        sign = entry.get("sign")
        if sign not in (None, 1, -1):
            raise ValueError(f"sign is {sign!r}; 1 says that something helps, -1 that it hurts")
        if sign is None and math.isnan(paper):
            raise ValueError(f"the {self.reference} tables have no number; give sign, 1 or -1")
        if sign is not None and not math.isnan(paper):
            raise ValueError(f"the paper has a number, {paper:g}; leave out sign")
        return math.nan if sign is None else float(sign)


def _known(name: str, known: Collection[str], what: str) -> str:
    """`name`, which is one of those known. Raises ValueError if it is not."""
    if name not in known:
        raise ValueError(f"no {what} is called {name!r}{nearest(str(name), known)}")
    return name
