"""Values that are stored as one word and shown as others. Pure."""

from enum import StrEnum
from typing import Self


class Labelled(StrEnum):
    """A value that is stored, with the words that people read."""

    label: str

    def __new__(cls, value: str, label: str = "") -> Self:
        """Make one member from its stored value and its label; looking one up takes the value alone."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        """Return the members as a form or a column lists them."""
        return [(member.value, member.label) for member in cls]
