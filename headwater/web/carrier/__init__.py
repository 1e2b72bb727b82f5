"""The carriers' pages."""
