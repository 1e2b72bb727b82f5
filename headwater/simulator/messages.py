"""The SIP messages of one call on one leg, as proxies and B2BUAs write them (RFC 3261)."""

from dataclasses import dataclass
from hashlib import sha256

from headwater.simulator.network import NumberForm


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialog:
    """What names a dialog; a B2BUA ends one and opens the next."""

    call_id: str
    caller_tag: str
    callee_tag: str
    cseq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One call between two neighbours. Hosts are IPv4 addresses; all of them listen on port 5060, UDP."""

    source: str
    destination: str
    calling: str
    called: str
    form: NumberForm
    """How the sending side writes numbers."""
    dialog: Dialog
    upstream: tuple[str, ...]
    """The hosts that handled this dialog so far, the sender of the leg first: the Via list."""
    downstream: tuple[str, ...]
    """The hosts that will handle this dialog, the receiver of the leg first."""
    max_forwards: int
    user_agent: str
    asserted: bool
    """Whether the originating carrier's P-Asserted-Identity is on it."""
    identity: str = ""
    media: str = ""
    """Address in the SDP: often still that of the true source network."""
    session: int = 1


CRLF = "\r\n"


def _branch(leg: Leg, method: str, host: str) -> str:
    # Derived, not drawn: a response must repeat the branch of its request, and no hop keeps state here.
    return "z9hG4bK" + sha256(f"{leg.dialog.call_id}|{leg.dialog.cseq}|{method}|{host}".encode()).hexdigest()[:20]


def _vias(leg: Leg, method: str, hosts: tuple[str, ...]) -> list[str]:
    return [f"Via: SIP/2.0/UDP {host}:5060;branch={_branch(leg, method, host)};rport" for host in hosts]


def _caller(leg: Leg) -> str:
    number = leg.form.write(leg.calling)
    return f'"{number}" <sip:{number}@{leg.upstream[-1]}>;tag={leg.dialog.caller_tag}'


def _callee(leg: Leg, *, tagged: bool) -> str:
    tag = f";tag={leg.dialog.callee_tag}" if tagged else ""
    return f"<sip:{leg.form.write(leg.called)}@{leg.downstream[0]}>{tag}"


def _message(lines: list[str], body: str = "") -> bytes:
    typed = ["Content-Type: application/sdp"] if body else []
    return CRLF.join([*lines, *typed, f"Content-Length: {len(body)}", "", body]).encode("ascii")


def _sdp(host: str, session: int) -> str:
    lines = [
        "v=0",
        f"o=- {session} {session} IN IP4 {host}",
        "s=call",
        f"c=IN IP4 {host}",
        "t=0 0",
        f"m=audio {16384 + session % 8192 * 2} RTP/AVP 0 8 101",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=sendrecv",
    ]
    return CRLF.join([*lines, ""])


def invite(leg: Leg) -> bytes:
    """Return the INVITE that opens the call on this leg."""
    number = leg.form.write(leg.called)
    lines = [
        f"INVITE sip:{number}@{leg.destination};user=phone SIP/2.0",
        *(f"Record-Route: <sip:{host};lr>" for host in leg.upstream[:-1]),
        *_vias(leg, "INVITE", leg.upstream),
        f"Max-Forwards: {leg.max_forwards}",
        f"From: {_caller(leg)}",
        f"To: {_callee(leg, tagged=False)}",
        f"Call-ID: {leg.dialog.call_id}",
        f"CSeq: {leg.dialog.cseq} INVITE",
        f"Contact: <sip:{leg.form.write(leg.calling)}@{leg.upstream[-1]}:5060>",
        "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, UPDATE, PRACK",
        "Supported: timer, 100rel",
        f"User-Agent: {leg.user_agent}",
    ]
    if leg.asserted:
        lines.append(f"P-Asserted-Identity: <sip:{leg.form.write(leg.calling)}@{leg.source};user=phone>")
    if leg.identity:
        lines.append(f"Identity: {leg.identity}")
    return _message(lines, _sdp(leg.media, leg.session))


def response(leg: Leg, status: int, reason: str, *, method: str = "INVITE", by_callee: bool = False) -> bytes:
    """Return a response on this leg to ``method``; ``by_callee`` where the callee had sent that request."""
    hosts = leg.downstream if by_callee else leg.upstream
    caller, callee = _caller(leg), _callee(leg, tagged=status > 100)
    number = 1 if by_callee else leg.dialog.cseq + (method == "BYE")
    lines = [
        f"SIP/2.0 {status} {reason}",
        *_vias(leg, method, hosts),
        f"From: {callee if by_callee else caller}",
        f"To: {caller if by_callee else callee}",
        f"Call-ID: {leg.dialog.call_id}",
        f"CSeq: {number} {method}",
    ]
    if method == "INVITE" and 100 < status < 300:
        lines.append(f"Contact: <sip:{leg.form.write(leg.called)}@{leg.downstream[-1]}:5060>")
    body = _sdp(leg.downstream[-1], leg.session + 1) if method == "INVITE" and status == 200 else ""
    return _message(lines, body)


def acknowledge(leg: Leg, *, refused: bool = False) -> bytes:
    """Return the ACK; that of a refusal repeats the INVITE's branch and goes one hop (RFC 3261, 17.1.1.3)."""
    vias = _vias(leg, "INVITE", leg.upstream[:1]) if refused else _vias(leg, "ACK", leg.upstream)
    lines = [
        f"ACK sip:{leg.form.write(leg.called)}@{leg.destination} SIP/2.0",
        *vias,
        f"Max-Forwards: {leg.max_forwards}",
        f"From: {_caller(leg)}",
        f"To: {_callee(leg, tagged=True)}",
        f"Call-ID: {leg.dialog.call_id}",
        f"CSeq: {leg.dialog.cseq} ACK",
    ]
    return _message(lines)


def bye(leg: Leg, *, by_callee: bool) -> bytes:
    """Return the BYE that ends the call, from the caller or the callee."""
    hosts = leg.downstream if by_callee else leg.upstream
    number, host = (leg.calling, leg.source) if by_callee else (leg.called, leg.destination)
    caller, callee = _caller(leg), _callee(leg, tagged=True)
    lines = [
        f"BYE sip:{leg.form.write(number)}@{host} SIP/2.0",
        *_vias(leg, "BYE", hosts),
        f"Max-Forwards: {leg.max_forwards}",
        f"From: {callee if by_callee else caller}",
        f"To: {caller if by_callee else callee}",
        f"Call-ID: {leg.dialog.call_id}",
        f"CSeq: {1 if by_callee else leg.dialog.cseq + 1} BYE",
        'Reason: Q.850;cause=16;text="Normal call clearing"',
    ]
    return _message(lines)
