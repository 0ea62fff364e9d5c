"""Readers of the ETSI set."""
