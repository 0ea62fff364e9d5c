"""Corridor, roads, signals and stations: what exists before anything moves or transmits."""
