"""Cases, for desk and portal alike: the list, one case with its timeline, what is done in it, exports and documents.

The same addresses answer programs: ``Accept: application/json`` gives the values of the page.
"""

import io
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST, require_safe

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.cases import actions, queries
from headwater.cases.actions import When
from headwater.cases.states import ENTERED_BY_HAND, CaseState, Lane, MemberRole, Precision, SubjectKind
from headwater.cases.timeline import COLUMNS, rows
from headwater.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from headwater.evidence.tables import csv_octets, json_octets
from headwater.web import downloads
from headwater.web.access import ActorRequest, page
from headwater.web.answers import json_answer, wants_json
from headwater.web.components.timeline import drawn

_TIMES: Final = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d")
_PRECISION: Final = {3: Precision.DAY, 5: Precision.MINUTE, 6: Precision.EXACT}


class OpenForm(forms.Form):
    """A new case."""

    title = forms.CharField(label="What is it about?", max_length=200, widget=forms.TextInput({"class": "usa-input"}))
    reference = forms.CharField(
        label="Your matter number", max_length=200, required=False, widget=forms.TextInput({"class": "usa-input"})
    )
    restricted = forms.BooleanField(
        label="Only members of the case see it",
        required=False,
        widget=forms.CheckboxInput({"class": "usa-checkbox__input"}),
    )


@page(Permission.CASE_READ)
@require_safe
def index(request: ActorRequest) -> HttpResponseBase:
    """List the organisation's cases."""
    found = queries.cases(request.actor)
    if wants_json(request):
        return json_answer({"cases": found})
    return render(
        request,
        "cases/index.html",
        {"cases": found, "form": OpenForm(), "may_write": request.actor.may(Permission.CASE_WRITE)},
    )


@page(Permission.CASE_WRITE)
@require_POST
def open_case(request: ActorRequest) -> HttpResponseBase:
    """Open a case, with its first campaign where it was opened from one."""
    form = OpenForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Give the case a title.")
        return HttpResponseRedirect(reverse("cases"))
    case_id = actions.open_case(request.actor, **form.cleaned_data)
    if campaign := request.POST.get("campaign", ""):
        _try(request, lambda: actions.add_item(request.actor, case_id, SubjectKind.CAMPAIGN, campaign), "")
    return HttpResponseRedirect(reverse("case", args=[case_id]))


@page(Permission.CASE_READ)
@require_safe
def case(request: ActorRequest, case_id: str) -> HttpResponseBase:
    """Show one case; ``?lane=`` shows one lane of its timeline."""
    found = queries.case(request.actor, case_id)
    if wants_json(request):
        return json_answer(found)
    lanes = [lane for lane in Lane if lane.value == request.GET.get("lane")] or list(Lane)
    shown = [moment for moment in found.moments if moment.lane in lanes]
    context: dict[str, Any] = {
        "case": found,
        "moments": shown,
        "drawing": drawn(shown, lanes),
        "lanes": list(Lane),
        "lane": lanes[0] if len(lanes) == 1 else None,
        "kinds": SubjectKind.choices(),
        "roles": MemberRole.choices(),
        "by_hand": [(lane.value, lane.label) for lane in ENTERED_BY_HAND],
        "today": clock.now().date(),
        "may_hold": request.actor.may(Permission.HOLD_WRITE),
        "outsiders": {
            email: name for email, name in found.colleagues.items() if email not in {m.email for m in found.members}
        },
        "takes_part": request.actor.may(Permission.DECONFLICTION_MANAGE),
    }
    return render(request, "cases/case.html", context)


@page(Permission.CASE_READ)
@require_safe
def timeline(request: ActorRequest, case_id: str, form: str) -> HttpResponseBase:
    """Hand out the timeline as CSV or JSON."""
    if form not in ("csv", "json"):
        raise Http404
    told = rows(queries.timeline(request.actor, case_id, form=form))
    octets = csv_octets(COLUMNS, told) if form == "csv" else json_octets({"case": case_id, "moments": told})
    media = "text/csv; charset=utf-8" if form == "csv" else "application/json"
    return downloads.attachment(io.BytesIO(octets), f"{case_id}-timeline.{form}", media)


@page(Permission.CASE_READ)
@require_safe
def document(request: ActorRequest, case_id: str, document_id: int) -> HttpResponseBase:
    """Hand out a document as it was received, never to be shown in our pages."""
    found = queries.document(request.actor, case_id, document_id)
    return downloads.attachment(io.BytesIO(found.octets), found.filename, "application/octet-stream")


@page(Permission.CASE_WRITE)
@require_POST
def act(request: ActorRequest, case_id: str, deed: str) -> HttpResponseBase:
    """Do one thing in a case, and show the case again with what came of it."""
    known = DEEDS.get(deed)
    if known is None:
        raise Http404
    do, place = known
    _try(request, lambda: do(request, request.actor, case_id), place)
    return HttpResponseRedirect(f"{reverse('case', args=[case_id])}#{place}")


def _try(request: ActorRequest, do: Callable[[], Any], place: str) -> None:
    """Do it, or say why not. What the actor may not even know of stays a page of its own."""
    try:
        said = do()
    except (Invalid, Conflict, TooLarge, Forbidden) as error:
        messages.error(request, str(error))
    except NotFound as error:
        if place != "items" and place:
            raise
        messages.error(request, str(error))
    else:
        messages.success(request, said if isinstance(said, str) and said else "Done.")


Deed = Callable[[ActorRequest, Actor, str], Any]


def _add_item(request: ActorRequest, actor: Actor, case_id: str) -> str:
    kind = request.POST.get("kind", "")
    if kind not in list(SubjectKind):
        raise Invalid("Choose what to add.")
    reference = request.POST.get("reference", "")
    actions.add_item(actor, case_id, SubjectKind(kind), reference, why=request.POST.get("why", ""))
    return f"{SubjectKind(kind).label} {reference.strip()[:20]} is in the case."


def _remove_item(request: ActorRequest, actor: Actor, case_id: str) -> str:
    actions.remove_item(actor, case_id, _number(request, "item"))
    return "Taken out. That it was in the case stays on record."


def _add_note(request: ActorRequest, actor: Actor, case_id: str) -> str:
    actions.add_note(actor, case_id, request.POST.get("text", ""), when=_when(request))
    return "The note is kept."


def _add_task(request: ActorRequest, actor: Actor, case_id: str) -> str:
    due = request.POST.get("due", "").strip()
    try:
        due_on = date.fromisoformat(due) if due else None
    except ValueError as error:
        raise Invalid("Write the day as 2026-11-24.") from error
    text, assignee = request.POST.get("text", ""), request.POST.get("assignee", "")
    actions.add_task(actor, case_id, text, assignee=assignee, due_on=due_on)
    return "The task is entered."


def _settle_task(request: ActorRequest, actor: Actor, case_id: str) -> str:
    done = request.POST.get("done") == "yes"
    actions.settle_task(actor, case_id, _number(request, "task"), done=done)
    return "The task is done." if done else "The task is open again."


def _keep_document(request: ActorRequest, actor: Actor, case_id: str) -> str:
    file = request.FILES.get("document")
    if file is None:
        raise Invalid("Choose a document.")
    if (file.size or 0) > actions.LARGEST_DOCUMENT:
        raise TooLarge(f"A document has {actions.LARGEST_DOCUMENT >> 20} MB at most.")
    digest = actions.keep_document(actor, case_id, file.name or "", file.read())
    return f"Kept as received. SHA-256 {digest}."


def _set_member(request: ActorRequest, actor: Actor, case_id: str) -> str:
    role = request.POST.get("role", "")
    if role not in list(MemberRole):
        raise Invalid("Choose what the person may do.")
    actions.set_member(actor, case_id, request.POST.get("email", ""), MemberRole(role))
    return "The member is set."


def _remove_member(request: ActorRequest, actor: Actor, case_id: str) -> str:
    actions.remove_member(actor, case_id, request.POST.get("email", ""))
    return "The member is taken off."


def _change(request: ActorRequest, actor: Actor, case_id: str) -> str:
    said = request.POST
    restricted = said.get("restricted") == "on"
    actions.change_case(
        actor, case_id, title=said.get("title", ""), reference=said.get("reference", ""), restricted=restricted
    )
    return "The case is changed."


def _move(request: ActorRequest, actor: Actor, case_id: str) -> str:
    to = CaseState.CLOSED if request.POST.get("to") == CaseState.CLOSED else CaseState.OPEN
    actions.move_case(actor, case_id, to=to, reason=request.POST.get("reason", ""))
    return f"The case is {to.label.lower()}."


#: What can be done -> how, and where on the page it is shown.
DEEDS: Final[dict[str, tuple[Deed, str]]] = {
    "add": (_add_item, "items"),
    "remove": (_remove_item, "items"),
    "note": (_add_note, "notes"),
    "task": (_add_task, "tasks"),
    "settle": (_settle_task, "tasks"),
    "document": (_keep_document, "documents"),
    "member": (_set_member, "members"),
    "unmember": (_remove_member, "members"),
    "change": (_change, "settings"),
    "move": (_move, "settings"),
}


def _number(request: ActorRequest, name: str) -> int:
    text = request.POST.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _when(request: ActorRequest) -> When | None:
    """Return the moment as typed: as exactly as it was typed, and no more exactly."""
    typed, lane = request.POST.get("at", "").strip(), request.POST.get("lane", Lane.NOTES)
    if not typed:
        return None
    if lane not in list(Lane):
        raise Invalid("Choose a lane.")
    for form in _TIMES:
        try:
            at = datetime.strptime(typed, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        return When(at=at, precision=_PRECISION[form.count("%")], lane=Lane(lane))
    raise Invalid("Write the moment in UTC as you know it: 2026-11-24, 2026-11-24 15:30 or 2026-11-24 15:30:12.")


def urls() -> list[URLPattern]:
    """Return the routes, the same in desk and portal."""
    return [
        path("cases/", index, name="cases"),
        path("cases/open/", open_case, name="case-open"),
        path("cases/<str:case_id>/", case, name="case"),
        path("cases/<str:case_id>/timeline.<str:form>", timeline, name="case-timeline"),
        path("cases/<str:case_id>/documents/<int:document_id>/", document, name="case-document"),
        path("cases/<str:case_id>/do/<slug:deed>/", act, name="case-act"),
    ]
