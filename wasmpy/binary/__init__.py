"""The binary format: bytes to modules and back."""
