"""The published field test beside the model: a roadside unit over a motorway (`scenarios/changzhou.yaml`)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.frames import Outcome
from sim.scenario.loader import load
from sim.scenario.schema import Scenario
from sim.scenario.schema.radio import Radio
from sim.validate.closed_form.alone import batches, circles

SCENARIO = "changzhou"
SOURCE = (
    "China Unicom field test on a proving ground in Changzhou: Lin Xiaobo, Feng Yi et al., Designing Techniques of "
    "Posts and Telecommunications"
)
SIZE_BYTES, PACKETS = 150, 5000
"""Packet length, and packets for each distance, of the field test; one packet per 100 ms."""
STEP_M, END_M, MEAN_TO_M = 50.0, 2000.0, 800.0
SPEED_MPS = 33.33
"""Everybody moves on together, so that shadowing changes from packet to packet and distances do not."""
_PLACES, _QUICK_PLACES = 25, 5


@dataclass(frozen=True)
class FieldValue:
    """One published number; ratios between 0 and 1."""

    name: str
    value: float
    from_m: float
    to_m: float
    remark: str


FIELD: tuple[FieldValue, ...] = (
    FieldValue("mean reception, 0-800 m", 0.9565, 0.0, MEAN_TO_M, "mean over the distances tested"),
    FieldValue("reception at 1200 m", 0.9295, 1200.0, 1200.0, "reported as the highest value there"),
    FieldValue("reception at 1300 m", 0.0, 1300.0, 1300.0, "sharper than any path-loss law gives"),
)
KNEE_M = (1200.0, 1300.0)
"""Between these distances the reported reception falls from 0.93 to nothing."""
OTHER_LAWS: dict[str, dict[str, Any]] = {
    "the same, vehicles in the way as in TR 37.885": {"line_of_sight": "tr37885", "sight_area": "highway"},
    "WINNER+ B1, environment 0 m": {"v2i": "winner-b1", "environment_height_m": 0.0},
    "ECC rural": {"v2i": "ecc-rural"},
    "TR 37.885 highway, sight": {"v2i": "tr37885-highway"},
}
"""The same radio under other published propagation settings: label -> keys of ``radio.channel``."""


@dataclass(frozen=True)
class Curve:
    """Reception ratio by distance under one propagation setting."""

    label: str
    distance_m: np.ndarray
    ratio: np.ndarray
    packets: int
    """Packets behind each distance."""

    def over(self, from_m: float, to_m: float) -> float:
        """Mean ratio of the distances in ``from_m`` .. ``to_m``."""
        inside = (self.distance_m >= from_m - 1e-6) & (self.distance_m <= to_m + 1e-6)
        return float(self.ratio[inside].mean())

    def falls_through(self, ratio: float) -> float:
        """First distance in metres, by interpolation, from which the curve is below ``ratio``; NaN if it never is."""
        below = np.flatnonzero(self.ratio < ratio)
        if not len(below):
            return float("nan")
        i = int(below[0])
        if i == 0:
            return float(self.distance_m[0])
        (x0, x1), (y0, y1) = self.distance_m[i - 1:i + 1], self.ratio[i - 1:i + 1]
        return float(x0 + (y0 - ratio) / (y0 - y1) * (x1 - x0))


@dataclass(frozen=True)
class Anchor:
    """The model's curves and the setting they hold for; the first curve is that of the scenario as it stands."""

    curves: tuple[Curve, ...]
    setting: str
    source: str = SOURCE
    knee_m: tuple[float, float] = KNEE_M

    def deviations(self) -> list[tuple[FieldValue, float, float]]:
        """(published number, the model's, model less published) for each."""
        model = self.curves[0]
        ours = [model.over(value.from_m, value.to_m) for value in FIELD]
        return [(value, one, one - value.value) for value, one in zip(FIELD, ours, strict=True)]


def compare(quick: bool = False, seed: int = 1) -> Anchor:
    """Run the scenario's radio at the distances of the field test, and under the other laws."""
    config = load(SCENARIO).config
    label = f"model: {config.radio.channel.v2i}, environment {config.radio.channel.environment_height_m:g} m"
    curves = [reception(config, config.radio, label, quick, seed)]
    for name, keys in OTHER_LAWS.items():
        channel = config.radio.channel.model_copy(update=keys)
        other = config.radio.model_copy(update={"channel": channel})
        curves.append(reception(config, other, name, quick, seed))
    return Anchor(tuple(curves), setting_of(config))


def reception(
    config: Scenario, radio: Radio, label: str, quick: bool = False, seed: int = 1,
    distance_m: np.ndarray | None = None,
) -> Curve:
    """Share of packets of one unit that on-board units around it get, by distance antenna to antenna.

    Mast, power and antenna gain of the unit are those of the scenario's layout; receivers stand on circles around it.
    Losses of the control channel count.
    """
    if distance_m is None:
        distance_m = np.arange(STEP_M, END_M + STEP_M / 2, STEP_M)
    places = _QUICK_PLACES if quick else _PLACES
    mast_m, antenna_m = config.layout.mast_height_m, config.traffic.classes[0].antenna_height_m
    ground_m = np.sqrt(distance_m**2 - (mast_m - antenna_m) ** 2)
    x_m, y_m = circles(tuple(ground_m.tolist()), places)
    ticks = PACKETS // _PLACES
    # The bench gives all stations one antenna gain; the unit's surplus goes to its power, and EIRP stays.
    gain_dbi = radio.link.antenna_gain_dbi
    power_dbm = config.layout.tx_power_dbm + config.layout.antenna_gain_dbi - gain_dbi
    got, sent = np.zeros(len(x_m)), 0
    for batch in batches(
        radio, SIZE_BYTES, x_m, y_m, ticks, power_dbm=power_dbm, gain_dbi=gain_dbi, sender_height_m=mast_m,
        height_m=antenna_m, speed_mps=SPEED_MPS, seed=seed,
    ):
        sent += int(batch.sent.sum())
        np.add.at(got, batch.receiver[batch.outcome == Outcome.DELIVERED] - 1, 1.0)
    ratio = got.reshape(len(distance_m), places).mean(axis=1) / max(1, sent)
    return Curve(label, distance_m, ratio, sent * places)


def setting_of(config: Scenario) -> str:
    """Every setting of the radio that moves the curve, in one line."""
    radio, layout = config.radio, config.layout
    channel, link = radio.channel, radio.link
    height_m = config.traffic.classes[0].antenna_height_m
    return (
        f"{radio.access}, {radio.carrier_hz / 1e9:g} GHz, {radio.bandwidth_mhz} MHz, MCS "
        f"{', '.join(map(str, radio.mode4.mcs))}, {SIZE_BYTES} B every 100 ms; unit {layout.tx_power_dbm:g} dBm + "
        f"{layout.antenna_gain_dbi:g} dBi at {layout.mast_height_m:g} m; vehicle {link.antenna_gain_dbi:g} dBi at "
        f"{height_m:g} m, noise figure {link.noise_figure_db:g} dB; {channel.v2i}, environment "
        f"{channel.environment_height_m:g} m, sight {channel.line_of_sight}, shadowing "
        f"{channel.shadowing_sigma_db:g} dB over {channel.decorrelation_m:g} m; tables {link.pssch_table}, "
        f"{link.pscch_table}"
    )


def as_text(anchor: Anchor) -> str:
    """The table that is printed: published, model, deviation."""
    lines = [
        f"Field test: {anchor.source}.", f"Model: {anchor.setting}.",
        "No setting was adjusted to the published values.", "",
        f"{'':26}{'published':>10}{'model':>10}{'deviation':>12}",
    ]
    for value, ours, deviation in anchor.deviations():
        lines.append(
            f"{value.name:26}{100 * value.value:9.2f} {100 * ours:9.2f} {100 * deviation:+9.2f} pt  {value.remark}"
        )
    heads = [value.name.replace("reception", "").replace("mean ,", "").strip() for value in FIELD]
    lines += ["", f"{'Deviation (points) and range':50}" + "".join(f"{head:>10}" for head in heads)]
    for curve in anchor.curves:
        off = [100 * (curve.over(value.from_m, value.to_m) - value.value) for value in FIELD]
        ends = [f"{100 * ratio:g} % at {_metres(curve.falls_through(ratio))}" for ratio in (0.9, 0.5)]
        lines.append(f"  {curve.label:48}" + "".join(f"{one:+10.2f}" for one in off) + f"   {', '.join(ends)}")
    lines.append(f"  Published: from 93 % to 0 between {anchor.knee_m[0]:g} and {anchor.knee_m[1]:g} m.")
    return "\n".join(lines)


def _metres(distance_m: float) -> str:
    return f"over {END_M:g} m" if np.isnan(distance_m) else f"{distance_m:.0f} m"


def as_json(anchor: Anchor) -> str:
    """The same as JSON, with the curves."""
    return json.dumps({
        "source": anchor.source, "setting": anchor.setting,
        "points": [
            {"name": value.name, "published": value.value, "model": ours, "deviation": deviation,
             "remark": value.remark}
            for value, ours, deviation in anchor.deviations()
        ],
        "knee_published_m": list(anchor.knee_m),
        "curves": [
            {
                "label": curve.label, "packets": curve.packets, "distance_m": curve.distance_m.tolist(),
                "ratio": curve.ratio.tolist(),
                "falls_to_m": {str(ratio): _or_none(curve.falls_through(ratio)) for ratio in (0.9, 0.5)},
            }
            for curve in anchor.curves
        ],
    }, indent=2)


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value


def show(quick: bool, as_json_text: bool, plot: Path | None) -> list[Path]:
    """Run, print, and draw into the folder ``plot`` if one is given; the files written."""
    anchor = compare(quick)
    print(as_json(anchor) if as_json_text else as_text(anchor))
    if plot is None:
        return []
    from sim.plots.anchor import draw

    return [draw(anchor, plot)]
