"""What every page's frame shows: application, navigation, person. A template context processor."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from headwater.accounts.actors import Actor
from headwater.web import application
from headwater.web.access import second_factor_shown


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the navigation as shown on this page."""

    label: str
    path: str
    current: bool


@dataclass(frozen=True, slots=True)
class Menu:
    """Entries that share a name; with the name "" they stand in the bar itself."""

    label: str
    entries: tuple[Entry, ...]

    @property
    def current(self) -> bool:
        """Tell whether the page is one of its."""
        return any(entry.current for entry in self.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """The frame of one page."""

    application: application.Application
    actor: Actor | None
    navigation: tuple[Menu, ...] = ()
    person_name: str = ""
    organisation_name: str = ""
    acting_for: str = ""
    """The colleague for whom the person acts in this session, "" for themselves."""


def context(request: HttpRequest) -> dict[str, Any]:
    """Return ``shell`` for templates. Without a passed gate there is neither navigation nor name."""
    here = application.current()
    if here.audience is None:
        return {"shell": Shell(application=here, actor=None, navigation=_menus(here, request.path, None))}
    actor: Actor | None = getattr(request, "actor", None)
    if actor is None or not second_factor_shown(request):
        return {"shell": Shell(application=here, actor=None)}
    user: Any = request.user
    return {
        "shell": Shell(
            application=here,
            actor=actor,
            navigation=_menus(here, request.path, actor),
            person_name=user.name,
            organisation_name=user.organisation.name,
            acting_for=actor.email if actor.person_id and actor.person_id != user.id else "",
        )
    }


def _menus(here: application.Application, path: str, actor: Actor | None) -> tuple[Menu, ...]:
    """Return what the person may open, by menu, in the order of the application's list."""
    menus: dict[str, list[Entry]] = {}
    for item in here.navigation:
        if item.permission is None or (actor is not None and actor.may(item.permission)):
            menus.setdefault(item.group, []).append(Entry(item.label, item.path, _is_current(path, item.path)))
    return tuple(
        Menu(label, tuple(entries)) for label, entries in sorted(menus.items(), key=lambda each: each[0] != "")
    )


def _is_current(path: str, item: str) -> bool:
    return path == item if item == "/" else path.startswith(item)
