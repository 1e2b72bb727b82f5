"""The agent's configuration file, read and checked whole before anything is opened.

Its public form is docs/reference/agent-config.md.
"""

import re
import tomllib
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from headwater.agent.policy import FIELDS, Deposit, Policy
from headwater.calls import addresses
from headwater.calls.legs import Peer, PeerKind, Profile
from headwater.errors import HeadwaterError, Invalid
from headwater.intake.cdr import mapping
from headwater.intake.cdr.runs import Choice
from headwater.intake.counters import Transport
from headwater.intake.sources import Admission, Register, Source
from headwater.intake.tls import TlsFiles
from headwater.wire.agents import Party

DOMESTIC: Final = frozenset({"US", "PR", "VI", "GU", "AS", "MP"})
"""Country codes in the FCC's jurisdiction: a provider there is not foreign (47 CFR 64.6300)."""
_DATABASE: Final = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_SPC: Final = re.compile(r"[A-Za-z0-9]{1,16}\Z")


class BadConfig(Invalid):
    """The configuration file cannot be used; the message names the place and what to write there."""


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file: an unknown member is an error, so that a misspelt one is noticed."""


class _Hub(_Strict, frozen=True, kw_only=True):
    url: str
    ca_file: str = ""
    wait_s: Annotated[float, msgspec.Meta(ge=1, le=60)] = 25.0


class _Status(_Strict, frozen=True, kw_only=True):
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)]
    host: str = "127.0.0.1"


class _Hep(_Strict, frozen=True, kw_only=True):
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)]
    host: str = "127.0.0.1"
    tcp: bool = True
    udp: bool = True
    auth_key: str = ""
    allowed: list[str] = []
    capture_ids: list[str] = []
    short_capture_ids: bool = False
    tls_cert: str = ""
    tls_key: str = ""
    tls_client_ca: str = ""


class _Cdr(_Strict, frozen=True, kw_only=True):
    folder: str
    format: str = "auto"
    mapping: str = ""
    zone: str = ""
    secret_file: str = ""
    settle_s: Annotated[float, msgspec.Meta(ge=0, le=3_600)] = 10.0
    every_s: Annotated[float, msgspec.Meta(ge=0.1, le=3_600)] = 5.0


class _Peer(_Strict, frozen=True, kw_only=True):
    kind: PeerKind
    addresses: list[str] = []
    trunks: list[str] = []
    spc: str = ""
    name: str = ""
    country: str = "US"


class _Carrier(_Strict, frozen=True, kw_only=True):
    spc: str
    name: str
    key_file: str
    own: list[str]
    hep: list[_Hep] = []
    cdr: list[_Cdr] = []
    country: str = "US"
    database: str = ""
    office_zone: str = "America/New_York"
    policy: Policy = Policy()
    deposit: Deposit | None = None
    peer: list[_Peer] = []


class _File(_Strict, frozen=True, kw_only=True):
    data: str
    hub: _Hub
    carrier: list[_Carrier]
    status: _Status | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HepDoor:
    """One address where capture agents send."""

    host: str
    port: int
    tcp: bool
    udp: bool
    admission: Admission
    tls: TlsFiles | None = None
    """Where it is set, the TCP side speaks TLS."""

    @property
    def transports(self) -> frozenset[Transport]:
        """How frames may come."""
        stream = [Transport.TLS if self.tls else Transport.TCP] if self.tcp else []
        return frozenset([*stream, *([Transport.UDP] if self.udp else [])])

    @property
    def register(self) -> Register:
        """The rule of this door."""
        return Register([self.admission])


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrFolder:
    """One folder where the carrier's switch leaves its call detail records."""

    folder: Path
    choice: Choice
    settle_s: float
    every_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """One carrier that the agent serves."""

    party: Party
    key_file: Path
    database: str
    profile: Profile
    office_zone: ZoneInfo
    policy: Policy
    doors: tuple[HepDoor, ...]
    folders: tuple[CdrFolder, ...] = ()
    deposit: Deposit | None = None
    """Set: calls are deposited instead of questions answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """Where questions come from and answers go."""

    url: str
    ca_file: Path | None
    wait_s: float

    @property
    def is_loopback(self) -> bool:
        """The hub runs on this machine."""
        return _is_loopback(urlsplit(self.url).hostname or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """A checked configuration."""

    data: Path
    hub: Hub
    carriers: tuple[Carrier, ...] = field(default=())
    status: tuple[str, int] | None = None
    """Host and port of the health and metrics server; None opens none."""
    dry_run: bool = False
    """Decide and log what would be answered; send nothing and keep nothing of it."""


def load(path: Path) -> AgentConfig:
    """Read and check a configuration file.

    Raises:
        BadConfig: it cannot be read, has an unknown or wrong member, or contradicts itself.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadConfig(f"{path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadConfig(f"{path} is not TOML: {error}") from error
    return checked(tables, folder=path.resolve().parent)


def checked(tables: dict[str, Any], *, folder: Path) -> AgentConfig:
    """Check what a configuration file holds; relative paths start at ``folder``.

    Raises:
        BadConfig: a member is unknown, missing or wrong, or two contradict each other.
    """
    try:
        file = msgspec.convert(tables, _File)
    except msgspec.ValidationError as error:
        raise BadConfig(f"agent configuration: {error}; see docs/reference/agent-config.md") from error
    if not file.carrier:
        raise BadConfig("agent configuration: there is no [[carrier]] table")
    carriers = tuple(_carrier(carrier, folder) for carrier in file.carrier)
    _unique("spc", [carrier.party.spc for carrier in carriers])
    _unique("database", [carrier.database for carrier in carriers])
    _unique("key_file", [str(carrier.key_file) for carrier in carriers])
    doors = [(door.host, door.port) for carrier in carriers for door in carrier.doors if door.port]
    _unique("hep host and port", [f"{host}:{port}" for host, port in doors])
    status = (file.status.host, file.status.port) if file.status else None
    return AgentConfig(
        data=folder / file.data,
        hub=_hub(file.hub, folder),
        carriers=carriers,
        status=status,
        dry_run=file.dry_run,
    )


def _hub(hub: _Hub, folder: Path) -> Hub:
    try:
        parts = urlsplit(hub.url)
    except ValueError as error:
        raise BadConfig(f"hub.url {hub.url!r}: {error}; write https://host:port") from error
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise BadConfig(f"hub.url {hub.url!r}: write https://host:port")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise BadConfig(f"hub.url {hub.url!r}: http:// is for a hub on this machine; use https://")
    return Hub(url=hub.url.rstrip("/"), ca_file=folder / hub.ca_file if hub.ca_file else None, wait_s=hub.wait_s)


def _carrier(carrier: _Carrier, folder: Path) -> Carrier:
    where = f"carrier {carrier.spc!r}"
    if not _SPC.match(carrier.spc):
        raise BadConfig(f"{where}: spc is 1 to 16 letters and digits")
    database = carrier.database or f"carrier_{carrier.spc.lower()}"
    if not _DATABASE.match(database):
        raise BadConfig(f"{where}: database {database!r} must be lower-case letters, digits and _, first a letter")
    unknown = sorted(set(carrier.policy.fields) - set(FIELDS))
    if unknown:
        raise BadConfig(f"{where}: policy.fields has {', '.join(unknown)}; known are {', '.join(FIELDS)}")
    if not (carrier.hep or carrier.cdr):
        raise BadConfig(
            f"{where}: there is no [[carrier.hep]] and no [[carrier.cdr]] table, so no record could come in"
        )
    return Carrier(
        party=Party(spc=carrier.spc, name=carrier.name, country=carrier.country),
        key_file=folder / carrier.key_file,
        database=database,
        profile=_profile(carrier, where),
        office_zone=_zone(carrier.office_zone, where),
        policy=carrier.policy,
        deposit=carrier.deposit,
        doors=tuple(_door(door, carrier.spc, where, folder) for door in carrier.hep),
        folders=tuple(_cdr_folder(one, where, folder) for one in carrier.cdr),
    )


def _profile(carrier: _Carrier, where: str) -> Profile:
    own = _networks(carrier.own, f"{where}: own")
    if not own:
        raise BadConfig(f"{where}: own is empty; no leg could be told to come in or go out")
    peers: list[Peer] = []
    for peer in carrier.peer:
        name = f"{where}, peer {peer.name or peer.spc!r}"
        if peer.kind in {PeerKind.CARRIER, PeerKind.RESELLER} and not peer.spc:
            raise BadConfig(f"{name}: a {peer.kind.value} needs its spc, or the next question has no address")
        if (peer.kind is PeerKind.FOREIGN) == (peer.country in DOMESTIC) and peer.kind is not PeerKind.CUSTOMER:
            raise BadConfig(f"{name}: a {peer.kind.value} in {peer.country!r}; foreign means outside the United States")
        blocks = _networks(peer.addresses, name)
        for taken, others in [("own", own), *((f"peer {other.name or other.spc}", other.addresses) for other in peers)]:
            shared = addresses.overlap(blocks, others)
            if shared is not None:
                raise BadConfig(f"{name}: {shared} overlaps with {taken}; an address has one owner")
        if not (blocks or peer.trunks):
            raise BadConfig(f"{name}: give its addresses, its trunks, or both")
        twice = sorted({trunk for other in peers for trunk in other.trunks} & set(peer.trunks))
        if twice:
            raise BadConfig(f"{name}: trunk {twice[0]!r} is another peer's already; a trunk has one owner")
        peers.append(
            Peer(
                kind=peer.kind,
                addresses=blocks,
                spc=peer.spc,
                name=peer.name,
                country=peer.country,
                trunks=frozenset(peer.trunks),
            )
        )
    return Profile(own=own, peers=tuple(peers))


def _door(door: _Hep, spc: str, where: str, folder: Path) -> HepDoor:
    place = f"{where}: hep door {door.host}:{door.port}"
    if not (door.tcp or door.udp):
        raise BadConfig(f"{place} has neither tcp nor udp")
    if not (door.auth_key or door.allowed):
        raise BadConfig(f"{place} needs auth_key, allowed, or both")
    return HepDoor(
        host=door.host,
        port=door.port,
        tcp=door.tcp,
        udp=door.udp,
        admission=Admission(
            source=Source(source_id=spc, short_capture_ids=door.short_capture_ids),
            auth_key=door.auth_key,
            allowed=_networks(door.allowed, f"{where}: hep.allowed"),
            capture_ids=frozenset(door.capture_ids),
        ),
        tls=_tls(door, place, folder),
    )


def _cdr_folder(one: _Cdr, where: str, folder: Path) -> CdrFolder:
    place = f"{where}: cdr folder {one.folder!r}"
    try:
        if one.mapping:
            found: mapping.Mapping | None = mapping.load(folder / one.mapping)
        else:
            found = None if one.format in {"auto", "capture"} else mapping.preset(one.format)
        if found is not None:
            found.with_zone(one.zone)
        else:
            _zone(one.zone or "UTC", place)
        secret = (folder / one.secret_file).read_text("utf-8").strip() if one.secret_file else ""
    except (HeadwaterError, OSError) as error:
        raise BadConfig(f"{place}: {error}") from error
    return CdrFolder(
        folder=folder / one.folder,
        choice=Choice(mapping=found, is_capture=one.format == "capture", zone=one.zone, secret=secret),
        settle_s=one.settle_s,
        every_s=one.every_s,
    )


def _tls(door: _Hep, place: str, folder: Path) -> TlsFiles | None:
    if not (door.tls_cert or door.tls_key or door.tls_client_ca):
        return None
    if not (door.tls_cert and door.tls_key):
        raise BadConfig(f"{place}: TLS needs both tls_cert and tls_key")
    if door.udp or not door.tcp:
        raise BadConfig(f"{place}: TLS runs over tcp; set udp = false, and give UDP a door of its own")
    return TlsFiles(
        certificate=folder / door.tls_cert,
        key=folder / door.tls_key,
        client_ca=folder / door.tls_client_ca if door.tls_client_ca else None,
    )


def _networks(texts: list[str], where: str) -> tuple[addresses.Network, ...]:
    try:
        return addresses.networks(texts)
    except addresses.BadNetwork as error:
        raise BadConfig(f"{where}: {error}") from error


def _zone(name: str, where: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadConfig(f"{where}: office_zone {name!r} is no IANA zone such as America/Chicago") from error


def _unique(what: str, values: list[str]) -> None:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise BadConfig(f"agent configuration: {what} {', '.join(twice)} stands twice; carriers share nothing")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
