"""The public registries: as of when each is loaded, and what they say, or said, of a number or a company."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from headwater import clock
from headwater.accounts.permissions import Permission
from headwater.errors import Invalid
from headwater.numbering.numbers import canonical, display
from headwater.numbering.plan import DnoKind
from headwater.providers import queries as providers
from headwater.providers.registries import queries
from headwater.providers.registries.queries import EntryView, Found
from headwater.web.access import ActorRequest, page

#: Registry -> what people call it.
TITLES: Mapping[str, str] = {
    "rmd": "Robocall Mitigation Database (FCC)",
    "filers": "Form 499 filers (FCC)",
    "blocks": "Number blocks (NANPA)",
    "ocn": "Company codes (OCN)",
    "dno": "Do-not-originate list",
    "ca-list": "Approved authorities (STI-PA)",
}
KINDS: Mapping[DnoKind, str] = {
    DnoKind.SUBSCRIBER: "its holder lets no call be made from it",
    DnoKind.INVALID: "it is no valid number",
    DnoKind.UNALLOCATED: "it was assigned to no provider",
    DnoKind.UNUSED: "its provider has given it to nobody",
}
#: The parts of an address, as people write it.
_LINE = ("address_line", "city", "state", "zip_code")
#: A registry older than this is told as old: the mitigation database changes daily, blocks weekly.
OLD = timedelta(days=30)


def title(registry: str) -> str:
    """Return what people call a registry; of a do-not-originate list also whose it is."""
    name, _, part = registry.partition("/")
    return TITLES.get(name, name) + (f", {part}" if part else "")


@page(Permission.PROVIDER_READ)
@require_safe
def registries(request: ActorRequest) -> HttpResponse:
    """Show how the registries stand, and the answer to a look-up where one is asked."""
    asked = request.GET.get("q", "").strip()[:120]
    day = request.GET.get("at", "").strip()[:10]
    now = clock.now()
    found: Found | None = None
    fault = ""
    if asked:
        try:
            found = queries.lookup(request.actor, asked, _moment(day, now))
        except Invalid as error:
            fault = str(error)
    context = {**_standing(request, now), **_answer(found, asked, day, fault)}
    if found is not None and found.what in {"OCN", "name"}:
        context["providers"] = providers.search(request.actor, asked, limit=10)
    return render(request, "desk/registries.html", context)


@page(Permission.PROVIDER_READ)
@require_safe
def provider(request: ActorRequest, provider_id: str) -> HttpResponse:
    """Show what the registries say, or said on a day, of a provider of the register."""
    day = request.GET.get("at", "").strip()[:10]
    fault = ""
    now = clock.now()
    try:
        at = _moment(day, now)
    except Invalid as error:
        at, fault = now, str(error)
    found = queries.of_provider(request.actor, provider_id, at)
    return render(request, "desk/registry_provider.html", _answer(found, found.asked, day, fault))


def _standing(request: ActorRequest, now: datetime) -> dict[str, object]:
    rows = [
        {"title": title(view.registry), "view": view, "old": view.last is not None and now - view.last.as_of > OLD}
        for view in queries.registries(request.actor)
    ]
    return {"rows": rows, "loads": [(title(load.registry), load) for load in queries.loads(request.actor, limit=12)]}


def _answer(found: Found | None, asked: str, day: str, fault: str) -> dict[str, object]:
    context: dict[str, object] = {"found": found, "asked": asked, "day": day, "fault": fault}
    if found is not None:
        context["listed"] = [_shown(entry) for entry in found.listed]
        context["history"] = [_shown(entry) for entry in found.history]
        if found.standing is not None:
            context["reasons"] = [KINDS[kind] for kind in found.standing.dno]
    return context


def _shown(entry: EntryView) -> dict[str, object]:
    """Return an entry with its details in words, without what nobody reads."""
    held: dict[str, list[str]] = {}
    for name, value in sorted(entry.detail.items(), key=lambda item: _place(item[0])):
        if name not in {"pem", "business_name"} and value:
            # The parts of an address are told as one line.
            words = name.partition(".")[0].replace("_", " ")
            held.setdefault(words, []).extend(map(str, value) if isinstance(value, list) else [str(value)])
    detail = [(name, ", ".join(values)) for name, values in sorted(held.items())]
    return {"entry": entry, "title": title(entry.registry), "name": entry.name or _range(entry), "detail": detail}


def _place(name: str) -> int:
    """Return where a part of an address stands in a line."""
    part = name.partition(".")[2]
    return _LINE.index(part) if part in _LINE else 0


def _range(entry: EntryView) -> str:
    """Return the numbers that an entry lists, or its key."""
    if entry.first is None or entry.last is None:
        return entry.key
    ends = dict.fromkeys(display(canonical(str(end))) for end in (entry.first, entry.last))
    return " to ".join(ends)


def _moment(day: str, now: datetime) -> datetime:
    """Return the end of a day in UTC, or now.

    Raises:
        Invalid: it is no day.
    """
    if not day:
        return now
    try:
        begin = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Invalid(f"{day!r} is no day such as 2026-11-24.") from None
    return min(begin + timedelta(days=1) - timedelta(microseconds=1), max(now, begin))
