"""The desk's pages of signers: who signed what, one signer, one call's signature, certificates, hosts under review."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.campaigns import queries as campaigns
from headwater.campaigns.spoken import heard
from headwater.errors import Invalid, NotFound, Unavailable
from headwater.signers import actions, queries
from headwater.signers.values import Asked, Signature
from headwater.signers.views import SignerRow
from headwater.stir.certificates import parse_certificate
from headwater.stir.conformance import departures
from headwater.stir.reasons import CHECK_TEXT, Check
from headwater.web.access import ActorRequest, page
from headwater.web.answers import json_answer, wants_json
from headwater.web.components.bars import bars
from headwater.web.components.sparkline import Sparkline, sparkline
from headwater.web.desk.stir import ATTESTATIONS

_DIGEST = re.compile(r"[0-9a-f]{64}").fullmatch
_RECORD = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One signer of the list, with its drawing."""

    row: SignerRow
    spark: Sparkline


@page(Permission.SIGNER_READ)
@require_safe
def index(request: ActorRequest) -> HttpResponseBase:
    """List the signers of the last two days."""
    now = clock.now()
    rows = queries.signers(request.actor, now=now)
    if wants_json(request):
        return json_answer({"hours": queries.SERIES_HOURS, "signers": rows, "verifier": queries.verifier()})
    lines = [Line(row=row, spark=sparkline(row.spark, what="Signed calls an hour, 48 hours")) for row in rows]
    waiting = sum(host.state == "waiting" for host in queries.hosts(request.actor))
    return render(
        request,
        "desk/signers.html",
        {"lines": lines, "verifier": queries.verifier(), "waiting": waiting, "hours": queries.SERIES_HOURS},
    )


@page(Permission.SIGNER_READ)
@require_safe
def signer(request: ActorRequest, spc: str) -> HttpResponseBase:
    """Show one signer; ``-`` stands for calls whose signer is not known."""
    view = queries.signer(request.actor, "" if spc == "-" else spc, now=clock.now())
    placed, fault = _placed(request.actor, view.latest)
    if wants_json(request):
        return json_answer({**{field.name: getattr(view, field.name) for field in fields(view)}, "campaigns": placed})
    drawing = bars(
        [hour.strftime("%H:%M") for hour in view.hours],
        {f"attest-{attest or 'none'}": view.series[attest] for attest in queries.ATTESTATIONS},
        sentence=f"Signed calls an hour by attestation: {view.row.tokens} in {queries.SERIES_HOURS} hours",
        every=6,
        last_is_unfinished=True,
    )
    patterns = [(flag, [_link(each) for each in flag.evidence]) for flag in view.patterns]
    context = {"view": view, "drawing": drawing, "words": ATTESTATIONS, "patterns": patterns}
    context |= {"placed": placed, "placed_fault": fault}
    return render(request, "desk/signer.html", context)


def _placed(actor: Actor, latest: Sequence[Signature]) -> tuple[list[tuple[str, str, int]], str]:
    """Return (campaign, name, calls) of a signer's latest calls, the most calls first; or why that cannot be told."""
    try:
        hops = queries.hops(actor, latest)
    except Unavailable as error:
        return [], str(error)
    found: dict[tuple[str, str], set[str]] = {}
    for record_id, campaign in campaigns.of_calls(actor, hops).items():
        found.setdefault(campaign, set()).add(hops[record_id])
    counted = [(campaign_id, name, len(digests)) for (campaign_id, name), digests in found.items()]
    return sorted(counted, key=lambda one: (-one[2], one[0])), ""


@page(Permission.CALL_READ)
@require_safe
def call(request: ActorRequest, record_id: uuid.UUID) -> HttpResponseBase:
    """Show one call record with its signature, every check in it; the look is audited."""
    found = queries.call(request.actor, record_id)
    signature = queries.of_hops([record_id]).get(record_id) if found.identity_digest else None
    if wants_json(request):
        return json_answer({"call": found, "signature": signature})
    context: dict[str, Any] = {
        "call": found,
        "signature": signature,
        "words": ATTESTATIONS,
        "callbacks": sorted(heard(found.transcript).callback),
        "may_trace": request.actor.may(Permission.TRACEBACK_OPEN),
    }
    if signature is not None:
        context["asked"] = [(one, *CHECK_TEXT[Check(one.check)]) for one in signature.checks if not _of_call(one)]
        context["chain"] = queries.chain(signature.chain)
        context["flags"] = [(flag, [_link(each) for each in flag.evidence if each]) for flag in signature.flags]
        context["versions"] = queries.versions(request.actor, signature.record_id) if _may_read(request) else []
    return render(request, "desk/call.html", context)


def _link(evidence: str) -> tuple[str, str]:
    """Return what an identifier of evidence is called and where it opens, "" where it has no page of its own."""
    if _DIGEST(evidence):
        return f"certificate {evidence[:12]}", reverse("certificate", args=[evidence])
    if _RECORD(evidence):
        return f"call {evidence[:8]}", reverse("call", args=[evidence])
    return evidence, ""


def _of_call(one: Asked) -> bool:
    """Tell whether a token's line says only that the check is one of the call, whose own line follows."""
    return one.token > 0 and one.outcome == "not made" and one.check in {Check.CALL_MATCH, Check.REPLAY}


def _may_read(request: ActorRequest) -> bool:
    return request.actor.may(Permission.SIGNER_READ)


@page(Permission.SIGNER_READ)
@require_safe
def certificate(request: ActorRequest, sha256: str) -> HttpResponseBase:
    """Show one archived certificate: what it is, where it lay, and where it departs from the profile."""
    view, octets = queries.certificate(request.actor, sha256)
    found = list(departures(parse_certificate(octets)))
    if wants_json(request):
        return json_answer({"certificate": view, "departures": found})
    context = {"row": view, "departures": found, "octets": len(octets), "now": clock.now()}
    return render(request, "desk/certificate.html", context)


@page(Permission.SIGNER_READ)
@require_safe
def certificate_octets(request: ActorRequest, sha256: str) -> HttpResponseBase:
    """Hand out one archived certificate (DER), as it was seen."""
    _view, octets = queries.certificate(request.actor, sha256)
    headers = {"content-disposition": f'attachment; filename="{sha256[:16]}.cer"', "x-content-type-options": "nosniff"}
    return HttpResponse(octets, content_type="application/pkix-cert", headers=headers)


@page(Permission.SIGNER_READ)
@require_safe
def hosts(request: ActorRequest) -> HttpResponseBase:
    """Show the hosts of certificates, those that wait for review first."""
    found = queries.hosts(request.actor)
    if wants_json(request):
        return json_answer({"hosts": found})
    return render(
        request, "desk/signer_hosts.html", {"rows": found, "may_decide": request.actor.may(Permission.SIGNER_REVIEW)}
    )


@page(Permission.SIGNER_REVIEW)
@require_POST
def decide_host(request: ActorRequest) -> HttpResponseBase:
    """Allow or refuse one host."""
    host, allow = request.POST.get("host", ""), request.POST.get("decision") == "allow"
    try:
        actions.decide_host(request.actor, host, allow=allow, reason=request.POST.get("reason", ""))
    except (Invalid, NotFound) as error:
        messages.error(request, str(error))
    else:
        done = "allowed: its calls are judged again within seconds" if allow else "refused"
        messages.success(request, f"{host} is {done}.")
    return HttpResponseRedirect(reverse("signer-hosts"))
