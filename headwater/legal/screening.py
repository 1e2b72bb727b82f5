"""A document is shown to the virus scanner before the transaction of the action that takes it begins."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from headwater.accounts.actors import Actor
from headwater.legal.documents import Document
from headwater.uploads import scanning

P = ParamSpec("P")
T = TypeVar("T")


def screened(action: Callable[Concatenate[Actor, P], T]) -> Callable[Concatenate[Actor, P], T]:
    """Have every ``Document`` among the arguments looked at first; above ``transaction.atomic``.

    So that what was found stays in the audit though the action is refused, and no lock is held while the scanner works.
    """

    @wraps(action)
    def screening(actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> T:
        for value in (*args, *kwargs.values()):
            if isinstance(value, Document):
                scanning.check(actor, value.octets, value.filename)
        return action(actor, *args, **kwargs)

    return screening
