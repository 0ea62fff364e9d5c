"""IEEE 802.11p / ITS-G5, with IEEE 802.11bd as an option."""
