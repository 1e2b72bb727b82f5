"""Telephone numbers, the numbering plan, area and state. Pure."""
