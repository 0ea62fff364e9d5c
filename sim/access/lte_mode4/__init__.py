"""LTE-V2X PC5 Mode 4."""
