"""Builders of SPAT and MapData, whose values ETSI and SAE both carry."""
