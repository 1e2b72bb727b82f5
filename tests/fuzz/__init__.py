"""Fuzzing: every reader of foreign octets has a target here, and no input may crash, hang or swell it.

``python -m tests.fuzz`` runs all; see docs/howto/fuzz.md.
"""
