"""Readers per source: octets in, call records out. Knows no Django: the agent uses it too."""
