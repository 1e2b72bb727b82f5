"""Pieces of pages that exist once: badges, hop path, tables."""
