"""Loading: path or name, overrides, layouts and candidates put in, resolved form, run id."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.scenario import ScenarioError, load
from sim.scenario.schema.layout import Layout

PLAIN = """\
schema: corridor/1
name: plain
corridor:
  datum: WGS84
  length_m: 1000
  jurisdictions:
    - {id: A, region_id: 1, spans: [{}]}
"""


@pytest.fixture
def plain(tmp_path) -> Path:
    file = tmp_path / "plain.yaml"
    file.write_text(PLAIN)
    return file


def test_defaults_are_written_out(plain: Path) -> None:
    """By hand: keys the file leaves out appear with the schema's defaults."""
    resolved = load(plain).resolved()
    assert resolved["duration_s"] == 30.0
    assert resolved["layout"]["mast_height_m"] == 5.5
    assert resolved["radio"]["pools"][1] == {
        "name": "rsu",
        "channel": None,
        "senders": ["rsu"],
        "start_prb": 50,
        "subchannels": 5,
        "subchannel_prb": 10,
    }
    assert resolved["standards"]["candidate"]["profiles"]["*"]["name"] == "cn-lte-v2x-day1"


def test_a_path_comes_before_a_shipped_name(plain: Path, monkeypatch) -> None:
    """By hand: a file called demo-zone here is taken; a folder of that name is not."""
    monkeypatch.chdir(plain.parent)
    assert load("demo-zone").name == "demo-zone"
    Path("demo-zone").mkdir()
    assert load("demo-zone").name == "demo-zone"
    Path("demo-zone").rmdir()
    Path("demo-zone").write_text(PLAIN)
    assert load("demo-zone").name == "plain"


def test_overrides_reach_values_lists_and_missing_sections(plain: Path) -> None:
    """By hand: a top-level key, a key of a section the file lacks, a list item, a value read as YAML."""
    config = load(
        plain,
        [
            "duration_s=2.5",
            "traffic.flow_veh_h=321",
            "corridor.jurisdictions.0.name=no",
            "radio.mode4.mcs=[5, 7]",
            "measure.tau_s.RSI=9",
        ],
    ).config
    assert config.duration_s == 2.5
    assert config.traffic.flow_veh_h == 321
    assert config.corridor.jurisdictions[0].name == "no"
    assert config.radio.mode4.mcs == [5, 7]


def test_seed_replaces_the_files_and_is_the_last_word(plain: Path) -> None:
    """By hand: seed of the file 1, of an override 2, of the argument 3."""
    assert load(plain).config.seed == 1
    assert load(plain, ["seed=2"]).config.seed == 2
    assert load(plain, ["seed=2"], seed=3).config.seed == 3
    assert load(plain).with_seed(3).run_id() == load(plain, seed=3).run_id()


def test_a_layout_is_found_beside_the_scenario_or_shipped(plain: Path) -> None:
    """By hand: a file by its path, one in layouts/, a shipped name; afterwards always the content."""
    folder = plain.parent
    (folder / "mine.yaml").write_text("schema: layout/1\nname: mine\nrules: [{spacing_m: 500}]\n")
    (folder / "layouts").mkdir()
    (folder / "layouts" / "near.yaml").write_text("schema: layout/1\nname: near\n")
    for wanted, name in (("mine.yaml", "mine"), ("near", "near"), ("demo-zone", "demo-zone")):
        layout = load(plain, [f"layout={wanted}"]).config.layout
        assert isinstance(layout, Layout)
        assert layout.name == name
    assert (
        load(plain, ["layout=mine.yaml", "layout.rules.0.spacing_m=250"]).config.layout.rules[0].spacing_m
        == 250
    )


def test_a_layout_of_the_command_line_may_lie_where_we_are(
    plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: beside the scenario first, then here; a file that the scenario itself names is never sought here."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    for folder, name in ((here, "here"), (plain.parent, "beside")):
        assert folder.is_dir()
        (folder / f"{name}.yaml").write_text(f"schema: layout/1\nname: {name}\n")
        (folder / "both.yaml").write_text(f"schema: layout/1\nname: both, {name}\n")
    names = [load(plain, [f"layout={one}.yaml"]).config.layout.name for one in ("here", "./here", "beside", "both")]
    assert names == ["here", "here", "beside", "both, beside"]
    own = plain.parent / "own.yaml"
    own.write_text(plain.read_text() + "layout: here.yaml\n")
    with pytest.raises(ScenarioError, match="no such layout"):
        load(own)


def test_a_candidate_is_found_beside_the_scenario(plain: Path) -> None:
    """By hand: a candidate file with its own profile, which inherits from a shipped one."""
    (plain.parent / "mine.yaml").write_text(
        "schema: candidate/1\nname: mine\nprofiles:\n  '*':\n    schema: profile/1\n    name: p\n    kind: national\n"
        "    inherits: cn-lte-v2x-day1\n"
        "    keys: {region_id: {value: 5, basis: assumption, source: test}}\n"
    )
    loaded = load(plain, ["standards.candidate=mine.yaml"])
    assert loaded.candidate.profile("A").value("region_id") == 5
    assert loaded.candidate.profile("A").value("rates.map_period_ms") == 1000
    assert loaded.config.standards.candidate == "mine"
    again = plain.parent / "resolved.yaml"
    again.write_text(loaded.resolved_yaml())
    assert load(again).run_id() == loaded.run_id()


def test_a_resolved_scenario_loads_again_with_the_same_id(tmp_path) -> None:
    """Property: loading the resolved form changes nothing, wherever it lies."""
    loaded = load("demo-zone", ["duration_s=7"], seed=5)
    stored = tmp_path / "deep" / "scenario.yaml"
    stored.parent.mkdir()
    stored.write_text(loaded.resolved_yaml(), encoding="utf-8")
    again = load(stored)
    assert again.resolved() == loaded.resolved()
    assert again.run_id() == loaded.run_id()
    assert again.candidate == loaded.candidate


def test_run_id_depends_on_content_only(plain: Path, tmp_path) -> None:
    """By hand: not on folder, comments or order of keys; but on any value, the seed and the version."""
    other = tmp_path / "elsewhere" / "renamed.yaml"
    other.parent.mkdir()
    lines = PLAIN.splitlines()
    other.write_text("\n".join(["# a comment", lines[1], lines[0], *lines[2:], "seed: 1"]) + "\n")
    first = load(plain)
    assert load(other).run_id() == first.run_id()
    assert len(first.run_id()) == 16 and int(first.run_id(), 16) >= 0
    ids = {
        first.run_id(),
        load(plain, seed=2).run_id(),
        load(plain, ["duration_s=29"]).run_id(),
        first.run_id("99.0"),
    }
    assert len(ids) == 4


def test_a_replayed_file_counts_by_its_content(plain: Path, tmp_path) -> None:
    """By hand: same bytes elsewhere give the same id, other bytes another; a stored hash is checked."""
    (tmp_path / "moves.csv").write_text("chainage\n101\n")
    options = ["traffic.model=static", "traffic.file=moves.csv"]
    first = load(plain, options)
    assert first.data_file == tmp_path / "moves.csv"
    stored = tmp_path / "result"
    stored.mkdir()
    (stored / "scenario.yaml").write_text(first.resolved_yaml())
    (stored / "moves.csv").write_bytes((tmp_path / "moves.csv").read_bytes())
    assert load(stored / "scenario.yaml").run_id() == first.run_id()
    digest = hashlib.sha256(b"chainage\n101\n").hexdigest()
    assert first.resolved()["traffic"]["file_sha256"] == digest
    (stored / "moves.csv").write_text("chainage\n102\n")
    with pytest.raises(ScenarioError, match="file_sha256 differs"):
        load(stored / "scenario.yaml")
    (tmp_path / "moves.csv").write_text("chainage\n102\n")
    assert load(plain, options).run_id() != first.run_id()


def test_a_loaded_scenario_cannot_be_changed(plain: Path) -> None:
    """By hand: assignment is refused."""
    loaded = load(plain)
    with pytest.raises(Exception, match="frozen"):
        loaded.config.seed = 3  # type: ignore[misc]
    with pytest.raises(AttributeError):
        loaded.name = "x"  # type: ignore[misc]


@settings(max_examples=25, deadline=None)
@given(
    st.floats(0, 100, allow_nan=False),
    st.floats(0, 1),
    st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=20),
)
def test_values_survive_the_resolved_file(sigma_m: float, ratio: float, title: str) -> None:
    """Property: any float and any text come back bit by bit from the resolved file."""
    import tempfile

    import sim.scenario.loader as loader

    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "plain.yaml"
        file.write_text(PLAIN)
        first = loader.load(file)
        config = first.config.model_copy(
            update={
                "gnss": first.config.gnss.model_copy(update={"sigma_m": sigma_m}),
                "title": title,
                "traffic": first.config.traffic.model_copy(update={"equipped_ratio": ratio}),
            }
        )
        changed = loader.LoadedScenario(config, first.candidate, first.path, first.name)
        file.write_text(changed.resolved_yaml(), encoding="utf-8")
        again = loader.load(file)
    assert again.config == config
    assert again.run_id() == changed.run_id()
