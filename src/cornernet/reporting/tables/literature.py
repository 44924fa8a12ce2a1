"""The paper's tables, read from params/literature.yaml."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cornernet.config.schema import MODES, Mode, Split
from cornernet.config.section import nearest
from cornernet.errors import BadInput


@dataclass(frozen=True)
class Cell:
    """A variant tested in a mode, written `variant/mode`."""

    variant: str
    mode: Mode

    def __str__(self) -> str:
        return f"{self.variant}/{self.mode}"


def parse_cell(text: str) -> Cell:
    """The cell written as `variant/mode`; raises BadInput if it is not one."""
    variant, _, mode = str(text).partition("/")
    for known in MODES:
        if mode == known:
            return Cell(variant, known)
    known_modes = f"(modes: {', '.join(MODES)}){nearest(mode, MODES)}"
    raise BadInput(f"{text!r} is not variant/mode {known_modes}")


@dataclass(frozen=True)
class Comparison:
    """One tested model over another on the same split: `cell` minus `reference`."""

    split: Split
    cell: Cell
    reference: Cell

    @property
    def reference_name(self) -> str:
        """How differences.csv names the reference: its mode is given where it is another one."""
        same = self.reference.mode == self.cell.mode
        return self.reference.variant if same else str(self.reference)


@dataclass(frozen=True)
class LayoutRow:
    """A row of one of the paper's tables; with `minus`, a row of differences."""

    label: str
    cell: Cell
    minus: Cell | None = None


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
class Other:
    """Another detector's row of Table 4."""

    group: str  # two_stage or one_stage
    method: str
    backbone: str
    values: Mapping[str, float]  # a cell that the paper leaves empty is absent


@dataclass(frozen=True)
class Literature:
    """Everything that params/literature.yaml holds."""

    layouts: tuple[Layout, ...]
    # reference ("eccv", "journal") -> (split, cell) -> metric -> percent
    cornernet: Mapping[str, Mapping[tuple[str, Cell], Mapping[str, float]]]
    same_as: Mapping[str, str]
    others: tuple[Other, ...]
    iou_metrics: tuple[str, ...]
    by_iou: tuple[Other, ...]
    # (variant, which corner) -> quadrant of the image -> mAP in percent
    corners: Mapping[tuple[str, str], Mapping[str, float]]

    @property
    def variants(self) -> tuple[str, ...]:
        """The variants that the texts report, under our names."""
        reported = {cell.variant for _, cell in self.cornernet["eccv"]}
        return tuple(sorted(reported | set(self.same_as)))

    def stand_in(self, cell: Cell, variants: Collection[str]) -> Cell:
        """`cell`, or that of the same model under another name if only that is in `variants`."""
        for name, original in self.same_as.items():
            if cell.variant == original and original not in variants and name in variants:
                return Cell(name, cell.mode)
        return cell

    def value(self, reference: str, split: str, cell: Cell, metric: str) -> float | None:
        """The paper's number, in percent; None where its tables have none."""
        reported = Cell(self.same_as.get(cell.variant, cell.variant), cell.mode)
        return self.cornernet[reference].get((split, reported), {}).get(metric)

    def difference(self, reference: str, comparison: Comparison, metric: str) -> float | None:
        """The paper's number minus the other one, to one decimal as its tables are printed."""
        minuend = self.value(reference, comparison.split, comparison.cell, metric)
        subtrahend = self.value(reference, comparison.split, comparison.reference, metric)
        return None if minuend is None or subtrahend is None else round(minuend - subtrahend, 1)


def load_literature(path: Path) -> Literature:
    """Read literature.yaml. Raises BadInput if a part is missing or a row is malformed."""
    try:
        return _literature(yaml.safe_load(path.read_text(encoding="utf-8")))
    except BadInput as error:
        raise BadInput(f"{path}: {problem}" for problem in error.problems) from None
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{path}: a part is missing or malformed: {error!r}") from None


def _literature(tree: Any) -> Literature:
    columns, by_iou = tuple(tree["columns"]), tree["by_iou"]
    return Literature(
        layouts=tuple(_layout(int(number), row, columns) for number, row in tree["tables"].items()),
        cornernet={
            reference: {
                (row["split"], parse_cell(row["cell"])): _values(row, columns) | row.get("also", {})
                for row in rows
            }
            for reference, rows in tree["cornernet"].items()
        },
        same_as=dict(tree["same_as"]),
        others=tuple(
            Other(group, row["method"], row["backbone"], _values(row, columns))
            for group, rows in tree["others"].items()
            for row in rows
        ),
        iou_metrics=tuple(by_iou["metrics"]),
        by_iou=tuple(
            Other("by_iou", row["method"], "", _values(row, by_iou["metrics"]))
            for row in by_iou["rows"]
        ),
        corners={
            (parse_cell(row["cell"]).variant, row["corner"]): {
                quadrant: float(value) for quadrant, value in row["values"].items()
            }
            for row in tree["corners"]
        },
    )


def _layout(number: int, tree: Mapping[str, Any], columns: tuple[str, ...]) -> Layout:
    rows = tuple(
        LayoutRow(
            row["label"],
            parse_cell(row["cell"]),
            parse_cell(row["minus"]) if "minus" in row else None,
        )
        for row in tree["rows"]
    )
    metrics = columns[: tree["metrics"]]
    return Layout(number, tree["title"], tree["section"], tree["split"], metrics, rows)


def _values(row: Mapping[str, Any], columns: Any) -> dict[str, float]:
    values = row["values"]
    if len(values) > len(columns):
        raise BadInput(f"{row}: {len(values)} numbers for {len(columns)} columns")
    pairs = zip(columns, values, strict=False)
    return {name: float(value) for name, value in pairs if value is not None}
