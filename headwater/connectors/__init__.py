"""Connectors: sources that Headwater asks by itself, politely, and where it was with each."""
