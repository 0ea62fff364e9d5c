"""Readers of the Chinese sets: decoded values to the neutral forms of :mod:`rsu.applications`."""
