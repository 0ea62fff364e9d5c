"""Connecting to a Dask scheduler, with one clear line when that fails."""

from __future__ import annotations

import logging
import queue
import re
import threading
import warnings
from typing import Any

_GRACE_S = 1.0
_ADDRESS = re.compile(r"(?:(?P<scheme>tcp|tls|ucx|ws|wss)://)?(?P<host>[^\s/]+):(?P<port>[0-9]{1,5})")

CALL = "getattr(__import__('sim.campaign.executors.cluster_worker', fromlist=['*']), function)(*arguments)"
"""What a worker evaluates. A pickled reference to our functions would end a worker that has not the program, while
this raises ImportError in the task; and the scheduler need not have it at all."""


class ClusterError(ValueError):
    """The cluster cannot be used; one line."""


class Quiet:
    """Keeps Dask's own log lines off the terminal: what matters comes as notices and errors."""

    def __init__(self) -> None:
        names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] in ("distributed", "tornado")]
        self._levels = {name: logging.getLogger(name).level for name in names}
        for name in names:
            logging.getLogger(name).setLevel(logging.CRITICAL)

    def undo(self) -> None:
        """As it was before."""
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)


def connected(address: str, timeout_s: float) -> tuple[Any, Quiet]:
    """A client of the scheduler at ``address``, its log lines kept quiet; :class:`ClusterError` of one line."""
    try:
        from distributed import Client
    except ImportError as error:
        if error.name not in ("distributed", "dask"):
            raise
        raise ClusterError(f"--dask {address}: needs Dask: pip install 'corridor-testbed[cluster]'") from None
    _check_address(address)
    quiet = Quiet()
    answer: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def connect() -> None:
        try:
            answer.put(Client(address, timeout=timeout_s, set_as_default=False, name="corridor"))
        except Exception as error:
            answer.put(error)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # In a thread: Dask waits without end for one that takes the connection and says nothing.
        threading.Thread(target=connect, name="corridor-connect", daemon=True).start()
        try:
            found = answer.get(timeout=timeout_s + _GRACE_S)
        except queue.Empty:
            found = OSError("silent")
        except BaseException:
            quiet.undo()
            raise
    if not isinstance(found, Exception):
        return found, quiet
    quiet.undo()
    why = " ".join(str(found).split()) or type(found).__name__
    if isinstance(found, OSError):
        why = f"no scheduler answers within {timeout_s:g} s"
    raise ClusterError(f"--dask {address}: {why}")


def _check_address(address: str) -> None:
    """Whether the text is an address at all; a client that Dask refuses would complain once more at its end."""
    found = _ADDRESS.fullmatch(address)
    if found is None or not 1 <= int(found["port"]) <= 65535:
        raise ClusterError(f"--dask {address!r}: must be an address such as tcp://127.0.0.1:8786")
    if found["scheme"] in ("tls", "wss"):
        from distributed.security import Security

        if Security().get_connection_args("client").get("ssl_context") is None:
            rule = "needs certificates in Dask's configuration (distributed.comm.tls)"
            raise ClusterError(f"--dask {address}: {rule}")
