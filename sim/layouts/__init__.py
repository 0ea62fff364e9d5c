"""Layouts: files and rules in and out, comparison, maps, and where units should stand."""

from __future__ import annotations
