"""The fuzz command in its short form, and that it would see what it looks for."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rsu.codec import Decoded
from rsu.fuzz import Run, targets
from rsu.fuzz.__main__ import main
from rsu.fuzz.corpus import GENERATORS, Corpus
from rsu.fuzz.report import as_json, as_text
from rsu.fuzz.run import LIMIT_MS, least_ms, peak_bytes
from rsu.messages import MESSAGE_SETS


def run_of(name: str, inputs: int, seed: int = 1) -> Run:
    run = Run([name], seed)
    list(run.prepare())
    for _ in range(inputs):
        run.step()
    run.finish()
    return run


@pytest.mark.parametrize("name", MESSAGE_SETS)
def test_short_form_finds_nothing(name: str) -> None:
    """Property: 160 inputs of every set through decoders, descriptions, readers, batches, stacks and captures.

    Time is left out here: others use the machine as well.
    """
    report = run_of(name, 160).report
    found = [one for one in report.faults.values() if f"{LIMIT_MS:g} ms" not in one.problem]
    assert not found, as_text(report)
    outcomes = {outcome for target, _, outcome in report.counts if target == name}
    assert outcomes >= {"ok", "error"}
    assert {generator for target, generator, _ in report.counts if target == name} == set(GENERATORS)
    assert sum(count for (target, *_), count in report.counts.items() if target == name) == 160
    assert report.counts[f"vehicles of {name}", "all", "ok"] == 160
    assert {target.split(" of ")[0] for target, *_ in report.counts} >= {"stack", "capture", "frame"}


def test_inputs_follow_from_the_seed() -> None:
    """Property: counts and corpus are those of the seed; another seed has others."""
    one, same, other = run_of("csae53-2020", 60, 5), run_of("csae53-2020", 60, 5), run_of("csae53-2020", 60, 6)
    assert one.report.counts == same.report.counts != other.report.counts
    seeds = [Corpus.of(MESSAGE_SETS["csae53-2020"], seed).octets for seed in (5, 5, 6)]
    assert seeds[0] == seeds[1] != seeds[2]


class Broken:
    """A message set that breaks one promise."""

    def __init__(self, **changed: Any) -> None:
        self._set = MESSAGE_SETS["csae53-2020"]
        self._changed = changed

    def __getattr__(self, name: str) -> Any:
        return self._changed[name] if name in self._changed else getattr(self._set, name)


NOTHING = MESSAGE_SETS["csae53-2020"].decode_vehicles([])
BSM = Corpus.of(MESSAGE_SETS["csae53-2020"], 1).octets[0]


def raising(*_: Any) -> Any:
    raise KeyError("inside")


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"decode": raising}, "KeyError"),
        ({"decode": lambda data, policy: Decoded("ok", "BSM", None)}, "a value exactly where"),
        ({"decode": lambda data, policy: Decoded("error", error="two\nlines")}, "one short line"),
        ({"encode": lambda message, value: b"other"}, "re-encodes to itself"),
        ({"describe": lambda decoded: {"message": "BSM", "value": float}}, "TypeError"),
        ({"undescribe": raising}, "KeyError"),
        ({"decode_vehicles": raising}, "KeyError"),
        ({"decode_vehicles": lambda *_: NOTHING}, "one row"),
    ],
)
def test_broken_promises_are_faults(monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], problem: str) -> None:
    """By hand: each promise broken once is told, with the input."""
    run = Run(["csae53-2020"])
    list(run.prepare())
    monkeypatch.setitem(MESSAGE_SETS, "csae53-2020", Broken(**changed))  # type: ignore[arg-type]
    for _ in range(12):
        run.step()
    run.finish()
    told = [one.problem for one in run.report.faults.values()]
    assert any(problem in one for one in told), told
    assert problem in as_text(run.report) and as_json(run.report)["faults"]


def test_another_column_is_a_fault() -> None:
    """By hand: one latitude of a batch differs, and one path."""
    message_set = MESSAGE_SETS["csae53-2020"]
    right = message_set.decode_vehicles([BSM, BSM])
    decoded = {"lenient": [message_set.decode(BSM)] * 2}
    moved = replace(right, latitude_deg=right.latitude_deg + np.array([0, 1e-7]))
    targets.check_vehicles(message_set, [BSM, BSM], decoded)
    with pytest.raises(targets.Fault, match="another latitude_deg"):
        targets.check_vehicles(Broken(decode_vehicles=lambda *_: moved), [BSM, BSM], decoded)  # type: ignore[arg-type]


def test_slow_and_large_work_is_measured() -> None:
    """By hand: a loop takes time, a list takes memory."""
    assert least_ms(lambda: sum(range(200_000))) > 0.5 > least_ms(lambda: None)
    assert peak_bytes(lambda: bytes(1_000_000)) >= 1_000_000 > peak_bytes(lambda: None)


def test_summary_of_the_command() -> None:
    """By hand: JSON and text say the same; exit code 0."""
    out = io.StringIO()
    assert main(["--inputs", "40", "--message-set", "etsi-its", "--seed", "3", "--json"], out) in (0, 1)
    told = json.loads(out.getvalue())
    assert (told["inputs"], told["seed"], told["message_sets"]) == (40, 3, ["etsi-its"])
    assert sum(row["inputs"] for row in told["tried"] if row["target"] == "etsi-its") == 40
    assert bytes.fromhex(told["worst_time_ms"]["etsi-its"]["input"])
    out = io.StringIO()
    main(["--inputs", "40", "--message-set", "etsi-its", "--seed", "3"], out)
    assert "40 inputs" in out.getvalue() and "slowest input" in out.getvalue() and "faults: " in out.getvalue()


def test_an_interrupted_run_tells_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """By hand: Ctrl-C after five inputs gives a summary and exit code 130."""
    step = Run.step

    def interrupted(self: Run) -> None:
        if self.report.inputs == 5:
            raise KeyboardInterrupt
        step(self)

    monkeypatch.setattr(Run, "step", interrupted)
    out = io.StringIO()
    assert main(["--message-set", "csae53-2020", "--minutes", "1"], out) == 130
    assert "5 inputs" in out.getvalue() and "interrupted" in out.getvalue()


@pytest.mark.parametrize("arguments", [["--minutes", "0"], ["--message-set", "bsm"], ["--seed", "x"]])
def test_wrong_arguments(arguments: list[str]) -> None:
    """By hand: exit code 2."""
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2


def test_module_runs_as_a_command() -> None:
    """By hand: ``python -m rsu.fuzz``."""
    done = subprocess.run(
        [sys.executable, "-m", "rsu.fuzz", "--inputs", "3", "--message-set", "csae53-2020"],
        capture_output=True, text=True, timeout=60, check=False,
    )
    assert done.returncode == 0 and "3 inputs" in done.stdout and not done.stderr


@pytest.mark.parametrize("generator", GENERATORS)
def test_generators_give_octets_of_chance(generator: str) -> None:
    """Property: octets from a source of chance, the same from the same."""
    corpus = Corpus.of(MESSAGE_SETS["csae53-2020"], 1)
    made = [GENERATORS[generator](corpus, random.Random(seed)) for seed in (1, 1, 2, 3, 4)]
    assert all(isinstance(one, bytes) for one in made) and made[0] == made[1] and len(set(made)) > 1
