"""The packet log and the explanation of one packet."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

from sim.clock import MS
from sim.explain import explain, explanation, station_name
from sim.frames import Kind, Outcome
from sim.results import ResultFolder
from sim.trace import TraceWriter, read_trace
from tests.sim.metrics_factory import batch, stations


def log(path: Path) -> Path:
    """Frame 0 (vehicle 0) is lost at vehicle 1 to frame 1 (vehicle 2) in the same subchannel, and at vehicle
    2 because that one sends; frame 2 of the unit comes later, is heard by vehicle 1 and not decoded; frame 3
    was never sent."""
    world = stations(4, rsus=1)
    frames = [
        {"sender": 1, "generated_ns": 0, "size_bytes": 190},
        {"sender": 3, "generated_ns": 0, "size_bytes": 300},
        {"sender": 0, "sender_kind": Kind.RSU, "message": 1, "generated_ns": 20 * MS},
        {"sender": 1, "generated_ns": 100 * MS, "sent": False, "air": 0, "access": 95 * MS},
    ]
    links = [
        {"row": 0, "receiver": 2, "distance_m": 180.0, "outcome": Outcome.COLLISION},
        {"row": 0, "receiver": 3, "distance_m": 320.0, "outcome": Outcome.HALF_DUPLEX},
        {"row": 1, "receiver": 2, "distance_m": 140.0},
        {"row": 2, "receiver": 2, "distance_m": 90.0, "outcome": Outcome.DEC_ERROR},
        {"row": 3, "receiver": 2, "distance_m": 185.0, "outcome": Outcome.NEVER_SENT},
    ]
    power_dbm = np.array([-95.0, -101.0, -92.0, -80.0, np.nan])
    sinr_db = np.array([-3.4, -9.9, 2.8, 16.0, np.nan])
    resource = {"first_subchannel": np.array([2, 2, 0, -1]), "subchannel_count": np.array([2, 1, 1, 0])}
    with TraceWriter(path) as writer:
        writer.write(batch(frames, links), world, power_dbm, sinr_db, resource)
        later = batch([{"generated_ns": 300 * MS, "frame": 4}], [])
        writer.write(
            later, world, np.empty(0), np.empty(0), {name: values[:1] for name, values in resource.items()}
        )
        assert writer.row_count == 6
    return path


def test_rows_by_hand(tmp_path: Path) -> None:
    """By hand: columns, ids, times, and the lone frame with empty link cells."""
    rows = list(read_trace(log(tmp_path / "log.csv.gz")))
    assert list(rows[0]) == [
        "time_s",
        "frame",
        "message",
        "sender",
        "generated_ns",
        "ready_ns",
        "start_ns",
        "end_ns",
        "size_bytes",
        "first_subchannel",
        "subchannel_count",
        "receiver",
        "distance_m",
        "power_dbm",
        "sinr_db",
        "radio_outcome",
        "outcome",
    ]
    assert [r["frame"] for r in rows] == ["0", "0", "1", "2", "3", "4"]
    assert (
        rows[0]["time_s"] == "0.005000000"
        and rows[0]["sender"] == "10000000"
        and rows[0]["receiver"] == "10000001"
    )
    assert (rows[0]["power_dbm"], rows[0]["sinr_db"], rows[0]["outcome"]) == ("-95.00", "-3.40", "collision")
    assert rows[3]["sender"] == "0" and (rows[3]["radio_outcome"], rows[3]["outcome"]) == (
        "delivered",
        "dec_error",
    )
    assert rows[5]["receiver"] == rows[5]["distance_m"] == rows[5]["outcome"] == ""


def test_equal_runs_give_equal_bytes(tmp_path: Path) -> None:
    """Property: whatever the name of the file; packed and plain hold the same text."""
    a, b, plain = log(tmp_path / "a.csv.gz"), log(tmp_path / "other.csv.gz"), log(tmp_path / "c.csv")
    assert a.read_bytes() == b.read_bytes()
    assert gzip.decompress(a.read_bytes()) == plain.read_bytes()


def test_parquet_holds_the_same_rows(tmp_path: Path) -> None:
    """Independent: pyarrow's reader; skipped without it."""
    pq = pytest.importorskip("pyarrow.parquet")
    path = log(tmp_path / "log.parquet")
    assert pq.read_table(path)["distance_m"].to_pylist()[:2] == [180.0, 320.0]
    assert list(read_trace(path)) == list(read_trace(log(tmp_path / "log.csv")))


def test_bad_names_are_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: a wrong suffix, Parquet without its library, a folder that is not there."""
    with pytest.raises(ValueError, match=r"must end in .csv.gz, .csv, .parquet"):
        TraceWriter(tmp_path / "log.txt")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ValueError, match=r"pip install 'corridor-testbed\[data\]'"):
        TraceWriter(tmp_path / "log.parquet")
    with pytest.raises(ValueError, match="cannot be written"):
        TraceWriter(tmp_path / "no" / "log.csv")
    assert not list(tmp_path.iterdir())


def test_a_collision_is_told_with_its_interferer(tmp_path: Path) -> None:
    """By hand: -95 dBm, SINR -3.4 dB, so noise and interference -91.6 dBm; vehicle 2 is 3 dB stronger in 1 of
    2."""
    text = explain(log(tmp_path / "log.csv.gz"), 0, 10_000_001)
    assert "a BSM of 190 bytes from vehicle 0 (station 10000000) was lost to interference" in text
    assert "vehicle 1 (station 10000001), 180.0 m away" in text
    assert "arrived with -95.0 dBm, 3.4 dB below noise and interference together (-91.6 dBm)" in text
    assert "frame 1 (BSM) from vehicle 2 (station 10000002), 140 m from the receiver" in text
    assert "-92.0 dBm (3.0 dB stronger)" in text
    assert "shares 1 of 2 subchannels" in text
    assert "subchannels 2 to 3" in text


def test_half_duplex_names_the_receivers_own_frame(tmp_path: Path) -> None:
    """By hand: vehicle 2 sent frame 1 at that time."""
    text = explain(log(tmp_path / "log.csv"), 0, 10_000_002)
    assert "the receiver itself sent frame 1 (BSM)" in text and "half duplex" in text


HEAD = (
    "time_s,frame,message,sender,generated_ns,ready_ns,start_ns,end_ns,size_bytes,{more},receiver,distance_m,power_dbm,"
    "sinr_db,radio_outcome,outcome\n"
)


def test_the_mobile_network_is_told_by_its_cell(tmp_path: Path) -> None:
    """By hand: frames in a cell are scheduled, so neither noise nor the receiver's own frame is blamed."""
    path = tmp_path / "log.csv"
    path.write_text(
        HEAD.format(more="uu_cell,uu_copies")
        + "0.1,1,BSM,10000001,0,0,100,300,190,4,2,10000002,50.0,,,propagation,propagation\n"
        + "0.1,2,BSM,10000002,0,0,100,300,190,4,2,10000001,50.0,,,delivered,delivered\n"
    )
    text = explain(path, 1, 10_000_002)
    assert "lost in a block on the mobile network's radio at vehicle 2" in text and "through cell 4" in text
    assert "noise" not in text and "itself" not in text


def test_frames_of_the_other_radio_are_marked(tmp_path: Path) -> None:
    """By hand: frame 1 went over radio 1; frame 2 over radio 2 cannot disturb it, frame 3 over both can. The receiver
    sends frame 4 on its other radio, which is not blamed for a loss to interference."""
    path = tmp_path / "log.csv"
    rows = [
        (1, 1, 2, "collision"), (2, 3, 2, "delivered"), (3, 4, 2, "delivered"), (4, 2, 3, "delivered"),
    ]
    path.write_text(HEAD.format(more="radio") + "".join(
        f"0.1,{frame},BSM,{10_000_000 + sender},0,0,100,300,190,{radio},{10_000_000 + receiver},50.0,-90.0,1.0,"
        f"{outcome},{outcome}\n"
        for (frame, sender, receiver, outcome), radio in zip(rows, (1, 2, 3, 2), strict=True)
    ))
    lines = explain(path, 1, 10_000_002).splitlines()
    marked = [line for line in lines if line.endswith("on the other radio")]
    assert [line.split()[1] for line in marked] == ["2", "4"] and not any("itself" in line for line in lines)
    assert any("frame 3" in line for line in lines)


def test_losses_above_the_radio_and_before_it(tmp_path: Path) -> None:
    """By hand: frame 2 was received and not decoded; frame 3 waited 95 ms and was given up."""
    path = log(tmp_path / "log.csv")
    above = explain(path, 2, 10_000_001)
    assert "could not be decoded" in above and "The radio received it" in above and "from unit 0" in above
    assert "given up 95.0 ms later" in explain(path, 3, 10_000_001)


def test_all_receivers_in_short(tmp_path: Path) -> None:
    """By hand: one line per kind of end, with the nearest receiver; a frame nobody could hear says so."""
    path = log(tmp_path / "log.csv")
    lines = explain(path, 0).splitlines()
    assert len(lines) == 3 and "1 of 2 receivers" in lines[1] and "at 180 m" in lines[1]
    assert "No station was in reach" in explain(path, 4)


def test_the_result_folder_knows_its_log(tmp_path: Path) -> None:
    """By hand: found through summary.json; said plainly when there is none."""
    out = tmp_path / "run"
    with ResultFolder(out, "a" * 16) as folder:
        log(folder.place(out / "log.csv.gz"))
        folder.write_metrics([])
        folder.finish({"trace": "log.csv.gz"})
    assert explain(out, 0, 10_000_001) == explain(out / "log.csv.gz", 0, 10_000_001)
    with ResultFolder(tmp_path / "bare", "a" * 16) as folder:
        folder.write_metrics([])
        folder.finish({"trace": None})
    with pytest.raises(ValueError, match="wrote no packet log"):
        explain(tmp_path / "bare", 0)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    """By hand: frame, receiver, file, and a file of another kind."""
    path = log(tmp_path / "log.csv")
    with pytest.raises(ValueError, match="has no frame 77; there are frames 0 to 4"):
        explain(path, 77)
    with pytest.raises(ValueError, match="no row at receiver 5"):
        explain(path, 0, 5)
    with pytest.raises(ValueError, match="no such folder or packet log"):
        explain(tmp_path / "none.csv", 0)
    with pytest.raises(ValueError, match="typo: no such folder or packet log"):
        explain(tmp_path / "typo", 0)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ValueError, match="is no packet log; the name must end in"):
        explain(tmp_path / "notes.txt", 0)


def test_without_a_frame_the_first_loss_on_the_radio_is_told(tmp_path: Path) -> None:
    """By hand: frame 0 at vehicle 1, or at the receiver asked for; a unit that heard nothing lost nothing."""
    path = log(tmp_path / "log.csv")
    assert explain(path) == explain(path, 0, 10_000_001)
    assert explain(path, receiver=10_000_002) == explain(path, 0, 10_000_002)
    with pytest.raises(ValueError, match="no packet was lost on the radio at receiver 0; name a frame"):
        explain(path, receiver=0)


def test_an_explanation_as_data(tmp_path: Path) -> None:
    """By hand: numbers as numbers, empty cells as null, one row at a receiver, all rows without one."""
    path = log(tmp_path / "log.csv")
    document = explanation(path, 3, 10_000_001).plain()
    assert (document["frame"], document["receiver"], document["text"]) == (3, 10_000_001, explain(path, 3, 10_000_001))
    (row,) = document["rows"]
    assert (row["distance_m"], row["power_dbm"], row["outcome"]) == (185.0, None, "never_sent")
    assert len(explanation(path, 0).rows) == 2
    (tmp_path / "metrics.csv").write_text("metric,value\nprr,1\n")
    with pytest.raises(ValueError, match="no packet log"):
        explain(tmp_path / "metrics.csv", 0)


def test_every_end_has_words() -> None:
    """Property: no outcome of the pipeline is without its sentence, and none is told that cannot happen."""
    from sim.explain import _MEANING

    assert set(_MEANING) == {o.name.lower() for o in Outcome}


def test_stations_have_names() -> None:
    """By hand, from the ranges of lasting ids."""
    assert [station_name(t) for t in ("3", "1000012", "10000045")] == [
        "unit 3 (station 3)",
        "probe 12 (station 1000012)",
        "vehicle 45 (station 10000045)",
    ]
