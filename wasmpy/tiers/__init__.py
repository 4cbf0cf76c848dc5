"""The tiers above the reference tier: faster, and in agreement with it."""
