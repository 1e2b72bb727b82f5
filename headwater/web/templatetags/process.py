"""Template filters of legal process: ``{% load process %}``."""

from django import template

register = template.Library()


@register.filter
def actor(label: str) -> str:
    """Return an audit label as a reader knows it: ``user:rae@consortium.example`` without its kind."""
    return label.partition(":")[2] or label
