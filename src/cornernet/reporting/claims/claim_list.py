"""params/claims.yaml: the paper's claims as data."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from cornernet.config.schema import SPLITS
from cornernet.config.section import nearest
from cornernet.errors import BadInput
from cornernet.evaluation.metric_names import METRICS
from cornernet.reporting.claims.judge import KINDS, Claim, Gain
from cornernet.reporting.tables.literature import Cell, Comparison, Literature, parse_cell

Name = TypeVar("Name", bound=str)


def load_claims(
    path: Path, literature: Literature, reference: str, variants: Collection[str] = ()
) -> tuple[Claim, ...]:
    """Read claims.yaml, with the paper's numbers of the text `reference` put in.

    A claim may name the profile's `variants` and those that the paper reports; it is about the
    released weights where the profile has those for the variant that it names. Raises BadInput
    with one line per claim that names an unknown variant, mode, split, metric or detector, is
    of no known kind, repeats an id, or has no number in the paper.
    """
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
        gains, entries = tree["gains"], tree["claims"]
    except (OSError, yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
        text = " ".join(str(error).split())
        raise BadInput(f"{path}: not readable as `gains` and `claims`: {text}") from None
    reader = _Reader(gains, literature, reference, variants)
    claims: list[Claim] = []
    problems: list[str] = []
    for number, entry in enumerate(entries, start=1):
        name = entry.get("id", number) if isinstance(entry, dict) else number
        try:
            claims.append(reader.claim(entry))
        except BadInput as error:
            problems += [f"{name}: {problem}" for problem in error.problems]
        except (KeyError, TypeError, AttributeError) as error:
            problems.append(f"{name}: a key is missing or malformed: {error}")
    used = Counter(claim.id for claim in claims)
    problems += [f"{name}: the id is used twice" for name, count in used.items() if count > 1]
    if problems:
        raise BadInput(f"{path}: claim {problem}" for problem in problems)
    return tuple(claims)


@dataclass(frozen=True)
class _Reader:
    """Turns entries of claims.yaml into claims."""

    gains: Mapping[str, Mapping[str, str]]
    literature: Literature
    reference: str
    variants: Collection[str]

    def claim(self, entry: Mapping[str, Any]) -> Claim:
        kind = _known(entry["kind"], KINDS, "kind")
        fields: dict[str, Any] = {}
        if kind in ("gain", "larger_gain"):
            fields["gain"] = self._gain(entry)
            paper = self._paper(fields["gain"])
            if kind == "larger_gain":
                fields["than"] = self._gain(entry["than"])
                paper -= self._paper(fields["than"])
        elif kind == "ranking":
            fields, paper = self._ranking(entry)
        else:
            fields, paper = {"cell": self._cell(entry["cell"])}, float(entry["paper"])
        paper = round(paper, 1)
        text = entry["text"].format(paper=f"{paper:g}" if kind == "time" else f"{paper:.1f}")
        return Claim(entry["id"], text, entry["section"], kind, paper, **fields)

    def _gain(self, entry: Mapping[str, Any]) -> Gain:
        pair = self.gains[_known(entry["gain"], self.gains, "gain")]
        split = _known(pair["split"], SPLITS, "split")
        comparison = Comparison(split, self._cell(pair["of"]), self._cell(pair["over"]))
        return Gain(comparison, _known(entry["metric"], METRICS, "metric"))

    def _ranking(self, entry: Mapping[str, Any]) -> tuple[dict[str, Any], float]:
        cell = self._cell(entry["cell"])
        split = _known(entry["split"], SPLITS, "split")
        metric = _known(entry["metric"], METRICS, "metric")
        others = self.literature.others
        names = {other.method for other in others} | {other.group for other in others}
        above = _known(entry["above"], names, "detector")
        rivals = [o.values.get(metric) for o in others if above in (o.method, o.group)]
        scores = [score for score in rivals if score is not None]
        paper = self.literature.value(self.reference, split, cell, metric)
        if not scores or paper is None:
            raise BadInput(f"Table 4 has no {metric} to compare")
        threshold = max(scores)
        fields = {"cell": cell, "split": split, "metric": metric, "threshold": threshold}
        return fields, paper - threshold

    def _cell(self, text: str) -> Cell:
        cell = parse_cell(text)
        _known(cell.variant, {*self.variants, *self.literature.variants}, "variant")
        return self.literature.stand_in(cell, self.variants)

    def _paper(self, gain: Gain) -> float:
        paper = self.literature.difference(self.reference, gain.comparison, gain.metric)
        if paper is None:
            raise BadInput(f"the {self.reference} tables have no {gain.metric} to compare")
        return paper


def _known(name: str, known: Collection[Name], what: str) -> Name:
    """`name`, which is one of those known. Raises BadInput if it is not."""
    for one in known:
        if name == one:
            return one
    raise BadInput(f"no {what} is called {name!r}{nearest(str(name), known)}")
