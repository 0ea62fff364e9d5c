"""Whole columns of messages packed and unpacked at once; see the README beside."""

from rsu.messages.batch.engine import Batch, Engine
from rsu.messages.batch.sheet import PRESENT, Sheet

__all__ = ["PRESENT", "Batch", "Engine", "Sheet"]
