"""The fuzz run: inputs one after another, each made from the seed and its number, until time or count is over."""

from __future__ import annotations

import gc
import random
import time
import traceback
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rsu.codec import Decoded
from rsu.fuzz import targets
from rsu.fuzz.corpus import GENERATORS, Corpus
from rsu.messages import MESSAGE_SETS

LIMIT_MS = 10.0
LIMIT_BYTES = 10_000_000
POLICIES = ("lenient", "strict")
STACK_EVERY, CAPTURE_EVERY = 4, 16
BATCHES = (1, 8, 64, 200)
"""Sizes a batch of vehicles may have, drawn after every input."""
MEMORY_EVERY = 97
_PACKET_GENERATORS = [name for name in GENERATORS if name not in ("dense", "fresh")]
_MOST_FAULTS = 50
_TRIES = 5


@dataclass
class Worst:
    """The largest figure met and the input it belongs to."""

    figure: float = 0.0
    where: str = ""
    octets: bytes = b""

    def offer(self, figure: float, where: str, octets: bytes) -> None:
        """Keep the larger one."""
        if figure > self.figure:
            self.figure, self.where, self.octets = figure, where, octets


@dataclass
class FoundFault:
    """What was asked of an input, what went wrong, and the input."""

    target: str
    generator: str
    problem: str
    octets: bytes


@dataclass
class Report:
    """What a run tried and found. ``counts``: (target, generator, outcome) -> inputs."""

    seed: int
    message_sets: tuple[str, ...]
    counts: dict[tuple[str, str, str], int] = field(default_factory=dict)
    time_ms: dict[str, Worst] = field(default_factory=dict)
    memory_bytes: dict[str, Worst] = field(default_factory=dict)
    faults: dict[str, FoundFault] = field(default_factory=dict)
    inputs: int = 0
    elapsed_s: float = 0.0
    interrupted: bool = False

    def count(self, target: str, generator: str, outcome: str, times: int = 1) -> None:
        """Note an input."""
        key = target, generator, outcome
        self.counts[key] = self.counts.get(key, 0) + times

    def fault(self, target: str, generator: str, problem: str, octets: bytes, place: str = "") -> None:
        """Note a fault; the first of its kind is kept with its input."""
        self.count(target, generator, "FAULT")
        kind = f"{target}: {place or problem}"
        if kind not in self.faults and len(self.faults) < _MOST_FAULTS:
            self.faults[kind] = FoundFault(target, generator, problem, octets)


class Run:
    """One run over some message sets; :meth:`step` tries one more input."""

    def __init__(self, message_sets: Sequence[str] = (), seed: int = 1) -> None:
        self.names = tuple(message_sets) or tuple(MESSAGE_SETS)
        for name in self.names:
            if name not in MESSAGE_SETS:
                raise ValueError(f"message set: {name!r} is not one of {', '.join(MESSAGE_SETS)}")
        self.seed = seed
        self.report = Report(seed, self.names)
        self._corpora: dict[str, Corpus] = {}
        self._packets: dict[str, list[tuple[targets.Stack, Corpus]]] = {}
        self._captures: dict[str, Corpus] = {}
        self._batches: dict[str, list[tuple[bytes, Decoded, Decoded]]] = {name: [] for name in self.names}

    def prepare(self) -> Iterator[str]:
        """Make the valid messages, packets and captures of every set; gives each name before its work."""
        for name in self.names:
            yield name
            message_set = MESSAGE_SETS[name]
            corpus = self._corpora[name] = Corpus.of(message_set, self.seed)
            draw = random.Random(f"{self.seed}/{name}/packets")
            self._packets[name] = []
            for stack in targets.stacks_of(message_set):
                packets = [targets.packet_of(stack, message_set, octets, draw) for octets in corpus.octets]
                self._packets[name].append((stack, Corpus(message_set, packets)))
            plain = self._packets[name][0][1].octets
            files = [targets.capture_of(message_set, draw.choices(plain, k=number)) for number in (0, 1, 2, 5)]
            self._captures[name] = Corpus(message_set, files)
            for octets in corpus.octets:
                message_set.decode(octets, "strict")

    def step(self) -> None:
        """Make and try input ``report.inputs``."""
        number = self.report.inputs
        self.report.inputs += 1
        name = self.names[number % len(self.names)]
        turn = number // len(self.names)
        draw = random.Random(f"{self.seed}/{number}")
        self._message(name, draw, number)
        if turn % STACK_EVERY == 0:
            stack, corpus = draw.choice(self._packets[name])
            self._other(f"stack of {name}", corpus, draw, lambda octets: targets.check_stack(stack, octets))
        if turn % CAPTURE_EVERY == 0:
            self._other(f"capture of {name}", self._captures[name], draw, targets.check_capture)
            link_type = draw.choice((1, 105, 127, 147, 252, draw.randrange(300)))
            self._other("frame", self._packets[name][0][1], draw, lambda octets: targets.check_frame(link_type, octets))

    def finish(self) -> None:
        """Try the batches that are not full yet."""
        for name in self.names:
            self._batch(name)

    def _message(self, name: str, draw: random.Random, number: int) -> None:
        message_set, report = MESSAGE_SETS[name], self.report
        generator = draw.choice(list(GENERATORS))
        data = GENERATORS[generator](self._corpora[name], draw)
        try:
            decoded = {policy: self._timed(name, generator, data, policy) for policy in POLICIES}
            targets.check_decoding(message_set, data, decoded["lenient"], decoded["strict"])
        except Exception as error:
            report.fault(name, generator, _problem(error), data, _place(error))
            return
        report.count(name, generator, decoded["lenient"].status)
        if number % MEMORY_EVERY == 0 or report.time_ms[name].octets == data:
            self._memory(name, generator, data)
        batch = self._batches[name]
        batch.append((data, decoded["lenient"], decoded["strict"]))
        if len(batch) >= draw.choice(BATCHES):
            self._batch(name)

    def _timed(self, name: str, generator: str, data: bytes, policy: Any) -> Decoded:
        decode = MESSAGE_SETS[name].decode
        started = time.thread_time()
        decoded = decode(data, policy)
        spent_ms = (time.thread_time() - started) * 1e3
        worst = self.report.time_ms.setdefault(name, Worst())
        if spent_ms > worst.figure:
            spent_ms = min(spent_ms, least_ms(lambda: decode(data, policy)))
            worst.offer(spent_ms, f"{generator}, {policy}", data)
            if spent_ms > LIMIT_MS:
                self.report.fault(name, generator, f"{policy} decoding takes more than {LIMIT_MS:g} ms", data)
        return decoded

    def _memory(self, name: str, generator: str, data: bytes) -> None:
        peak = peak_bytes(lambda: MESSAGE_SETS[name].decode(data, "strict"))
        self.report.memory_bytes.setdefault(name, Worst()).offer(peak, generator, data)
        if peak > LIMIT_BYTES:
            self.report.fault(name, generator, f"strict decoding takes more than {LIMIT_BYTES} octets of memory", data)

    def _batch(self, name: str) -> None:
        batch, self._batches[name] = self._batches[name], []
        if not batch:
            return
        inputs = [data for data, _, _ in batch]
        decoded = {policy: [one[index] for one in batch] for index, policy in enumerate(POLICIES, 1)}
        target = f"vehicles of {name}"
        collecting = gc.isenabled()
        gc.disable()
        try:
            started = time.thread_time()
            MESSAGE_SETS[name].decode_vehicles(inputs)
            each_ms = (time.thread_time() - started) * 1e3 / len(inputs)
            self.report.time_ms.setdefault(target, Worst()).offer(each_ms, "each of a batch, not repeated", b"")
            targets.check_vehicles(MESSAGE_SETS[name], inputs, decoded)  # type: ignore[arg-type]
            self.report.count(target, "all", "ok", len(inputs))
        except Exception as error:
            lines = ",".join(data.hex() for data in inputs)
            self.report.fault(target, "all", _problem(error), lines.encode(), _place(error))
        finally:
            if collecting:
                gc.enable()

    def _other(self, target: str, corpus: Corpus, draw: random.Random, check: Callable[[bytes], str]) -> None:
        generator = draw.choice(_PACKET_GENERATORS)
        octets = GENERATORS[generator](corpus, draw)
        started = time.thread_time()
        try:
            outcome = check(octets)
        except Exception as error:
            self.report.fault(target, generator, _problem(error), octets, _place(error))
            return
        spent_ms = (time.thread_time() - started) * 1e3
        worst = self.report.time_ms.setdefault(target, Worst())
        if spent_ms > worst.figure:
            spent_ms = min(spent_ms, least_ms(lambda: check(octets)))
            worst.offer(spent_ms, generator, octets)
            if spent_ms > LIMIT_MS:
                self.report.fault(target, generator, f"reading takes more than {LIMIT_MS:g} ms", octets)
        self.report.count(target, generator, outcome)


def least_ms(work: Callable[[], object]) -> float:
    """Processor time of the quickest of a few runs: others use the machine as well."""
    found = []
    for _ in range(_TRIES):
        started = time.thread_time()
        work()
        found.append((time.thread_time() - started) * 1e3)
    return min(found)


def peak_bytes(work: Callable[[], object]) -> int:
    """Most memory Python held at once for some work, result included."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        kept = work()
        peak = tracemalloc.get_traced_memory()[1] - before
        del kept
        return peak
    finally:
        tracemalloc.stop()


def _problem(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:2000]


def _place(error: Exception) -> str:
    """Kind of the error and the line it came from, so that one fault is told once."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    promise = str(error)[:60] if isinstance(error, targets.Fault) else ""
    return f"{type(error).__name__} {promise} {last.filename}:{last.lineno}"
