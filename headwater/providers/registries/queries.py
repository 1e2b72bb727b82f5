"""What the registries say, and said at a moment. They are public: everybody who may see providers may read them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.errors import Invalid
from headwater.numbering.numbers import E164, canonical, npa
from headwater.numbering.plan import NumberPlan, Standing
from headwater.numbering.ranges import OPEN, RangeIndex, Span
from headwater.providers.models import Provider, RegistryEntry, RegistryLoad
from headwater.providers.queries import ProviderNotFound
from headwater.providers.registries.entries import Registry, digits

#: Entries that one look-up returns.
MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadView:
    """One attempt to load a registry."""

    id: str
    registry: str
    as_of: datetime
    loaded_at: datetime
    file_name: str
    sha256: str
    taken: bool
    reason: str
    entries: int
    added: int
    changed: int
    removed: int
    faults: int
    first_fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryView:
    """How one registry stands."""

    registry: str
    last: LoadView | None
    """The last load that was taken; ``None`` where none ever was."""
    refused: LoadView | None
    """A load that was refused since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryView:
    """One entry, as it was listed from one moment to another."""

    registry: str
    key: str
    name: str
    frn: str
    ocn: str
    first: int | None
    last: int | None
    detail: Mapping[str, Any]
    valid_from: datetime
    valid_to: datetime | None

    def stands_at(self, at: datetime) -> bool:
        """Tell whether it was listed at a moment."""
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the registries say of one thing that was asked for."""

    asked: str
    what: str
    """number, FRN, OCN, RMD number, filer id or name."""
    at: datetime
    listed: tuple[EntryView, ...]
    """Entries that stood at the moment."""
    history: tuple[EntryView, ...]
    """Entries that stood before or after, the newest first."""
    standing: Standing | None = None
    """For a number: what follows from the registries."""


def load_view(row: RegistryLoad, *, first_fault: str = "") -> LoadView:
    """Return a load as a value."""
    return LoadView(
        id=row.id,
        registry=row.registry,
        as_of=row.as_of,
        loaded_at=row.loaded_at,
        file_name=row.file_name,
        sha256=row.sha256,
        taken=row.taken,
        reason=row.reason,
        entries=row.entries,
        added=row.added,
        changed=row.changed,
        removed=row.removed,
        faults=row.faults,
        first_fault=first_fault,
    )


def _entry_view(row: RegistryEntry) -> EntryView:
    return EntryView(
        registry=row.registry,
        key=row.key,
        name=row.name,
        frn=row.frn,
        ocn=row.ocn,
        first=row.first,
        last=row.last,
        detail=row.detail,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )


def visible_to(actor: Actor) -> QuerySet[RegistryEntry]:
    """Return the entries that ``actor`` may read."""
    return RegistryEntry.objects.all() if actor.may(Permission.PROVIDER_READ) else RegistryEntry.objects.none()


def registries(actor: Actor) -> list[RegistryView]:
    """Return every registry, loaded or not, with its last load and a refusal since."""
    actor.require(Permission.PROVIDER_READ)
    names = {registry.value for registry in Registry}
    names |= set(RegistryLoad.objects.values_list("registry", flat=True).distinct())
    if any(name.startswith("dno/") for name in names):
        names.discard(Registry.DNO.value)
    views = []
    for name in sorted(names):
        loads = RegistryLoad.objects.filter(registry=name)
        last = loads.filter(taken=True).order_by("-as_of").first()
        refused = loads.filter(taken=False).order_by("-loaded_at").first()
        since = refused is not None and (last is None or refused.loaded_at > last.loaded_at)
        views.append(
            RegistryView(
                registry=name,
                last=load_view(last) if last else None,
                refused=load_view(refused) if refused and since else None,
            )
        )
    return views


def loads(actor: Actor, *, limit: int = 50) -> list[LoadView]:
    """Return the last attempts to load, the newest first."""
    actor.require(Permission.PROVIDER_READ)
    return [load_view(row) for row in RegistryLoad.objects.order_by("-loaded_at")[:limit]]


def lookup(actor: Actor, asked: str, at: datetime) -> Found:
    """Return what the registries said at a moment of a number, FRN, OCN, RMD number, filer id or name.

    Raises:
        Invalid: it is none of these.
    """
    actor.require(Permission.PROVIDER_READ)
    text = asked.strip()
    what, condition, number = _asked(text)
    rows = visible_to(actor).filter(condition).order_by("registry", "key", "-valid_from")[:MOST]
    views = [_entry_view(row) for row in rows]
    return Found(
        asked=text,
        what=what,
        at=at,
        listed=tuple(view for view in views if view.stands_at(at)),
        history=tuple(view for view in views if not view.stands_at(at)),
        standing=standing(number, at) if number else None,
    )


def _asked(text: str) -> tuple[str, Q, E164 | None]:
    upper, plain = text.upper(), digits(text)
    if upper.startswith("RMD") and len(upper) == 10:
        frns = _frns(Q(registry=Registry.RMD, key=upper))
        return "RMD number", Q(registry=Registry.RMD, key=upper) | Q(frn__in=frns), None
    if len(text) == 10 and plain == text and text[0] == "0":
        return "FRN", Q(frn=text), None
    number = canonical(text)
    if len(number) == 11 and number[0] == "1":
        return "number", _holding(int(number)), number
    if len(upper) == 4 and upper.isalnum() and upper.isascii():
        # An OCN's own rows; its many blocks are counted elsewhere.
        return "OCN", Q(registry=Registry.OCN, ocn=upper), None
    if plain == text and 4 < len(plain) <= 12:
        return "filer id", Q(registry=Registry.FILERS, key=plain), None
    if len(text) >= 3:
        named = (Registry.RMD, Registry.FILERS, Registry.OCN, Registry.CA_LIST)
        return "name", Q(registry__in=named, name__icontains=text), None
    raise Invalid(f"{text!r} is no number, FRN, OCN, RMD number or filer id, and too short for a name.")


def _frns(condition: Q) -> list[str]:
    found = RegistryEntry.objects.filter(condition).exclude(frn="").values_list("frn", flat=True)
    return list(found.distinct())


def _holding(number: int) -> Q:
    """Return the condition of ranges that hold a number. Blocks begin at few numbers; lists may at any below."""
    starts = {number // size * size for size in (1, 1_000, 10_000)}
    listed = Q(registry__startswith=Registry.DNO.value, first__lte=number, last__gte=number)
    return Q(registry=Registry.BLOCKS, first__in=starts, last__gte=number) | listed


def of_provider(actor: Actor, provider_id: str, at: datetime) -> Found:
    """Return what the registries said of a provider at a moment: by its FRN, RMD number and OCN.

    Raises:
        ProviderNotFound: there is no such provider.
    """
    actor.require(Permission.PROVIDER_READ)
    row = Provider.objects.filter(id=provider_id).first()
    if row is None:
        raise ProviderNotFound(f"There is no provider {provider_id}.")
    condition = Q(registry=Registry.OCN, ocn=row.spc)
    frns = {row.frn} if row.frn else set()
    if row.rmd_number:
        condition |= Q(registry=Registry.RMD, key=row.rmd_number)
        frns |= set(_frns(Q(registry=Registry.RMD, key=row.rmd_number)))
    if frns:
        condition |= Q(frn__in=frns)
    views = [
        _entry_view(entry)
        for entry in visible_to(actor).filter(condition).order_by("registry", "key", "-valid_from")[:MOST]
    ]
    return Found(
        asked=f"{row.name} ({row.spc})",
        what="provider",
        at=at,
        listed=tuple(view for view in views if view.stands_at(at)),
        history=tuple(view for view in views if not view.stands_at(at)),
    )


def standing(number: E164, at: datetime) -> Standing:
    """Return what the registries say of one number at a moment. For many numbers use the index (``index.py``)."""
    rows = RegistryEntry.objects.filter(_holding(int(number))) if number else RegistryEntry.objects.none()
    area = npa(number)
    known = bool(area) and RegistryEntry.objects.filter(registry=Registry.BLOCKS, key__startswith=area).exists()
    return plan_of(rows, area_codes=[area] if known else []).standing(number, at)


def plan_of(rows: "QuerySet[RegistryEntry]", *, area_codes: Sequence[str]) -> NumberPlan:
    """Return the numbering plan that ``rows`` make."""
    blocks, dno = [], []
    columns = rows.values_list("registry", "first", "last", "ocn", "detail", "valid_from", "valid_to")
    for registry, first, last, ocn, detail, begins, ends in columns.iterator(chunk_size=20_000):
        if first is None or last is None:
            continue  # an entry without numbers is no range
        start, end = int(begins.timestamp()), int(ends.timestamp()) if ends else OPEN
        if registry == Registry.BLOCKS:
            blocks.append(Span(first, last, start, end, ocn))
        else:
            dno.append(Span(first, last, *_effect(detail, start, end), detail["kind"]))
    return NumberPlan(RangeIndex(blocks), RangeIndex(dno), area_codes=area_codes)


def _effect(detail: Mapping[str, Any], begins: int, ends: int) -> tuple[int, int]:
    """Return from when to when a list's entry holds: as long as it is listed, within its own days (UTC)."""
    if "from" in detail:
        begins = max(begins, int(datetime.fromisoformat(f"{detail['from']}T00:00:00+00:00").timestamp()))
    if "to" in detail:
        ends = min(ends, int(datetime.fromisoformat(f"{detail['to']}T00:00:00+00:00").timestamp()) + 86_400)
    return begins, ends
