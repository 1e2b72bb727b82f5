"""Who is in the demo: agencies, desk, carriers, feed partners, all made by the same actions as in earnest.

Needs ``site.setup.django()`` first. Everything is made in one transaction, so that a demo that was ended half-way
through its set-up is set up anew by the next run.
"""

import secrets
from dataclasses import dataclass

import msgspec
from django.db import transaction

from headwater import clock
from headwater.accounts import actions as accounts
from headwater.accounts import credentials
from headwater.accounts import queries as people
from headwater.accounts.actors import system
from headwater.accounts.permissions import OrganisationKind, Role, Scope
from headwater.calls.records import SourceKind
from headwater.cli.demo.folder import Folder, Login, Remembered, remember
from headwater.errors import NotFound
from headwater.providers import actions as providers
from headwater.providers import queries as directory
from headwater.providers.models import AnswerChannel
from headwater.signers import actions as signers
from headwater.simulator import authority, passports
from headwater.simulator.network import Answers, Carrier, Network
from headwater.simulator.traffic import Partner

ACTOR = system("demo")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seat:
    """One person to be made."""

    key: str
    application: str
    name: str
    email: str
    title: str
    role: Role
    does: str


_DESK = (
    _Seat(
        key="analyst",
        application="desk",
        name="Ada Whitfield",
        email="analyst@desk.example",
        title="Traceback analyst",
        role=Role.ANALYST,
        does="watches calls, campaigns and tracebacks",
    ),
    _Seat(
        key="reviewer",
        application="desk",
        name="Rui Okafor",
        email="reviewer@desk.example",
        title="Counsel",
        role=Role.REVIEWER,
        does="reviews and accepts process",
    ),
    _Seat(
        key="custodian",
        application="desk",
        name="Ines Takahashi",
        email="custodian@desk.example",
        title="Custodian of records",
        role=Role.CUSTODIAN,
        does="keeps the packages and reads the audit",
    ),
    _Seat(
        key="administrator",
        application="desk",
        name="Lena Marchetti",
        email="administrator@desk.example",
        title="Administrator of accounts",
        role=Role.ADMINISTRATOR,
        does="invites, confirms and closes accounts; opens no call and no process",
    ),
)
_AGENCIES = (
    ("MI", "Michigan Department of Attorney General (simulated)", "America/Detroit", "Mara Lindqvist", "ag-mi.example"),
    ("OH", "Ohio Attorney General's Office (simulated)", "America/New_York", "Owen Castellano", "ag-oh.example"),
)
_PARTNERS = {
    Partner.APP: ("Call-blocking app (simulated)", SourceKind.APP),
    Partner.OTHER_APP: ("Another call-blocking app (simulated)", SourceKind.APP),
    Partner.HONEYPOT: ("Honeypot lines (simulated)", SourceKind.HONEYPOT),
}


def seeded(facts: Remembered | None) -> bool:
    """Tell whether the accounts that ``facts`` names are in the database."""
    if facts is None:
        return False
    try:
        people.person(ACTOR, email=facts.logins["reviewer"].email)
    except NotFound:
        return False
    return True


def seed(folder: Folder, network: Network, keys: dict[str, dict[str, str]]) -> Remembered:
    """Make every organisation, person, provider, key and credential; keep and return what is needed to act as them.

    ``keys`` holds the public JWK of each carrier's agent by its SPC.
    """
    with transaction.atomic():
        logins = _desk() | _agencies()
        for carrier in network.carriers.values():
            logins |= _carrier(carrier, keys.get(carrier.spc))
            _certificate(network.seed, carrier.spc)
        tokens, sources = _partners()
        facts = Remembered(
            seed=network.seed,
            carriers=len(network.carriers) - 1,
            port_base=folder.port_base,
            logins=logins,
            feed_tokens=tokens,
            feed_sources=sources,
            hep_keys={carrier.spc: secrets.token_urlsafe(18) for carrier in network.agents()},
        )
        # Inside the transaction: a token that is not remembered could never be shown again.
        remember(folder, facts)
    _trust(folder, network.seed)
    return facts


def _certificate(seed: int, spc: str) -> None:
    """Bring the certificate that a carrier signs with, as an operator brings one that cannot be fetched."""
    chain = authority.chain_pem(seed, spc, clock.now())
    signers.bring_certificates(ACTOR, chain, x5u=passports.address(spc))


def _trust(folder: Folder, seed: int) -> None:
    """Put the simulated authority on the demo's own trust list."""
    place = folder.home / "trust" / "simulated"
    place.mkdir(parents=True, exist_ok=True)
    (place / "root.pem").write_bytes(authority.root_pem(seed, clock.now()))


def _person(organisation_id: str, seat: _Seat) -> Login:
    password = secrets.token_urlsafe(12)
    accounts.create_person(
        ACTOR,
        organisation_id=organisation_id,
        email=seat.email,
        name=seat.name,
        role=seat.role,
        password=password,
        title=seat.title,
    )
    secret = accounts.enrol_totp(ACTOR, email=seat.email)
    return Login(
        application=seat.application,
        name=seat.name,
        email=seat.email,
        password=password,
        totp_secret=secret,
        role=seat.does,
    )


def _desk() -> dict[str, Login]:
    home = accounts.create_organisation(
        ACTOR, kind=OrganisationKind.CONSORTIUM, name="Traceback consortium (simulated)"
    )
    return {seat.key: _person(home.id, seat) for seat in _DESK}


def _agencies() -> dict[str, Login]:
    made = {}
    for state, name, zone, officer, domain in _AGENCIES:
        agency = accounts.create_organisation(
            ACTOR, kind=OrganisationKind.AGENCY, name=name, state=state, time_zone=zone, address="Simulated agency"
        )
        seat = _Seat(
            key=f"officer-{state}",
            application="portal",
            name=officer,
            email=f"officer@{domain}",
            title="Assistant attorney general",
            role=Role.AGENCY_OFFICER,
            does=f"reads the alerts of {state}, serves process, downloads packages",
        )
        made[seat.key] = _person(agency.id, seat)
    return made


def _carrier(carrier: Carrier, key: dict[str, str] | None) -> dict[str, Login]:
    """Register one carrier; the operator abroad is in no register, as in earnest."""
    if carrier.answers is Answers.NOT_ASKED:
        return {}
    by_hand = carrier.answers is Answers.BY_HAND
    organisation = accounts.create_organisation(
        ACTOR, kind=OrganisationKind.PROVIDER, name=carrier.name, time_zone=carrier.office_zone
    )
    provider = providers.register(
        ACTOR,
        providers.NewProvider(
            name=carrier.name,
            spc=carrier.spc,
            country=carrier.country,
            channel=AnswerChannel.PAGES if by_hand else AnswerChannel.AGENT,
            organisation_id=organisation.id,
            office_time_zone=carrier.office_zone,
            contact_email=f"traceback@{carrier.spc.lower()}.example",
        ),
    )
    if key is not None:
        providers.register_key(ACTOR, provider.id, key)
    if not by_hand:
        return {}
    seat = _Seat(
        key=f"staff-{carrier.spc}",
        application="carrier",
        name="Hanna Petrov",
        email=f"traceback@{carrier.spc.lower()}.example",
        title="Traceback desk",
        role=Role.PROVIDER_STAFF,
        does=f"answers by hand for {carrier.name}, which has no agent",
    )
    return {seat.key: _person(organisation.id, seat)}


def with_contact(folder: Folder, facts: Remembered, spc: str) -> tuple[Remembered, str]:
    """Give a registered carrier somebody who reads its notices, where it has nobody; return the facts and the seat.

    Carriers with an agent begin without: their agents answer. The first notice needs a person.

    Raises:
        NotFound: no register has the carrier.
    """
    for known in (f"staff-{spc}", f"notices-{spc}"):
        if known in facts.logins:
            return facts, known
    provider = directory.by_spc(spc)
    if provider is None:
        message = f"No register has a carrier {spc}."
        raise NotFound(message)
    seat = _Seat(
        key=f"notices-{spc}",
        application="carrier",
        name="Jonas Albrecht",
        email=f"notices@{spc.lower()}.example",
        title="Network abuse",
        role=Role.PROVIDER_STAFF,
        does=f"reads the notices to {provider.name}, whose agent answers its questions",
    )
    with transaction.atomic():
        login = _person(provider.organisation_id, seat)
        facts = msgspec.structs.replace(facts, logins=facts.logins | {seat.key: login})
        remember(folder, facts)
    return facts, seat.key


def _partners() -> tuple[dict[str, str], dict[str, str]]:
    tokens, sources = {}, {}
    for partner, (name, kind) in _PARTNERS.items():
        home = accounts.create_organisation(ACTOR, kind=OrganisationKind.FEED_PARTNER, name=name)
        credential, token = credentials.issue(
            ACTOR, organisation_id=home.id, scopes=[Scope.FEED], name=name, source_kind=kind
        )
        tokens[partner.value], sources[partner.value] = token, credential.organisation_id
    return tokens, sources
