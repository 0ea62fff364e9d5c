"""Builders of the SAE roadside messages beyond SPAT and MAP."""
