"""Training curves, from the history that each training leaves."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from cornernet.reporting.figures.figure import WIDTH, Figure, draw, style_of

# Column of the history -> title of its panel: the losses of equations 1, 3, 4, 5 and 8, unweighted
# but for the total.
PANELS = {
    "total": "total loss (eq. 8)",
    "focal_tl": "focal loss, top-left (eq. 1)",
    "focal_br": "focal loss, bottom-right (eq. 1)",
    "pull": "pull loss (eq. 4)",
    "push": "push loss (eq. 5)",
    "offset": "offset loss (eq. 3)",
    "learning_rate": "learning rate",
    "images_per_second": "images per second",
}
POINTS = 200  # a curve is averaged to this many points at most

History = Sequence[Mapping[str, float]]  # one row per logged iteration, as read_history gives it


def averaged(values: np.ndarray) -> np.ndarray:
    """Means of at most POINTS equal runs of `values` [n]; empty input stays empty."""
    runs = np.array_split(values, min(POINTS, len(values))) if len(values) else []
    return np.array([run.mean() for run in runs])


def _log_scale(axes: Axes) -> None:
    """A log axis with plain numbers at 1, 2 and 5 of each decade."""
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))


def training_curves(
    histories: Mapping[str, History], continued: Mapping[str, str] | None = None
) -> Figure:
    """Every loss term, the learning rate and the speed by iteration, one line per trained model.

    `continued` names, for a model that went on from another's state, that other model: its own
    history begins where the other's ends, and the caption says so.
    """

    def paint(canvas: Canvas) -> None:
        panels = canvas.subplots(4, 2, sharex=True)
        for axes, (column, title) in zip(panels.flat, PANELS.items(), strict=True):
            for position, (name, history) in enumerate(histories.items()):
                iterations, curve = (
                    averaged(np.array([row[key] for row in history], dtype=float))
                    for key in ("iteration", column)
                )
                axes.plot(iterations, curve, label=name, linewidth=1.3, **style_of(position))
            axes.set_title(title, loc="left")
            positive = all(h and all(row[column] > 0 for row in h) for h in histories.values())
            if column != "images_per_second" and positive:
                _log_scale(axes)
            else:
                axes.set_ylim(bottom=0)
        for axes in panels[-1]:
            axes.set_xlabel("iteration")
        handles, labels = panels.flat[0].get_legend_handles_labels()
        canvas.legend(handles, labels, loc="outside lower center", ncols=2, handlelength=3.5)

    caption = (
        "Losses as logged, averaged over stacks and chunks and unweighted (the total is weighted "
        f"as equation 8 says); each curve is averaged to at most {POINTS} points."
    )
    for name, parent in (continued or {}).items():
        caption += f" The curve of {name} begins where that of {parent} ends: it goes on from it."
    return draw("training_curves", "Training curves", caption, (WIDTH, 8.6), paint)
