"""Pieces of pages that exist once. Their markup is in templates/components, their tags in templatetags."""
