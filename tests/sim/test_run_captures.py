"""Captures of runs (``corridor run --pcap``): tshark reads of them what the run's own messages say."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

import sim
from rsu.capture import read_capture
from sim.cli import main
from sim.cli.readings import read_packet
from sim.results import Result

LUA = Path(__file__).resolve().parents[2] / "rsu" / "capture" / "wireshark" / "cn_v2x.lua"
EVENTS = "events=[{id: 1, code: 501, from_m: 1250, to_m: 1400}, {id: 2, kind: sign, code: 85, from_m: 400, to_m: 700}]"
QUICK = ["duration_s=2", "radio_warmup_s=0", "traffic_warmup_s=5", EVENTS]
AT = ("A-00554", "vehicle-0", "vehicle-99999")
tshark_needed = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def captured(folder: Path, name: str, scenario: str = "03-one-border") -> tuple[Path, Result]:
    """A short run that speaks a set, and its capture."""
    at = AT if scenario == "03-one-border" else ()
    more = QUICK if scenario == "03-one-border" else QUICK[:3]
    loaded = sim.load(scenario, [*more, f"standards.message_set={name}"])
    file = folder / f"{scenario}-{name}.pcapng"
    return file, sim.run(loaded, out=folder / f"{scenario}-{name}", plots=False, pcap=file, pcap_at=at)


@pytest.fixture(scope="module")
def etsi(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    return captured(tmp_path_factory.mktemp("etsi"), "etsi-its")


def fields(file: Path, *names: str, more: tuple[str, ...] = ()) -> list[list[str]]:
    """One row per packet: the fields tshark finds."""
    wanted = [part for name in names for part in ("-e", name)]
    out = subprocess.run(
        ["tshark", *more, "-r", str(file), "-T", "fields", *wanted], capture_output=True, check=True, text=True,
        timeout=120,
    ).stdout
    return [line.split("\t") for line in out.splitlines()]


def message_of(comment: str) -> str:
    return comment.split("message=")[1].split()[0]


def found(value: object, name: str) -> list[object]:
    """Every value under this key, in the order of the message."""
    if isinstance(value, dict):
        return [hit for key, one in value.items() for hit in ([one] if key == name else found(one, name))]
    return [hit for one in value for hit in found(one, name)] if isinstance(value, list) else []


COMPARED = {
    "CAM": {"its.stationID": "stationID", "its.latitude": "latitude", "its.longitude": "longitude",
            "its.headingValue": "headingValue", "its.speedValue": "speedValue"},
    "DENM": {"its.stationID": "stationID", "its.latitude": "latitude", "its.causeCode": "causeCode",
             "its.deltaLatitude": "deltaLatitude"},
    "SPATEM": {"its.stationID": "stationID", "dsrc.signalGroup": "signalGroup", "dsrc.likelyTime": "likelyTime"},
    "MAPEM": {"its.stationID": "stationID", "dsrc.lat": "lat", "dsrc.signalGroup": "signalGroup"},
    "IVIM": {"its.stationID": "stationID", "its.latitude": "latitude", "ivi.pictogramCode": "pictogramCode"},
}
"""Message -> (field of tshark -> key of the message's own document)."""


@tshark_needed
def test_a_run_with_etsi_messages_has_nothing_malformed(etsi: tuple[Path, Result]) -> None:
    """Independent: tshark names every packet after its message and marks none as malformed; its release has no CPM."""
    rows = fields(etsi[0], "_ws.malformed", "_ws.col.Protocol", "frame.comment")
    seen = Counter((message_of(comment), protocol) for _, protocol, comment in rows)
    assert {bad for bad, _, _ in rows} == {""}
    names = ("CAM", "DENM", "SPATEM", "MAPEM", "IVIM")
    assert set(seen) == {(name, name) for name in names} | {("ETSI-CPM", "ITS")}


@tshark_needed
@pytest.mark.parametrize("name", COMPARED)
def test_tshark_reads_what_the_message_says(etsi: tuple[Path, Result], name: str) -> None:
    """Independent: fields dissected from the packet against the run's own message, packet by packet."""
    rows = fields(etsi[0], *COMPARED[name], "frame.comment")
    compared = 0
    for row, packet in zip(rows, read_capture(etsi[0]), strict=True):
        if message_of(row[-1]) != name:
            continue
        value = read_packet(packet, None, "strict")["value"]
        for text, key in zip(row, COMPARED[name].values(), strict=False):
            own = [str(one) for one in found(value, key)]
            assert own and text.split(",") == own, (key, own)
        compared += 1
    assert compared >= 2


@tshark_needed
def test_stations_times_and_radio_facts(etsi: tuple[Path, Result]) -> None:
    """Independent: names of interfaces, order and nanoseconds of stamps, RSSI and SINR where a packet was heard."""
    file, result = etsi
    rows = fields(file, "frame.interface_name", "frame.time_epoch", "frame.comment")
    assert {name for name, _, _ in rows} == set(AT[:2])
    assert len(rows) == result.summary["pcap"]["packets"]
    times = [time for _, time, _ in rows]
    assert all(len(time.split(".")[1]) == 9 for time in times) and times == sorted(times)
    for name, _, comment in rows:
        heard = comment.startswith("received ")
        assert heard == (" rssi=-" in comment and " dBm sinr=" in comment and " distance=" in comment)
        assert heard != comment.endswith(f"sender={name}")
    assert result.summary["warnings"][-1].startswith("--pcap-at vehicle-99999: neither sent nor heard a packet")


@tshark_needed
def test_sae_packets_are_wsmp_with_1609(tmp_path: Path) -> None:
    """Independent: a run with J2735 in tshark: WSMP, security where it is on, PSID of the table, nothing malformed."""
    file, _ = captured(tmp_path, "sae-j2735")
    rows = fields(file, "_ws.malformed", "frame.protocols", "frame.comment")
    assert rows and all(not bad and chain.startswith("eth:ethertype:wsmp") for bad, chain, _ in rows)
    assert {"BSM", "MAP", "SPAT", "TIM"} <= {message_of(comment) for _, _, comment in rows}


@tshark_needed
@pytest.mark.parametrize(("name", "scenario", "layout"), [
    ("csae53-2020", "03-one-border", "csae53-2020"), ("csae157-2020", "04-day-two", "ydt3709-2020"),
])
def test_chinese_packets_with_the_dissector(tmp_path: Path, name: str, scenario: str, layout: str) -> None:
    """Independent: the shipped script names every message of a run; identity, position, speed are the message's."""
    file, _ = captured(tmp_path, name, scenario)
    more = ("-X", f"lua_script:{LUA}", "-o", f"cnv2x.map_layout:{layout}")
    wanted = ("_ws.malformed", "cnv2x.message", "cnv2x.undecoded", "cnv2x.truncated", "cnv2x.range", "cnv2x.id",
              "cnv2x.lat", "cnv2x.speed", "frame.comment")
    rows = fields(file, *wanted, more=more)
    vehicles = 0
    for (bad, message, undecoded, truncated, out, own, lat, speed, comment), packet in zip(
        rows, read_capture(file), strict=True
    ):
        assert not (bad or undecoded or truncated or out)
        assert message == message_of(comment)
        if message == "BSM":
            value = read_packet(packet, name, "strict")["value"]
            assert own == value["id"]
            assert float(lat) == pytest.approx(value["pos"]["lat"] / 1e7, abs=1e-9)
            assert float(speed) == pytest.approx(value["speed"] * 0.02, abs=1e-9)
            vehicles += 1
    assert vehicles > 20


def test_equal_runs_give_equal_captures(etsi: tuple[Path, Result], tmp_path: Path) -> None:
    """Property: the same scenario and seed, the same bytes."""
    assert captured(tmp_path, "etsi-its")[0].read_bytes() == etsi[0].read_bytes()


@pytest.mark.parametrize(("arguments", "said"), [
    (["--pcap", "heard.pcap"], "--pcap heard.pcap: the name must end in .pcapng"),
    (["--pcap", "folder.pcapng"], "--pcap folder.pcapng: is a folder"),
    (["--pcap", "nowhere/heard.pcapng"], "cannot be written"),
    (["--pcap", "heard.pcapng", "--pcap-at", "A-2"], "--pcap-at A-2: no such roadside unit, nor vehicle-N"),
    (["--pcap-at", "A-1"], "--pcap-at: needs --pcap FILE"),
    (["--pcap", "heard.pcapng", "--set", "bsm.synthetic=true", "--set", "bsm.fixed_size_bytes=300"],
     "bsm.synthetic sends no octets"),
])
def test_bad_wishes_end_with_two_and_leave_nothing(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By hand: one line, exit code 2, no file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.pcapng").mkdir()
    assert main(["run", "01-one-vehicle-one-rsu", "-q", "--out", "out", *arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and said in lines[0]
    assert [path.name for path in tmp_path.iterdir()] == ["folder.pcapng"]


def test_a_capture_that_fails_leaves_neither_file_nor_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: the disk is full at the hundredth packet."""
    from rsu.capture import CaptureWriter

    plain, count = CaptureWriter.packet, [0]

    def packet(self, *values, **named):  # type: ignore[no-untyped-def]
        count[0] += 1
        if count[0] == 100:
            raise OSError(28, "No space left on device")
        plain(self, *values, **named)

    monkeypatch.setattr(CaptureWriter, "packet", packet)
    with pytest.raises(OSError, match="No space left"):
        captured(tmp_path, "etsi-its")
    assert list(tmp_path.iterdir()) == []
