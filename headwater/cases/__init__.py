"""Investigations: what belongs together, its timeline, its members; joint cases; deconfliction between agencies."""
