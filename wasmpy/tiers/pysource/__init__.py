"""The python tier: each function becomes one Python function."""
