"""The messages that have a batch coder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rsu.messages.batch.engine import Engine


def _chinese_bsm(name: str) -> Engine:
    from rsu.messages import MESSAGE_SETS
    from rsu.messages.cn.bsm_batch import BsmBatch

    codec: Any = MESSAGE_SETS[name].codec
    return BsmBatch(codec).engine


def _psm() -> Engine:
    from rsu.messages import MESSAGE_SETS
    from rsu.messages.cn.psm_batch import psm_engine

    codec: Any = MESSAGE_SETS["csae157-2020"].codec
    return psm_engine(codec)


def _cam() -> Engine:
    from rsu.messages import MESSAGE_SETS
    from rsu.messages.etsi.cam_batch import cam_engine

    return cam_engine(MESSAGE_SETS["etsi-its"].codec)


def _sae_bsm() -> Engine:
    from rsu.messages import MESSAGE_SETS
    from rsu.messages.sae.bsm_batch import bsm_engine

    codec: Any = MESSAGE_SETS["sae-j2735"].codec
    return bsm_engine(codec)


ENGINES: dict[str, Callable[[], Engine]] = {
    "csae53-2020/BSM": lambda: _chinese_bsm("csae53-2020"),
    "ydt3709-2020/BSM": lambda: _chinese_bsm("ydt3709-2020"),
    "csae157-2020/BSM": lambda: _chinese_bsm("csae157-2020"),
    "csae53-2017/BSM": lambda: _chinese_bsm("csae53-2017"),
    "csae157-2020/PSM": _psm,
    "etsi-its/CAM": _cam,
    "sae-j2735/BSM": _sae_bsm,
}
"""Set and message -> a batch coder that has met nothing yet."""
