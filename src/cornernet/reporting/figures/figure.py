"""What every figure shares: its style, its file, and the words that go with it.

A figure is one SVG file that carries its own title and caption (<title>, <desc>), so that the
page needs nothing beside it. Same input, same bytes: no date, fixed ids. Colours are those of
Okabe and Ito, told apart by the colour-blind, with a line style and a marker each for print.
"""

import base64
import html
import io
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import cv2
import numpy as np

from cornernet.errors import BadInput
from cornernet.files import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

# Okabe and Ito (2008), the yellow left out: it does not show on paper.
INK, GREY = "#1a1a1a", "#666666"
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", INK)
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
GRID = "#dddddd"
LINE_LENGTH = 40
WIDTH = 4.8  # inches: a telephone shows it at four fifths, where the letters can still be read
JPEG_QUALITY = 80  # bounds the page's size
# What a figure's colours are where it is looked at on a dark screen.
DARK = {INK: "#e8e8e6", "#ffffff": "#18181b", GRID: "#45454a", GREY: "#a8a8a4"}

STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so glyphs are the same everywhere
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor"), INK),
    **dict.fromkeys(("xtick.color", "ytick.color"), INK),
    "grid.color": GRID,
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


def evenly_spaced(image_ids: Sequence[int], count: int) -> list[int]:
    """The rule by which examples are picked: `count` ids, evenly spaced in the sorted list.

    The middle of each of `count` equal parts, so that nobody chose them; all, if there are fewer.
    """
    ids = sorted(image_ids)
    count = min(count, len(ids))
    return [ids[(2 * part + 1) * len(ids) // (2 * count)] for part in range(count)]


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

    file, settings = io.StringIO(), STYLE | ({"svg.fonttype": "none"} if any_script else {})
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # as it measures the text
        canvas = Canvas(figsize=size, layout="constrained")
        paint(canvas)
        canvas.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    rules = (
        f'[style*="{kind}: {light}"] {{ {kind}: {dark} !important }}'
        for light, dark in DARK.items()
        for kind in ("fill", "stroke")
    )
    style = f"<style>@media (prefers-color-scheme: dark) {{ {' '.join(rules)} }}</style>\n</svg>"
    return captioned(name, title, caption, file.getvalue().replace("</svg>", style))


def captioned(name: str, title: str, caption: str, svg: str) -> Figure:
    """A figure whose SVG text carries `title` and `caption`."""
    words = f"\n<title>{html.escape(title)}</title>\n<desc>{html.escape(caption)}</desc>"
    return Figure(
        name, title, caption, re.sub(r"(<svg\b[^>]*>)", lambda m: m[1] + words, svg, count=1)
    )


def image_address(kind: str, image: np.ndarray) -> str:
    """The address of an image (uint8, BGR, BGRA or grey) that lies in the page itself."""
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if kind == "jpeg" else []
    _, data = cv2.imencode(f".{kind}", image, options)
    return f"data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode('ascii')}"


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
