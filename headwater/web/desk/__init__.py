"""The consortium's desk."""
