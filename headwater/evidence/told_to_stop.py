"""The notices by which providers were told to stop calls of the scope, and what proves that each reached its provider.

They are kept by a room above this one, which hands them in (``register``): a package holds what there is.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldToStop:
    """One notice to one provider that rests on a traced call of the scope."""

    row: Mapping[str, Any]
    deliveries: tuple[Mapping[str, Any], ...]
    """Each way in which it went out, with what proves it."""
    letter: bytes | None
    """As it was sent; None where it tells of a traced call beyond the scope: its hash is stated."""


#: Returns the notices that rest on one of these tracebacks; the second are the hashes of the process's own documents.
Source = Callable[[Collection[str], Collection[str]], tuple[ToldToStop, ...]]
_SOURCES: list[Source] = []


def register(source: Source) -> None:
    """Let packages ask ``source`` too."""
    if source not in _SOURCES:
        _SOURCES.append(source)


def gather(tracebacks: Collection[str], documents: Collection[str]) -> tuple[ToldToStop, ...]:
    """Return the notices of every source, in the order in which they were sent."""
    found = [notice for source in _SOURCES for notice in source(tracebacks, documents)]
    return tuple(sorted(found, key=lambda notice: (notice.row["sent_at"], notice.row["notice_id"])))
