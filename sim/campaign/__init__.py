"""Campaigns: scenarios x candidates x layouts x parameters x seeds, resumable, on one machine or a cluster."""

from __future__ import annotations
