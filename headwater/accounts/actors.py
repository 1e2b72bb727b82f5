"""Who is acting: the value that every query and action takes first. Pure."""

from dataclasses import dataclass, field

from headwater.accounts.permissions import OrganisationKind, Permission
from headwater.errors import Forbidden


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person, a machine credential or a part of Headwater, with what it may do."""

    label: str
    """As the audit names it: ``user:alex@ag.example``, ``user:alex@ag.example for bo@ag.example`` where Alex acts as
    Bo's deputy, ``credential:FP-…``, ``provider:709J``, ``system:detector``."""
    organisation_id: str = ""
    organisation_kind: OrganisationKind | None = None
    provider_id: str = ""
    """The provider that the actor answers for, where its organisation is one."""
    permissions: frozenset[Permission] = field(default_factory=frozenset)
    person_id: str = ""
    """Whose act it is: the person's own identifier, or the one they act for; "" for machines and parts of Headwater."""
    email: str = ""
    """That person's address."""
    answers_for: frozenset[str] = field(default_factory=frozenset)
    """Identifiers of the people whose matters are this person's: their own, and those of leavers who handed over."""

    def may(self, permission: Permission) -> bool:
        """Tell whether the actor holds ``permission``."""
        return permission in self.permissions

    def require(self, permission: Permission) -> None:
        """Refuse with ``Forbidden`` unless the actor holds ``permission``."""
        if permission not in self.permissions:
            message = f"{self.label} may not do this: it needs the permission {permission}. Ask your administrator."
            raise Forbidden(message)


def system(part: str) -> Actor:
    """Return the actor for a part of Headwater that acts by itself, such as the detector."""
    return Actor(
        label=f"system:{part}",
        organisation_kind=OrganisationKind.CONSORTIUM,
        permissions=frozenset(Permission),
    )
