"""Readers of the SAE messages: decoded values to the neutral forms of :mod:`rsu.applications`."""
