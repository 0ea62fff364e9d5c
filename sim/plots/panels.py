"""Small multiples: a grid of equal panels laid out in inches, and text that is cut to the room there is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sim.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HEAD_IN = 0.85
"""Room for the title and the line below it."""


def panels(
    count: int, columns: int, *, width_in: float = 11.0, panel_in: float = 2.0, left_in: float = 0.8,
    gap_in: tuple[float, float] = (0.35, 0.75), head_in: float = HEAD_IN + 0.35, foot_in: float = 0.95,
    right_in: float = 0.2,
) -> tuple[Figure, list[Axes]]:
    """A figure with ``count`` panels of one size, filled row by row; the panels share no axes.

    ``panel_in`` is the height of a panel, ``gap_in`` the room between columns and between rows; ``head_in`` and
    ``foot_in`` the room above and below all of them.
    """
    columns = max(1, min(columns, count))
    rows = math.ceil(count / columns)
    height_in = head_in + foot_in + rows * panel_in + (rows - 1) * gap_in[1]
    figure = style.new_figure(width_in, height_in)
    wide_in = (width_in - left_in - right_in - (columns - 1) * gap_in[0]) / columns
    made = []
    for k in range(count):
        row, column = divmod(k, columns)
        x_in = left_in + column * (wide_in + gap_in[0])
        y_in = height_in - head_in - (row + 1) * panel_in - row * gap_in[1]
        made.append(figure.add_axes((
            x_in / width_in, y_in / height_in, wide_in / width_in, panel_in / height_in
        )))
    return figure, made


def shortened(text: str, width: int) -> str:
    """A text of so many letters at most (a Chinese one counts two), with ``…`` where something was left out."""
    rows = style.wrapped(text, width)
    return "" if not rows else rows[0] if len(rows) == 1 else f"{style.wrapped(text, width - 2)[0].rstrip(' ,;，；')}…"


def folded(text: str, width: int) -> str:
    """A text on as many lines as it takes."""
    return "\n".join(style.wrapped(text, width))
