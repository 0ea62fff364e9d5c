"""Hostile octets by the million: ``python -m rsu.fuzz [--minutes N] [--seed S] [--message-set NAME ...] [--json]``.

**Inputs.** For every message set a corpus of valid messages (typical ones, and random values of every message drawn
from the parsed modules), then :data:`rsu.fuzz.corpus.GENERATORS`: untouched, fresh random values, random octets, cut,
flipped bits, extended, spliced, inflated lengths, repeated blocks, structures as dense as the types allow, and input at
and beyond the longest a decoder reads. Input n of a seed is always the same, whatever the speed of the machine.

**Asked of each.** ``decode`` under both policies: one of three statuses, no exception, at most 10 ms of processor time
and 10 MB; what strict takes re-encodes to itself and lenient takes it too; the description is JSON and comes back; the
readers of the set's family read it. In batches, ``decode_vehicles`` against the general decoder, column by column. The
same mutations of packets go to every stack of the set's network, of capture files to the capture reader, of frames to
the frame opener.

**Told.** Inputs by target, generator and outcome; the slowest and the largest input of each target in hexadecimal;
every kind of fault once, with the input that showed it. Exit code 0, 1 after a fault, 2 for wrong arguments, 130 if
interrupted (the summary so far is told).

Time is ``time.thread_time``, the best of five tries for an input that looks slow; memory is sampled with tracemalloc.
Inputs reach neither files nor sockets.
"""

from __future__ import annotations

from rsu.fuzz.run import FoundFault, Report, Run, Worst

__all__ = ["FoundFault", "Report", "Run", "Worst"]
