"""How accounts are decided: which role fits which organisation, what a token looks like. Pure."""

import ipaddress
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from headwater.accounts.permissions import ROLE_ORGANISATION, SCOPE_ORGANISATIONS, OrganisationKind, Role, Scope
from headwater.errors import Invalid

#: What every token of a machine credential begins with, so that scanners for leaked secrets know it.
TOKEN_PREFIX = "hwf"  # noqa: S105 - a prefix, no secret
#: Longest token that is looked at: prefix, 13 characters of identifier, 43 of secret, and some room.
MAX_TOKEN = 128


class InvitationPurpose(StrEnum):
    """What a one-time link is for."""

    JOIN = "join"
    PASSWORD = "password"  # noqa: S105 - a purpose, no secret


class ContactWay(StrEnum):
    """How it was made sure, a second time, that a person is who was invited."""

    TELEPHONE = "telephone"
    """A code read out over a number that was looked up independently."""
    COLLEAGUE = "colleague"
    """A confirmed colleague of the same organisation vouched."""
    OPERATOR = "operator"
    """The operator made the account at the command line and answers for it."""


class Protocol(StrEnum):
    """How an identity provider speaks."""

    OIDC = "oidc"
    SAML = "saml"


class SecondFactorRule(StrEnum):
    """Which second factor a sign-in by an identity provider needs."""

    HEADWATER = "headwater"
    """Headwater's own, as after a password."""
    PROVIDER = "provider"
    """The provider's, where its answer says that one was shown; else Headwater's own."""


#: The application at which people of a kind of organisation sign in.
APPLICATION: dict[OrganisationKind, str] = {
    OrganisationKind.CONSORTIUM: "desk",
    OrganisationKind.AGENCY: "portal",
    OrganisationKind.PROVIDER: "carrier",
}


class Token(NamedTuple):
    """The two parts of a machine credential's token."""

    credential_id: str
    secret: str


def token(credential_id: str, secret: str) -> str:
    """Return the token ``hwf_<id>_<secret>``."""
    return f"{TOKEN_PREFIX}_{credential_id}_{secret}"


def parse_token(text: str) -> Token | None:
    """Return the parts of a token, or None where ``text`` has not the form of one."""
    if len(text) > MAX_TOKEN or not text.isascii():
        return None
    prefix, _, rest = text.partition("_")
    credential_id, _, secret = rest.partition("_")
    if prefix != TOKEN_PREFIX or not credential_id or not secret:
        return None
    return Token(credential_id, secret)


def is_valid(*, now: datetime, expires_at: datetime | None, revoked_at: datetime | None) -> bool:
    """Tell whether a credential opens anything at ``now``."""
    return (revoked_at is None or revoked_at > now) and (expires_at is None or expires_at > now)


def check_role(role: Role, kind: OrganisationKind) -> None:
    """Refuse a role that is not one of such an organisation."""
    if ROLE_ORGANISATION[role] is not kind:
        fitting = (
            ", ".join(r.value for r, of in ROLE_ORGANISATION.items() if of is kind) or "none: no people, machines alone"
        )
        message = f"The role {role.value} is not one of a {kind.value.replace('_', ' ')}. Roles there: {fitting}."
        raise Invalid(message)


def check_organisation(*, name: str, state: str, time_zone: str) -> None:
    """Refuse an organisation without a name, in no state or in no time zone."""
    if not name.strip():
        message = "An organisation needs a name."
        raise Invalid(message)
    if state and not (len(state) == 2 and state.isascii() and state.isupper()):
        message = f"{state!r} is no state. Write the two letters of the postal abbreviation, such as MI."
        raise Invalid(message)
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        message = f"{time_zone!r} is no time zone. Write one of the IANA database, such as America/Detroit."
        raise Invalid(message) from error


def check_addresses(blocks: Iterable[str]) -> list[str]:
    """Return the CIDR blocks in canonical form, or refuse what is none."""
    try:
        return [str(ipaddress.ip_network(block)) for block in blocks]
    except ValueError as error:
        message = f"A source address is no CIDR block: {error}. Write 198.51.100.0/24 or 2001:db8::/32."
        raise Invalid(message) from error


def check_scopes(scopes: Iterable[Scope | str], kind: OrganisationKind, *, source_kind: str) -> frozenset[Scope]:
    """Return the scopes, or refuse unknown ones, none, and those that are not for such an organisation."""
    try:
        asked = frozenset(Scope(scope) for scope in scopes)
    except ValueError as error:
        message = f"{error}. There are: {', '.join(Scope)}."
        raise Invalid(message) from error
    if not asked:
        message = f"A credential opens something, or it is of no use. Give one or more of: {', '.join(Scope)}."
        raise Invalid(message)
    unfit = sorted(scope for scope in asked if kind not in SCOPE_ORGANISATIONS[scope])
    if unfit:
        message = f"The scope {', '.join(unfit)} is not for a {kind.value.replace('_', ' ')}."
        raise Invalid(message)
    if asked & {Scope.FEED, Scope.HEP} and not source_kind:
        message = "A credential that sends events needs to say what kind of sender it is: app, honeypot or carrier."
        raise Invalid(message)
    return asked
