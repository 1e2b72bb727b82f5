"""Headwater: live call data in, campaigns found, traced to their source, evidence out."""

__version__ = "0.1.0"

SOFTWARE = f"headwater {__version__}"
"""What made a record, a verdict or a package, as each of them names it."""
