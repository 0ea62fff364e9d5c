"""Ctrl-C and SIGTERM end a command, also where the exception got lost on its way.

NumPy asks operands for attributes and forgets every exception that comes up meanwhile, a KeyboardInterrupt among them;
some other C code turns it into a SystemError. So the signal is remembered, and long work asks for it now and then.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_came = False


def came() -> bool:
    """Whether this command was told to end."""
    return _came


def check() -> None:
    """KeyboardInterrupt if this command was told to end and goes on all the same."""
    if _came:
        raise KeyboardInterrupt


@contextmanager
def remembered() -> Iterator[None]:
    """SIGTERM acts like Ctrl-C inside, and both are remembered; processes forked inside keep their usual end."""
    global _came
    _came = False
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    process = os.getpid()

    def interrupt(number: int, _frame: Any) -> None:
        global _came
        if os.getpid() != process:
            os._exit(128 + number)
        _came = True
        raise KeyboardInterrupt

    chosen = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        chosen.append(signal.SIGINT)
    before = {number: signal.signal(number, interrupt) for number in chosen}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
