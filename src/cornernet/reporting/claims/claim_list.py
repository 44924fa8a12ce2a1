"""params/claims.yaml: the paper's claims as data."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cornernet.errors import BadInput, nearest
from cornernet.evaluation.metric_names import METRICS
from cornernet.reporting.checked_yaml import read_yaml
from cornernet.reporting.claims.judge import KINDS, Claim, Gain
from cornernet.reporting.tables.literature import Cell, Comparison, Literature, parse_cell


@dataclass(frozen=True)
class _File:
    """What claims.yaml holds."""

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
    file = read_yaml(path, _File)
    reader = _Reader(file.gains, literature, reference, variants)
    claims: list[Claim] = []
    problems: list[str] = []
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


@dataclass(frozen=True)
class _Reader:
    """Turns entries of claims.yaml into claims."""

    gains: Mapping[str, Comparison]
    literature: Literature
    reference: str
    variants: Collection[str]

    def claim(self, entry: Mapping[str, Any]) -> Claim:
        """Raises KeyError, TypeError or ValueError for an entry that cannot be judged."""
        kind = _known(entry["kind"], KINDS, "kind")
        fields: dict[str, Any] = {}
        if kind == "time":
            paper = float(entry["paper"])
        elif kind == "ranking":
            fields, paper = self._ranking(entry)
        else:
            pairs = [entry, entry["than"]] if kind == "larger_gain" else [entry]
            fields["gains"] = tuple(map(self._gain, pairs))
            first, *than = map(self._paper, fields["gains"])
            paper = first - sum(than)
        paper = round(paper, 1)
        text = entry["text"].format(paper=f"{paper:g}" if kind == "time" else f"{paper:.1f}")
        return Claim(entry["id"], text, entry["section"], kind, paper, **fields)

    def _gain(self, entry: Mapping[str, Any]) -> Gain:
        pair = self.gains[_known(entry["gain"], self.gains, "gain")]
        pair = Comparison(pair.split, self._cell(pair.cell), self._cell(pair.reference))
        return Gain(pair, _known(entry["metric"], METRICS, "metric"))

    def _ranking(self, entry: Mapping[str, Any]) -> tuple[dict[str, Any], float]:
        cell = self._cell(parse_cell(entry["cell"]))
        metric = _known(entry["metric"], METRICS, "metric")
        others = self.literature.others
        names = {other.method for other in others} | {other.group for other in others}
        above = _known(entry["above"], names, "detector")
        rivals = [o.values for o in others if above in (o.method, o.group)]
        scores = [values[metric] for values in rivals if metric in values]
        paper = self.literature.value(self.reference, "test_dev", cell, metric)
        if not scores or paper is None:
            raise ValueError(f"Table 4 has no {metric} to compare")
        threshold = max(scores)
        return {"cell": cell, "metric": metric, "threshold": threshold}, paper - threshold

    def _cell(self, cell: Cell) -> Cell:
        _known(cell.variant, {*self.variants, *self.literature.variants}, "variant")
        return self.literature.stand_in(cell, self.variants)

    def _paper(self, gain: Gain) -> float:
        paper = self.literature.difference(self.reference, gain.comparison, gain.metric)
        if paper is None:
            raise ValueError(f"the {self.reference} tables have no {gain.metric} to compare")
        return paper


def _known(name: str, known: Collection[str], what: str) -> str:
    """`name`, which is one of those known. Raises ValueError if it is not."""
    if name not in known:
        raise ValueError(f"no {what} is called {name!r}{nearest(str(name), known)}")
    return name
