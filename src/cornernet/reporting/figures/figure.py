"""What every figure shares: its style, its file, and the words that go with it.

A figure is one SVG file that carries its own title and caption (<title>, <desc>), so that the
page needs nothing beside it. Same input, same bytes: no date, fixed ids. Colours are those of
Okabe and Ito, told apart by the colour-blind, with a line style and a marker each for print.
"""

import html
import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from cornernet.errors import BadInput
from cornernet.files import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

# Okabe and Ito (2008), the yellow left out: it does not show on paper.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
GREY = "#666666"
LINE_LENGTH = 40

STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so glyphs are the same everywhere
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "text.parse_math": False,  # a category may be called $x$
    "svg.hashsalt": "cornernet",
    "figure.facecolor": "white",
}


@dataclass(frozen=True)
class Figure:
    """A finished figure: its file's name without suffix, title, caption and SVG text."""

    name: str
    title: str
    caption: str
    svg: str


def style_of(position: int) -> dict[str, Any]:
    """Colour and line style of the n-th series; no two of the first 49 have both."""
    line = position + position // len(PALETTE)
    return {"color": PALETTE[position % len(PALETTE)], "linestyle": LINES[line % len(LINES)]}


def in_lines(name: str) -> str:
    """A name in lines of LINE_LENGTH letters, so that a long one leaves room for the figure."""
    starts = range(0, len(name), LINE_LENGTH)
    return "\n".join(name[start : start + LINE_LENGTH] for start in starts)


def draw(
    name: str,
    title: str,
    caption: str,
    size: tuple[float, float],
    paint: Callable[["Canvas"], None],
    any_script: bool = False,
) -> Figure:
    """Make a figure of `size` inches with matplotlib; `paint` fills the empty canvas.

    No pyplot, hence no state that outlives the call and no display. With `any_script` text stays
    text, which whatever shows the SVG sets in its own fonts: matplotlib's have not all letters, and
    it sets no script that is written from right to left.
    """
    import matplotlib
    from matplotlib.figure import Figure as Canvas

    file, style = io.StringIO(), STYLE | ({"svg.fonttype": "none"} if any_script else {})
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # as it measures the text
        canvas = Canvas(figsize=size, layout="constrained")
        paint(canvas)
        canvas.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return captioned(name, title, caption, file.getvalue())


def captioned(name: str, title: str, caption: str, svg: str) -> Figure:
    """A figure whose SVG text carries `title` and `caption`."""
    words = f"\n<title>{html.escape(title)}</title>\n<desc>{html.escape(caption)}</desc>"
    return Figure(
        name, title, caption, re.sub(r"(<svg\b[^>]*>)", lambda m: m[1] + words, svg, count=1)
    )


def write_figure(figure: Figure, folder: Path) -> None:
    """Write `<folder>/<name>.svg`."""
    write_text(folder / f"{figure.name}.svg", figure.svg)


def read_figure(path: Path) -> Figure:
    """Read a figure back. Raises BadInput if it is not an SVG file with a title."""
    space = "{http://www.w3.org/2000/svg}"
    try:
        svg = path.read_text(encoding="utf-8")
        root = ElementTree.fromstring(svg)
    except (OSError, ValueError, ElementTree.ParseError) as error:
        raise BadInput(f"{path}: not readable as SVG ({error}); run `figures` again") from None
    title, caption = root.findtext(f"{space}title"), root.findtext(f"{space}desc")
    if title is None or caption is None:
        raise BadInput(f"{path}: carries no title and caption; run `figures` again")
    return Figure(path.stem, title, caption, svg)
