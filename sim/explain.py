"""Why one packet was lost at one receiver, in plain words with the numbers of the packet log."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.trace import read_trace

_MEANING = {
    "delivered": "was received and applied",
    "half_duplex": "was lost because the receiver was transmitting itself (half duplex)",
    "sensitivity": "was lost because it arrived too weak (below sensitivity)",
    "control_lost": "was lost because its control channel could not be decoded",
    "propagation": "was lost to path loss, shadowing and noise (other senders made no difference)",
    "collision": "was lost to interference: without the other senders it would have been received",
    "receiver_busy": "was lost because the receiver was locked on another frame, or sending",
    "never_sent": "never left its sender's queue (no grant in time, dropped or replaced)",
    "not_tuned": "was missed because the receiver does not listen on that channel",
    "net_unknown": "was received, but its network header is not known there",
    "sec_root": "was received, but the root above its certificate is not trusted there",
    "sec_region": "was received, but its certificate does not hold where it was signed",
    "sec_perm": "was received, but its certificate does not permit the application",
    "sec_time": "was received, but its certificate is not valid at that time",
    "sec_revoked": "was received, but its certificate is revoked",
    "sec_alg": "was received, but its signature algorithm is not known there",
    "sec_cert_wait": "was received, but the certificate its digest names had not been heard yet",
    "sec_queue": "was received, but the verification queue was full",
    "dec_error": "was received, but could not be decoded",
    "dec_skip": "was received, but is of a kind that the receiver skips",
    "dec_silent": "was decoded to other values than were sent, which was found out",
    "sem_datum": "was decoded, but its positions are in another datum",
    "sem_id": "was decoded, but its identifiers mean something else there",
    "sem_code": "was decoded, but its event code is not known there",
    "not_interpreted": "was decoded, but its content could not be interpreted",
    "applied_wrong": "was applied, though its content was wrong",
    "stale": "arrived, but too late to be used",
    "not_applicable": "was understood, but the application had no use for it",
    "duplicate": "was received, but had been applied before from another sender",
}
_MEANING_OF_NETWORK = {
    "propagation": "was lost in a block on the mobile network's radio",
    "never_sent": "was given up on its way through the mobile network (overload or age)",
}
"""Of frames that went through a mobile network."""
_FIRST_SUBCHANNEL = ("first_subchannel", "subchannel_first", "subchannel", "subchannel_start")
_SUBCHANNEL_COUNT = ("subchannel_count", "subchannels")


@dataclass(frozen=True)
class Explanation:
    """What became of one frame."""

    log: Path
    frame: int
    receiver: int | None
    text: str
    """Plain words, several lines."""
    rows: list[Mapping[str, str]]
    """The frame's rows of the packet log: all, or the one at ``receiver``."""

    def plain(self) -> dict[str, Any]:
        """As a JSON document; an empty cell of the log is null."""
        rows = [{name: _value(cell) for name, cell in row.items()} for row in self.rows]
        return {"log": str(self.log), "frame": self.frame, "receiver": self.receiver, "text": self.text, "rows": rows}


def _value(cell: str) -> int | float | str | None:
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return cell or None


@dataclass
class _Story:
    """What the log holds on one (frame, receiver)."""

    row: Mapping[str, str]
    others: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """Frame -> a row of it, for frames on the air at the same time; the one at our receiver if there is
    one."""


def explain(source: str | Path, frame: int | None = None, receiver: int | None = None) -> str:
    """The words of :func:`explanation`."""
    return explanation(source, frame, receiver).text


def explanation(source: str | Path, frame: int | None = None, receiver: int | None = None) -> Explanation:
    """What became of ``frame`` at station ``receiver`` (all receivers in short when None).

    Without ``frame``: the first packet the radio lost, at ``receiver`` if given. ``source`` is a packet log, or a
    result folder whose run wrote one. A ValueError if the log, the frame or the receiver is not there, or nothing
    was lost.
    """
    path = trace_of(source)
    if frame is None:
        frame, receiver = _first_lost(path, receiver)
    rows, first, last = _rows_of(path, frame)
    if not rows:
        raise ValueError(f"{path}: has no frame {frame}; there are frames {first} to {last}")
    if receiver is None:
        return Explanation(path, frame, None, _overview(rows), rows)
    mine = [row for row in rows if row["receiver"] == str(receiver)]
    if not mine:
        raise ValueError(
            f"{path}: frame {frame} has no row at receiver {receiver}: it was out of reach or the sender"
        )
    return Explanation(path, frame, receiver, _tell(_gather(path, mine[0])), mine[:1])


def _rows_of(path: Path, frame: int) -> tuple[list[Mapping[str, str]], int, int]:
    """The frame's rows, and the least and greatest frame in the log."""
    rows: list[Mapping[str, str]] = []
    seen: set[int] = set()
    for row in read_trace(path):
        seen.add(int(row["frame"]))
        if row["frame"] == str(frame):
            rows.append(row)
    if not seen:
        raise ValueError(f"{path}: holds no frame")
    return rows, min(seen), max(seen)


def _first_lost(path: Path, receiver: int | None) -> tuple[int, int]:
    """Frame and receiver of the first row that the radio lost."""
    for row in read_trace(path):
        here = row["receiver"] == str(receiver) if receiver is not None else row["receiver"]
        if here and row["radio_outcome"] not in ("delivered", ""):
            return int(row["frame"]), int(row["receiver"])
    where = "" if receiver is None else f" at receiver {receiver}"
    raise ValueError(f"{path}: no packet was lost on the radio{where}; name a frame")


def trace_of(source: str | Path) -> Path:
    """The packet log itself, or the one a result folder's summary points to."""
    path = Path(source)
    if not path.exists():
        raise ValueError(f"{path}: no such folder or packet log")
    if not path.is_dir():
        return path
    from sim.results import read

    where = read(path).summary.get("trace")
    if not where:
        raise ValueError(f"{path}: this run wrote no packet log; run it again with --trace FILE.csv.gz")
    for candidate in (path / Path(where).name, path / where, Path(where)):
        if candidate.is_file():
            return candidate
    raise ValueError(f"{path}: its packet log {where} is not there any more")


def _gather(path: Path, mine: Mapping[str, str]) -> _Story:
    story = _Story(mine)
    start_ns, end_ns = int(mine["start_ns"]), int(mine["end_ns"])
    for row in read_trace(path):
        same_time = int(row["start_ns"]) < end_ns and int(row["end_ns"]) > start_ns
        if not same_time or row["frame"] == mine["frame"] or row["radio_outcome"] == "never_sent":
            continue
        if row["frame"] not in story.others or row["receiver"] == mine["receiver"]:
            story.others[row["frame"]] = row
    return story


def _head(row: Mapping[str, str]) -> str:
    sender = station_name(row["sender"])
    return f"Frame {row['frame']}, a {row['message']} of {row['size_bytes']} bytes from {sender}"


def station_name(text: str) -> str:
    """``unit 3``, ``probe 12``, ``pedestrian 7`` or ``vehicle 45`` from a lasting station id."""
    number = int(text)
    kinds = ((10_000_000, "vehicle"), (2_000_000, "pedestrian"), (1_000_000, "probe"), (0, "unit"))
    for start, word in kinds:
        if number >= start:
            return f"{word} {number - start} (station {number})"
    return f"station {number}"


def _overview(rows: Sequence[Mapping[str, str]]) -> str:
    row, heard = rows[0], [r for r in rows if r["receiver"]]
    lines = [f"{_head(row)}, generated at {int(row['generated_ns']) / 1e9:.6f} s."]
    if not heard:
        lines.append("No station was in reach.")
    counts = Counter(r["outcome"] for r in heard)
    for outcome, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        nearest = min((r for r in heard if r["outcome"] == outcome), key=lambda r: float(r["distance_m"]))
        lines.append(
            f"At {count} of {len(heard)} receivers it {_meaning(outcome, row)}; "
            f"nearest: {station_name(nearest['receiver'])} at {float(nearest['distance_m']):.0f} m."
        )
    return "\n".join(lines)


def _tell(story: _Story) -> str:
    row = story.row
    outcome, radio = row["outcome"], row["radio_outcome"]
    lines = [
        f"{_head(row)} {_meaning(outcome, row)} at "
        f"{station_name(row['receiver'])}, {float(row['distance_m']):.1f} m away."
    ]
    if radio == "never_sent":
        waited_ms = (int(row["end_ns"]) - int(row["ready_ns"])) / 1e6
        lines.append(
            f"It was ready at {int(row['ready_ns']) / 1e9:.6f} s and given up {waited_ms:.1f} ms later."
        )
        return "\n".join(lines)
    lines.append(
        f"On the air from {int(row['start_ns']) / 1e9:.6f} s for {_air_ms(row):.2f} ms"
        f"{_resource_words(row)}, "
        f"{(int(row['start_ns']) - int(row['ready_ns'])) / 1e6:.1f} ms after it was ready."
    )
    lines += _level_lines(story)
    if radio != "delivered" or outcome == "delivered":
        lines += _air_lines(story)
    else:
        lines.append(f"The radio received it; the loss lies above the radio: it {_MEANING[outcome]}.")
    return "\n".join(lines)


def _meaning(outcome: str, row: Mapping[str, str]) -> str:
    network = _MEANING_OF_NETWORK.get(outcome) if row.get("uu_cell") else None
    return network or _MEANING[outcome]


def _air_ms(row: Mapping[str, str]) -> float:
    return (int(row["end_ns"]) - int(row["start_ns"])) / 1e6


def _subchannels(row: Mapping[str, str]) -> range | None:
    first = next((row[n] for n in _FIRST_SUBCHANNEL if row.get(n)), None)
    if first is None:
        return None
    count = next((row[n] for n in _SUBCHANNEL_COUNT if row.get(n)), "1")
    return range(int(float(first)), int(float(first)) + int(float(count)))


def _resource_words(row: Mapping[str, str]) -> str:
    used = _subchannels(row)
    if used is None:
        return ""
    pool = f" of pool {row['pool']}" if row.get("pool") else ""
    mcs = f", MCS {row['mcs']}" if row.get("mcs") else ""
    span = f"subchannel {used[0]}" if len(used) == 1 else f"subchannels {used[0]} to {used[-1]}"
    return f" in {span}{pool}{mcs}"


def _level_lines(story: _Story) -> list[str]:
    row = story.row
    if not row["power_dbm"]:
        return []
    power_dbm = float(row["power_dbm"])
    if not row["sinr_db"]:
        return [f"It arrived with {power_dbm:.1f} dBm."]
    sinr_db = float(row["sinr_db"])
    return [
        f"It arrived with {power_dbm:.1f} dBm, {abs(sinr_db):.1f} dB {'above' if sinr_db >= 0 else 'below'} "
        f"noise and interference together ({power_dbm - sinr_db:.1f} dBm): SINR {sinr_db:.1f} dB."
    ]


def _air_lines(story: _Story) -> list[str]:
    row = story.row
    if row.get("uu_cell"):
        return [f"It went through cell {row['uu_cell']}, where frames are scheduled: no other frame disturbs one."]
    own = [r for r in story.others.values() if r["sender"] == row["receiver"]]
    if own and row["radio_outcome"] in ("half_duplex", "receiver_busy"):
        return [
            f"At that time the receiver itself sent frame {r['frame']} ({r['message']}){_resource_words(r)}, "
            "and a radio cannot hear while it sends."
            for r in own
        ]
    others = sorted(story.others.values(), key=lambda r: (-_power_here(r, row), int(r["frame"])))
    if not others:
        return ["No other frame in the log was on the air at that time: only noise stood against it."]
    lines = [f"{len(others)} other frame{'s were' if len(others) > 1 else ' was'} on the air at that time:"]
    lines += [f"  {_interferer(r, row)}" for r in others[:8]]
    if len(others) > 8:
        lines.append(f"  and {len(others) - 8} weaker ones")
    return lines


def _power_here(other: Mapping[str, str], row: Mapping[str, str]) -> float:
    here = other["receiver"] == row["receiver"] and other["power_dbm"]
    return float(other["power_dbm"]) if here else -math.inf


def _interferer(other: Mapping[str, str], row: Mapping[str, str]) -> str:
    words = f"frame {other['frame']} ({other['message']}) from {station_name(other['sender'])}"
    if other["receiver"] == row["receiver"] and other["power_dbm"]:
        level_db = float(other["power_dbm"]) - float(row["power_dbm"] or "nan")
        words += (
            f", {float(other['distance_m']):.0f} m from the receiver, {float(other['power_dbm']):.1f} dBm "
            f"({abs(level_db):.1f} dB {'stronger' if level_db > 0 else 'weaker'})"
        )
    else:
        words += ", out of reach of this receiver"
    if row.get("radio") and other.get("radio") and not int(row["radio"]) & int(other["radio"]):
        return words + "; on the other radio"
    mine, theirs = _subchannels(row), _subchannels(other)
    if mine is None or theirs is None or row.get("pool") != other.get("pool"):
        return words
    shared = len(set(mine) & set(theirs))
    return words + (f"; shares {shared} of {len(mine)} subchannels" if shared else "; in other subchannels")
