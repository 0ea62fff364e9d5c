"""The part of a run's table that says what was of use, and what became of the rest."""

from __future__ import annotations

from collections.abc import Iterator

from sim.frames import STAGE_OF, Outcome, Stage
from sim.metrics.wording import percent
from sim.results import Result

_AFTER_RADIO = {outcome.name.lower(): outcome for outcome, stage in STAGE_OF.items() if stage != Stage.RECEIVED}
_OF_USE = (Outcome.DELIVERED, Outcome.DUPLICATE)
MOST_CAUSES = 3
"""So many causes are named for each class."""


def usable_lines(result: Result) -> Iterator[tuple[str, str]]:
    """UIR of every link and class with its largest losses beside those of the radio, and wrong applications."""
    head = "Usable"
    table = result.select(metric="uir_class", station_class="")
    for row in table.rows():
        link, message = row["link"], row["message"]
        text = f"{link} {message} {percent(row['value'])} of {int(row['n']):,} opportunities"
        causes = []
        for name, outcome in _AFTER_RADIO.items():
            if outcome in _OF_USE:
                continue
            found = result.select(metric=f"end_class_{name}", link=link, message=message, station_class="")
            if found.row_count and float(found["value"][0]) >= 0.001:
                causes.append((float(found["value"][0]), name))
        lost = ", ".join(f"{name} {percent(share)}" for share, name in sorted(causes, reverse=True)[:MOST_CAUSES])
        yield head, text + (f"; {lost}" if lost else "")
        head = ""
    wrong = result.select(metric="war", message="", station_class="")
    if wrong.row_count and float(wrong["value"][0]) > 0:
        said = [
            f"{row['station_class']} {row['value']:,.0f}"
            for row in result.select(metric="war", message="").rows() if row["station_class"]
        ]
        yield "Wrong", f"{float(wrong['value'][0]):,.0f} applications per vehicle-hour ({', '.join(said)})"
