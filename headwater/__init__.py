"""Headwater: live call data in, campaigns found, traced to their source, evidence out."""

__version__ = "0.1.0"
