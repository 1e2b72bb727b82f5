"""The commands of ``headwater accounts`` for identity providers."""

from collections.abc import Callable

COMMANDS: tuple[Callable[..., None], ...] = ()
