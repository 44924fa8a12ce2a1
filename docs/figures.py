"""The figures that README and docs show, taken from committed records: `make figures`.

A figure stands between `<!--name-->` and `<!--/-->`. figures.yaml says which record it comes from,
which of its rows, and how they read. The tests fail where a document shows anything else.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FIGURES = yaml.safe_load((ROOT / "docs/figures.yaml").read_text(encoding="utf-8"))
PICTURE = ROOT / "docs/images/demo.svg"
IN_PICTURE, SIDE, GAP = 4, 420, 14  # images of the picture, and their size
WITHOUT = "not yet measured"
MARKED = re.compile(r"<!--(\w+)-->.*?<!--/-->", re.DOTALL)


def main() -> None:
    """Write the figures of today's records into the documents; with a figure, the picture too."""
    if sys.argv[1:]:
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_text(first_in_a_row(Path(sys.argv[1])), encoding="utf-8")
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        if (new := filled(text, FIGURES, ROOT)) != text:
            path.write_text(new, encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: figures written")


def filled(text: str, figures: Mapping[str, Any], root: Path) -> str:
    """A document with each figure as the records in `root` have it."""

    def figure(found: re.Match[str]) -> str:
        return f"<!--{found[1]}-->{shown(figures[found[1]], root)}<!--/-->"

    return MARKED.sub(figure, text)


def shown(figure: Mapping[str, Any], root: Path) -> str:
    """What is shown of a figure; its `without`, as long as there is no record."""
    records = [
        table for path in sorted(root.glob(figure["record"])) if (table := rows(path)) is not None
    ]
    if not records:
        return figure.get("without", WITHOUT)
    found = pd.concat(records).query(figure.get("where", "index >= 0"))
    if figure.get("together"):  # one text of all rows: means, extremes, and how many there are
        numbers = found.select_dtypes("number")
        least, most = numbers.min().add_suffix("_least"), numbers.max().add_suffix("_most")
        return figure["text"].format(**numbers.mean(), **least, **most, count=len(found))
    texts = (figure["text"].format(**row) for row in found.to_dict("records"))
    return "; ".join(texts) or figure.get("without", WITHOUT)


def rows(path: Path) -> pd.DataFrame | None:
    """The rows of a record: a CSV file, or what a benchmark or `make effects` wrote.

    None for a benchmark that was cut off.
    """
    if path.suffix == ".csv":
        table = pd.read_csv(path)
    elif path.suffix == ".yaml":
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        table = pd.json_normalize(content["effects"])
    else:
        content = json.loads(path.read_text(encoding="utf-8"))
        hardware, device = content["hardware"], content["device"]
        table = pd.json_normalize(content["measurements"]).assign(
            device=device,
            hardware=hardware["processor"] if device == "cpu" else hardware["gpus"][0],
        )
        if not content["complete"]:
            return None
    return table.rename(columns=lambda name: name.replace(".", "_"))


def first_in_a_row(gallery: Path) -> str:
    """Evenly spaced pictures of the page's gallery, side by side; names end in their order."""
    ElementTree.register_namespace("", "http://www.w3.org/2000/svg")
    even = [path for path in gallery.glob("*.svg") if not path.stem.endswith("-000")]
    chosen = sorted(even, key=lambda path: path.stem[-3:])[:IN_PICTURE]
    width, height = len(chosen) * (SIDE + GAP) - GAP, SIDE
    row = ElementTree.Element("svg", viewBox=f"0 0 {width} {height}", width=f"{width // 2}")
    row.set("xmlns", "http://www.w3.org/2000/svg")
    for number, path in enumerate(chosen):
        picture = ElementTree.parse(path).getroot()
        picture.attrib |= {"x": str(number * (SIDE + GAP)), "width": str(SIDE), "height": str(SIDE)}
        row.append(picture)
    return ElementTree.tostring(row, encoding="unicode")


if __name__ == "__main__":
    main()
