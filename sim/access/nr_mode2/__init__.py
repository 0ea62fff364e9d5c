"""NR-V2X PC5 Mode 2."""
