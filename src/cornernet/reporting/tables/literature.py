"""The paper's tables, read from params/literature.yaml."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator

from cornernet.config.schema import MODES, Split
from cornernet.errors import nearest
from cornernet.evaluation.metric_names import CORNER_MODES, METRICS
from cornernet.reporting.checked_files import read_checked


@dataclass(frozen=True)
class Cell:
    """A variant tested in a mode (of MODES or CORNER_MODES), written `variant/mode`."""

    variant: str
    mode: str

    def __str__(self) -> str:
        return f"{self.variant}/{self.mode}"


def parse_cell(text: str) -> Cell:
    """The cell written as `variant/mode`; raises ValueError if it is not one."""
    variant, _, mode = str(text).partition("/")
    modes = (*MODES, *CORNER_MODES)
    if mode not in modes:
        hint = f"(modes: {', '.join(modes)}){nearest(mode, modes)}"
        raise ValueError(f"{text!r} is not variant/mode {hint}")
    return Cell(variant, mode)


def _by_metric(values: Any) -> Any:
    """A list of numbers by metric, in the order of METRICS, without what the paper leaves empty."""
    if not isinstance(values, list):
        return values
    if len(values) > len(METRICS):
        raise ValueError(f"{len(values)} numbers for {len(METRICS)} metrics")
    pairs = zip(METRICS, values, strict=False)
    return {name: value for name, value in pairs if value is not None}


# How the file writes a cell, and percentages by metric.
WrittenCell = Annotated[Cell, BeforeValidator(parse_cell)]
Values = Annotated[Mapping[str, float], BeforeValidator(_by_metric)]


@dataclass(frozen=True)
class Comparison:
    """One tested model over another on the same split: `cell` minus `reference`.

    `equals` are models that equal the reference but for chance: the mean of all is subtracted.
    """

    split: Split
    cell: WrittenCell
    reference: WrittenCell
    equals: tuple[WrittenCell, ...] = ()

    @property
    def reference_name(self) -> str:
        """How differences.csv names the references: their mode is given where it is another one."""
        same = self.reference.mode == self.cell.mode
        references = (self.reference, *self.equals)
        return "+".join(one.variant if same else str(one) for one in references)


@dataclass(frozen=True)
class LayoutRow:
    """A row of one of the paper's tables; with `minus`, a row of differences."""

    label: str
    cell: WrittenCell
    minus: WrittenCell | None = None
    group: str = ""  # the heading above the row


@dataclass(frozen=True)
class Layout:
    """One of the paper's tables: which tested models its rows are."""

    number: int
    title: str
    section: str
    split: Split
    metrics: tuple[str, ...]
    rows: tuple[LayoutRow, ...]


@dataclass(frozen=True)
class Reported:
    """CornerNet's own numbers, of one tested model."""

    cell: WrittenCell
    split: Split
    values: Values


@dataclass(frozen=True)
class Other:
    """Another detector's row of Table 4, or of the journal's table of AP at one IoU each."""

    method: str
    values: Values
    group: str = ""  # of Table 4: two_stage or one_stage
    backbone: str = ""


@dataclass(frozen=True)
class Literature:
    """Everything that params/literature.yaml holds."""

    layouts: tuple[Layout, ...]
    cornernet: Mapping[str, tuple[Reported, ...]]  # by reference: "eccv", "journal"
    same_as: Mapping[str, str]
    others: tuple[Other, ...]
    by_iou: tuple[Other, ...]

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants that the texts report, under our names."""
        return tuple(sorted({row.cell.variant for row in self.cornernet["eccv"]} | {*self.same_as}))

    def stand_in(self, cell: Cell, variants: Collection[str]) -> Cell:
        """`cell`, or that of the same model under another name if only that is in `variants`."""
        for name, original in self.same_as.items():
            if cell.variant == original and original not in variants and name in variants:
                return Cell(name, cell.mode)
        return cell

    def value(self, reference: str, split: str, cell: Cell, metric: str) -> float | None:
        """The paper's number, in percent; None where its tables have none.

        Of corners the journal version's, whatever the reference: the ECCV text has none.
        """
        reference = "journal" if cell.mode in CORNER_MODES else reference
        reported = Cell(self.same_as.get(cell.variant, cell.variant), cell.mode)
        rows = (row for row in self.cornernet[reference] if row.split == split)
        return next((row.values.get(metric) for row in rows if row.cell == reported), None)

    def difference(self, reference: str, comparison: Comparison, metric: str) -> float | None:
        """The paper's number minus the other one, to one decimal as its tables are printed."""
        minuend = self.value(reference, comparison.split, comparison.cell, metric)
        subtrahend = self.value(reference, comparison.split, comparison.reference, metric)
        return None if minuend is None or subtrahend is None else round(minuend - subtrahend, 1)


def load_literature(path: Path) -> Literature:
    """Read literature.yaml. Raises BadInput if a part is missing or a row is malformed."""
    return read_checked(path, Literature)
