"""What the sidelinks of LTE and NR share: links, reception, sensing memory, candidate lists."""
