"""Who a person or a machine is, as an ``Actor``."""

from headwater.accounts.actors import Actor
from headwater.accounts.models import User
from headwater.accounts.permissions import ROLE_PERMISSIONS, OrganisationKind, Role


def actor_of(user: User) -> Actor:
    """Return what ``user`` may do, from the permission table. A person without a role may do nothing."""
    organisation = user.organisation
    provider = getattr(organisation, "provider", None) if organisation.kind == OrganisationKind.PROVIDER else None
    return Actor(
        label=f"user:{user.email}",
        organisation_id=organisation.id,
        organisation_kind=OrganisationKind(organisation.kind),
        provider_id=provider.id if provider else "",
        permissions=ROLE_PERMISSIONS[Role(user.role)] if user.is_active else frozenset(),
    )
