"""Roadside messages of the ETSI set."""
