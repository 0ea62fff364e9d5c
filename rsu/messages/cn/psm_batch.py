"""Many PSMs of T/CSAE 157-2020 at once: the message of a person on or beside the road, in the extension frame.

No SI columns stand before the wire integers here: :class:`rsu.messages.batch.Sheet` is the interface, and
:mod:`rsu.services.day2.psm` builds single values.
"""

from __future__ import annotations

from rsu.messages.batch import frames
from rsu.messages.batch.engine import Engine
from rsu.messages.cn.framing import EXTENSION, ExtendedCodec


def psm_engine(codec: ExtendedCodec) -> Engine:
    """Batch coder of the PSMs of a Day II set."""
    number, _ = codec.extensions["PSM"]
    outer = frames.alternative(codec.schema, codec.frame, EXTENSION)
    return Engine(codec, "PSM", (*outer, *frames.numbered(codec.schema, "MessageFrameExt", "messageId", number)))
