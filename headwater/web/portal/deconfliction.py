"""Deconfliction and joint cases: opt in, enter matters, see who works on something near, share notes."""

from collections.abc import Callable
from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.cases import joint, matters, queries
from headwater.cases.matters import Contact
from headwater.cases.states import CaseState, MatterKind, PartyState
from headwater.errors import Conflict, Invalid, NotFound
from headwater.legal import queries as legal
from headwater.web.access import ActorRequest, page
from headwater.web.answers import json_answer, wants_json


@page(Permission.DECONFLICTION_MANAGE)
@require_safe
def deconfliction(request: ActorRequest) -> HttpResponseBase:
    """Show whether the agency takes part, its matters, and what others' matters are near."""
    found = matters.matches(request.actor)
    own = matters.matters(request.actor)
    consent = matters.consent(request.actor)
    if wants_json(request):
        return json_answer({"consent": consent, "matters": own, "matches": found})
    there = {(matter.kind, matter.reference) for matter in own}
    cases = [
        (row.id, row.title)
        for row in queries.cases(request.actor)
        if row.state is CaseState.OPEN and (MatterKind.CASE, row.id) not in there
    ]
    processes = [
        (row.id, f"{row.type_words}, {row.request.case_number}")
        for row in legal.processes(request.actor)
        if row.accepted and (MatterKind.PROCESS, row.id) not in there
    ]
    context: dict[str, Any] = {
        "consent": consent,
        "matters": own,
        "matches": found,
        "cases": cases,
        "processes": processes,
        "joint_cases": joint.joint_cases(request.actor),
    }
    return render(request, "portal/deconfliction.html", context)


@page(Permission.DECONFLICTION_MANAGE)
@require_POST
def act(request: ActorRequest, deed: str) -> HttpResponseBase:
    """Opt in or out, enter or take out a matter, invite."""
    known = _DEEDS.get(deed)
    if known is None:
        raise Http404
    _try(request, lambda: known(request, request.actor), "")
    return HttpResponseRedirect(reverse("deconfliction"))


@page(Permission.CASE_READ)
@require_safe
def joint_case(request: ActorRequest, joint_id: str) -> HttpResponseBase:
    """Show a joint case with its shared notes."""
    found = joint.joint_case(request.actor, joint_id)
    if wants_json(request):
        return json_answer(found)
    invited = found.state is PartyState.INVITED
    cases = [(row.id, row.title) for row in queries.cases(request.actor)] if invited else []
    return render(request, "portal/joint_case.html", {"joint": found, "invited": invited, "cases": cases})


@page(Permission.CASE_WRITE)
@require_POST
def joint_act(request: ActorRequest, joint_id: str, deed: str) -> HttpResponseBase:
    """Answer an invitation, write a note, leave."""
    actor, said = request.actor, request.POST
    deeds: dict[str, tuple[Callable[[], None], str]] = {
        "accept": (
            lambda: joint.answer(actor, joint_id, accept=True, case_id=said.get("case", "")),
            "You have joined: notes are shared from now on.",
        ),
        "decline": (lambda: joint.answer(actor, joint_id, accept=False), "The invitation is declined."),
        "note": (lambda: joint.add_note(actor, joint_id, said.get("text", "")), "The note is shared."),
        "leave": (lambda: joint.leave(actor, joint_id), "Your agency has left; the notes are closed to you."),
    }
    if deed not in deeds:
        raise Http404
    do, words = deeds[deed]
    _try(request, do, words)
    return HttpResponseRedirect(reverse("joint-case", args=[joint_id]))


def _try(request: ActorRequest, do: Callable[[], Any], words: str) -> None:
    try:
        said = do()
    except (Invalid, Conflict) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, words or str(said))


def _take_part(request: ActorRequest, actor: Actor) -> str:
    said = request.POST
    contact = Contact(name=said.get("name", ""), telephone=said.get("telephone", ""), email=said.get("email", ""))
    matters.set_consent(actor, given=True, contact=contact)
    return "Your agency takes part. Nothing is checked until you enter a matter."


def _take_no_part(_: ActorRequest, actor: Actor) -> str:
    matters.set_consent(actor, given=False)
    return "Your agency takes no more part. Its matters are out, and nobody is shown a match with it."


def _enter(request: ActorRequest, actor: Actor) -> str:
    kind, _, reference = request.POST.get("matter", "").partition(":")
    if kind not in list(MatterKind):
        raise Invalid("Choose a case or a process.")
    try:
        number = matters.enter(actor, MatterKind(kind), reference)
    except NotFound as error:
        raise Invalid(str(error)) from error
    return f"Entered as {number}. You are told here and by mail when another agency's matter is near."


def _withdraw(request: ActorRequest, actor: Actor) -> str:
    matters.withdraw(actor, request.POST.get("matter", ""))
    return "Taken out: its pointers and matches are gone."


def _invite(request: ActorRequest, actor: Actor) -> str:
    number = joint.invite(actor, request.POST.get("match", ""), title=request.POST.get("title", ""))
    return f"Invited to the joint case {number}. Nothing is shared until they accept."


_DEEDS: Final[dict[str, Callable[[ActorRequest, Actor], str]]] = {
    "take-part": _take_part,
    "take-no-part": _take_no_part,
    "enter": _enter,
    "withdraw": _withdraw,
    "invite": _invite,
}
