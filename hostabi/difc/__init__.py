"""Decentralised information flow control: what labels allow.

What belongs here: the comparison of labels, without any guard.  What does
not: reading labels out of a guard's output (``hostabi.responses``).
"""

from __future__ import annotations

from hostabi.difc.check import Verdict, check_read

__all__ = ["Verdict", "check_read"]
