"""Builders of the Chinese roadside messages."""
