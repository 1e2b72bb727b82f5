"""Read an Identity header: paste it, see every check and what the signer claims, in plain words.

Nothing is fetched from here: the certificate is pasted too, or the check says that there was none. Trust lists are
the operator's, in the folder ``trust`` of the data directory.
"""

import time

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from headwater.accounts.permissions import Permission
from headwater.stir.certificates import Certificate, CertificateError, TrustList, parse_pem_chain
from headwater.stir.reasons import Reason
from headwater.stir.trust import load_trust
from headwater.stir.verdict import CallVerdict, Mode
from headwater.stir.verify import Call, Verifier
from headwater.web.access import ActorRequest, page
from headwater.web.answers import json_answer, wants_json

LONGEST = 64 * 1024
#: What an attestation claims (RFC 8588 section 4), for people.
ATTESTATIONS = {
    "A": "A, full: the signer knows its customer and that it may use this number",
    "B": "B, partial: the signer knows its customer, not whether it may use this number",
    "C": "C, gateway: the signer knows only where the call entered its network",
}
MODES = (
    (Mode.EVIDENCE, "As evidence: was it valid when it was signed?"),
    (Mode.LIVE, "Live: would a call with it pass now?"),
)


@page(Permission.CALL_READ)
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: ActorRequest) -> HttpResponse:
    """Show the form; after a POST also the verdict. What was pasted is not kept."""
    names = ("identity", "calling", "called", "certificate", "mode")
    given = {name: request.POST.get(name, "").strip()[:LONGEST] for name in names}
    context: dict[str, object] = {"given": given, "modes": MODES, "mode": given["mode"] or Mode.EVIDENCE.value}
    if request.method == "POST" and given["identity"]:
        trust, trust_fault = _trust()
        verdict = _judge(given, trust)
        if wants_json(request):
            return json_answer(verdict.as_json())
        context |= {
            "verdict": verdict,
            "tokens": [(each, ATTESTATIONS.get(str(each.claim("attest")), "")) for each in verdict.tokens],
            "trust": [each.name for each in trust],
            "trust_fault": trust_fault,
        }
    return render(request, "desk/stir.html", context)


def _trust() -> tuple[list[TrustList], str]:
    place = settings.HEADWATER.home / "trust"
    try:
        return load_trust(place), ""
    except (CertificateError, OSError) as error:
        return [], f"The trust lists in {place} cannot be read: {error}"


def _judge(given: dict[str, str], trust: list[TrustList]) -> CallVerdict:
    def certificates(x5u: str) -> list[Certificate]:
        if not given["certificate"]:
            raise CertificateError(
                Reason.CERTIFICATE_UNAVAILABLE, f"no certificate was pasted, and {x5u} is not fetched"
            )
        return parse_pem_chain(given["certificate"].encode())

    mode = Mode.LIVE if given["mode"] == Mode.LIVE else Mode.EVIDENCE
    # A header copied from a message may carry its name, and the folds of the line that it stood in.
    text = given["identity"]
    text = text.partition(":")[2].strip() if text[:9].lower() == "identity:" else text
    verifier = Verifier(certificates, trust)
    return verifier.verify_call(
        [text], Call(calling=given["calling"], called=given["called"]), now=time.time(), mode=mode
    )
