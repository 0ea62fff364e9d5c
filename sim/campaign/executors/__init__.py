"""Who computes the tasks of a campaign: one file per way, one table."""

from __future__ import annotations

EXECUTORS: dict[str, str] = {
    "local": "sim.campaign.executors.local:LocalExecutor",
    "dask": "sim.campaign.executors.cluster:DaskExecutor",
}
"""Name -> class, imported when it is used."""
