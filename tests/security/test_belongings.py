"""Every route with an object x every role x own and another organisation, over real objects of every kind.

What another organisation has does not exist for a person: 404 and nothing else, whatever they send, also where their
own object is named around it. Their own is there (else the 404 would show nothing), and who lacks the permission is
told so before any object is looked for. Routes are taken from the applications: a new one without an object fails here.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from headwater.accounts.actors import Actor
from headwater.accounts.models import Organisation, User
from headwater.accounts.permissions import ROLE_PERMISSIONS, Permission
from headwater.audit.models import AuditEntry
from headwater.calls.store import CallStore
from headwater.evidence import keys
from headwater.intake.recordings import Recordings
from headwater.providers import queries as providers
from headwater.providers import statements
from headwater.web.why import KINDS
from tests.conftest import Browser
from tests.evidence.scenery import Scene, build
from tests.security import belongings
from tests.security.belongings import Ids
from tests.security.crawler import body
from tests.web.test_routes import routes

# Some thousand requests: a loaded machine takes minutes over them.
pytestmark = [pytest.mark.django_db, pytest.mark.timeout(480)]
AUDIO = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40)
#: Members of routes that name no object of anybody's.
WORDS = {"form": "csv", "deed": "note", "kind": "alert"}
#: Identifiers that nothing has, where a number will not do.
ABSENT = {"record_id": "00000000-0000-0000-0000-000000000000"}
#: Routes whose object has another name, or stands in another state, than the usual one.
OBJECTS = {
    "requests/<str:process_id>/change/": {"process_id": "draft"},
    "requests/<str:process_id>/review/": {"process_id": "draft"},
    "numbers/<str:question_id>/": {"question_id": "number"},
    "numbers/<str:question_id>/receipts/<str:receipt_id>/": {"question_id": "number"},
    "numbers/<str:question_id>/receipts/<str:receipt_id>/signed/": {"question_id": "number"},
    "cases/<str:case_id>/documents/<int:document_id>/": {"document_id": "case_document"},
}
#: Routes at which these people have nothing yet: no line was refused, no number answered.
EMPTY = {
    "bulk/<str:sheet_id>/refused.csv",
    "numbers/<str:question_id>/receipts/<str:receipt_id>/",
    "numbers/<str:question_id>/receipts/<str:receipt_id>/signed/",
    "uploads/<str:upload_id>/refused.csv",
}


@dataclass(frozen=True, kw_only=True)
class Side:
    """One organisation: its people, and what it has."""

    people: dict[Any, User]
    ids: Ids
    organisation: Organisation


def gated(application: str) -> Iterator[tuple[str, Permission, list[str]]]:
    """Yield each route behind a permission that names an object: route, permission, names."""
    for route, view in routes(application):
        names = [name for name in re.findall(r"<\w+:(\w+)>", route) if name not in WORDS]
        if names and hasattr(view, "permission"):
            yield route, view.permission, names


def address(route: str, ids: Ids, *, inner: Ids | None = None) -> str:
    """Return an address of ``route`` with the objects of ``ids``; its last one of ``inner`` where that is given."""
    names = [name for name in re.findall(r"<\w+:(\w+)>", route) if name not in WORDS]

    def value(match: re.Match[str]) -> str:
        name = match[1]
        whose = inner if inner is not None and name == names[-1] else ids
        return WORDS.get(name) or whose[OBJECTS.get(route, {}).get(name, name)]

    return "/" + re.sub(r"<\w+:(\w+)>", value, route)


@pytest.fixture
def scene(call_store: tuple[str, CallStore], home: Path, agency: Actor, other_agency: Actor) -> Scene:
    """One campaign that rings in the states of both agencies, traced over the same carriers, with recordings."""
    Recordings(home).put(AUDIO)
    (home / "secrets" / statements.RECEIPT_KEY).write_bytes((home / "secrets" / keys.FILE).read_bytes())
    return build(call_store[1], agency, recordings=[AUDIO] * 8)


@pytest.fixture
def agencies(scene: Scene, home: Path, reviewer: Actor, agency: Actor, other_agency: Actor) -> list[Side]:
    """Two agencies with one object of every kind each."""
    found = [Organisation.objects.get(id=one.organisation_id) for one in (agency, other_agency)]
    made = [belongings.agency(each, scene, reviewer, home) for each in found]
    return [
        Side(people=belongings.people_of(each), ids=ids, organisation=each)
        for each, ids in zip(found, made, strict=True)
    ]


@pytest.fixture
def carriers(scene: Scene, desk: Actor) -> list[Side]:
    """Two carriers with one object of every kind each."""
    found = [providers.by_spc(spc) for spc in ("709A", "709B")]
    sides = []
    for each in found:
        assert each is not None
        organisation, ids = belongings.carrier(each, scene, desk)
        sides.append(Side(people=belongings.people_of(organisation), ids=ids, organisation=organisation))
    return sides


FORM = {"reason": "x", "to": "closed", "text": "x", "granted": "no", "answer": "x", "statement": "x"}


def ask(browser: Browser, method: str, target: str) -> tuple[int, str]:
    """Return status and words of an answer, but for digits: identifiers and moments differ each time."""
    answer = getattr(browser, method)(target, FORM)
    words = answer.headers.get("Location", "") + body(answer).decode(errors="replace")
    for part in target.split("/"):
        words = words.replace(part, "") if re.search(r"\d", part) else words
    return answer.status_code, re.sub(r'X-CSRFToken": "\w+"|name="csrfmiddlewaretoken" value="\w+"|\d', "", words)


def walk(application: str, mine: Side, theirs: Side) -> list[str]:
    """Send every role of ``mine`` to every route; return what was answered otherwise than it must be."""
    wrong = []
    for number, (role, user) in enumerate(mine.people.items()):
        browser = Browser(application).sign_in(user)
        # What is open to named people alone is open to the first of them, who made it.
        shut = {403, 404} if number else set[int]()
        for route, permission, names in gated(application):
            may = permission in ROLE_PERMISSIONS[role]
            own, _ = ask(browser, "get", address(route, mine.ids))
            empty = {404} if route in EMPTY else set[int]()
            if own not in ({200, 302, 405, 409, 422} | shut | empty if may else {403, 405}):
                wrong.append(f"{role} own GET {route}: {own}")
            for target, nothing in strange(route, names, mine, theirs):
                for method in ("get", "post"):
                    status, words = ask(browser, method, target)
                    if status in ({404, 405} | shut if may else {403, 405}):
                        continue
                    # Else it must be the very answer that is given where there is nothing at all.
                    if not may or status not in {302, 422} or (status, words) != ask(browser, method, nothing):
                        wrong.append(f"{role} theirs {method} {route} {target}: {status}")
    return wrong


def strange(route: str, names: list[str], mine: Side, theirs: Side) -> Iterator[tuple[str, str]]:
    """Yield addresses of what another has, outright and within one's own, each with one at which there is nothing."""
    nothing = {name: ABSENT.get(name, "1000000007") for name in mine.ids}
    yield address(route, theirs.ids), address(route, nothing)
    last = OBJECTS.get(route, {}).get(names[-1], names[-1])
    if len(names) > 1 and mine.ids[last] != theirs.ids[last]:
        yield address(route, mine.ids, inner=theirs.ids), address(route, mine.ids, inner=nothing)


def acts(side: Side, other: Side) -> list[tuple[str, str]]:
    """Return what the audit says that the people of ``side`` did to objects of ``other`` alone."""
    only = set(other.ids.values()) - set(side.ids.values())
    labels = [f"user:{user.email}" for user in side.people.values()]
    return list(AuditEntry.objects.filter(actor__in=labels, subject__in=only).values_list("tag", "subject"))


def test_what_one_agency_has_does_not_exist_for_another(agencies: list[Side]) -> None:
    for mine, theirs in (agencies, agencies[::-1]):
        assert "\n".join(walk("portal", mine, theirs)) == ""
        asked_of_why(mine, theirs)
        asked_by_machine(mine, theirs)
        at_the_desk(mine)
        assert acts(mine, theirs) == []


def test_what_one_carrier_has_does_not_exist_for_another(carriers: list[Side]) -> None:
    for mine, theirs in (carriers, carriers[::-1]):
        assert "\n".join(walk("carrier", mine, theirs)) == ""
        at_the_desk(mine)
        assert acts(mine, theirs) == []


def at_the_desk(side: Side) -> None:
    """Hold that nobody of theirs opens anything there: a page that looked first would tell by 404 what exists."""
    for user in side.people.values():
        browser = Browser("desk").sign_in(user)
        for route, _, names in gated("desk"):
            if set(names) <= set(side.ids):
                assert ask(browser, "get", address(route, side.ids))[0] in {403, 405}, route


def asked_by_machine(mine: Side, theirs: Side) -> None:
    """Hold that an agency's own system reaches its own objects alone, at the agency API and by TAXII."""
    headers = {
        "Authorization": f"Bearer {belongings.token_of(mine.organisation)}",
        "Accept": "application/taxii+json;version=2.1, application/json",
        "Idempotency-Key": "one",
    }
    officer = next(iter(mine.people.values())).email
    own, other = ({**side.ids, "object_id": "campaign--x"} for side in (mine, theirs))
    for route, _ in routes("portal"):
        if not route.startswith(("api/agencies/", "taxii2/")) or "<" not in route:
            continue
        typed = re.sub(r"<(\w+)>", r"<str:\1>", route)
        if "object_id" not in route:
            found = Browser("portal").get(address(typed, own), headers=headers)
            body(found)
            # A package is open to the people named on its process: this machine is none of them.
            # Of restricted cases a machine sees those alone that it opened itself.
            named = {403} if "packages" in route else {404} if "/cases/" in route else set[int]()
            assert found.status_code in {200, 405} | named, (route, found.status_code)
        for method in ("GET", "POST"):
            answer = Browser("portal").generic(
                method, address(typed, other), sent(route, officer), content_type="application/json", headers=headers
            )
            assert answer.status_code in {404, 405}, (method, route, answer.status_code, answer.content[:200])


def asked_of_why(mine: Side, theirs: Side) -> None:
    """Hold that the page that says why one may see a record tells nothing of another's."""
    browser = Browser("portal").sign_in(next(iter(mine.people.values())))
    for kind in KINDS:
        name = f"{kind}_id"
        if name in mine.ids and mine.ids[name] != theirs.ids[name]:
            assert browser.get(f"/why/{kind}/{mine.ids[name]}/").status_code == 200, kind
            assert browser.get(f"/why/{kind}/{theirs.ids[name]}/").status_code == 404, kind


def sent(route: str, officer: str) -> bytes:
    """Return a body that the door's form takes."""
    if "/cases/" in route:
        written: dict[str, dict[str, str]] = {
            "items": {"kind": "campaign", "reference": "C-0"},
            "notes": {"text": "x"},
            "tasks": {"text": "x"},
            "members": {"email": officer, "role": "reader"},
            "documents": {"filename": "x", "content": "eA=="},
            "state": {"state": "closed", "reason": "x"},
        }
        return json.dumps({"officer": officer, **written.get(route.rpartition("/")[2], {})}).encode()
    return b'{"note":"x"}' if route.endswith("supply") else b'{"reason":"x"}'


def test_each_route_has_its_object() -> None:
    """The matrix is as wide as the applications: nothing is left out for want of an object."""
    assert len(list(gated("portal"))) > 30
    assert len(list(gated("carrier"))) > 10
