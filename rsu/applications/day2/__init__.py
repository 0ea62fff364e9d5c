"""Decoded messages of the second application phase (T/CSAE 157-2020) back in SI units."""
