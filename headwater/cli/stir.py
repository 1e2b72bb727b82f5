"""``headwater stir``: judge Identity headers, look into tokens and certificates, sign for tests."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from headwater.errors import Invalid
from headwater.stir.certificates import Certificate, CertificateError, TrustList, parse_pem_chain
from headwater.stir.fetch import CertificateFetcher
from headwater.stir.identity import StirError
from headwater.stir.passport import parse_token
from headwater.stir.reasons import Reason
from headwater.stir.revocation import RevocationList, parse_revocation_list
from headwater.stir.sign import make_identity, make_token
from headwater.stir.tn_auth_list import TnAuthList
from headwater.stir.trust import load_trust
from headwater.stir.verdict import Mode, Result
from headwater.stir.verify import Call, CertificateSource, Policy, Verifier

#: Longest single header, token or JSON line; a capture file has no such bound, its packets have.
MAX_LINE = 256 * 1024


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="STIR/SHAKEN: verify, inspect, sign.", no_args_is_help=True)
    commands.command("verify")(verify)
    commands.command("inspect")(inspect)
    commands.command("sign")(sign)
    app.add_typer(commands, name="stir")


def verify(  # noqa: PLR0917 - typer reads the options from the parameters
    file: Annotated[
        Path | None,
        typer.Argument(help="Headers, tokens, a SIP message, JSON lines or a capture; - or nothing: standard input."),
    ] = None,
    at: Annotated[
        str, typer.Option(help="Judge as of this instant: ISO 8601 with a zone, or Unix seconds. Default: now.")
    ] = "",
    mode: Annotated[
        Mode, typer.Option(help="live: certificate and freshness at --at; evidence: certificate at iat.")
    ] = Mode.EVIDENCE,
    trust: Annotated[
        list[Path] | None, typer.Option(help="PEM file or folder of approved authorities; may be repeated.")
    ] = None,
    cert: Annotated[
        Path | None, typer.Option(help="Take this PEM chain for every address instead of fetching.")
    ] = None,
    crl: Annotated[Path | None, typer.Option(help="Revocation list (DER or PEM) of the STI-PA.")] = None,
    crl_signer: Annotated[
        Path | None, typer.Option(help="Certificate (PEM) that the revocation list must be signed by.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Fetch nothing.")] = False,
) -> None:
    """Judge each Identity header; one JSON object a line, every check in it. Exit 1 where one is not valid."""
    verifier = Verifier(
        certificates=_source(cert, offline=offline),
        trust=[each for place in trust or [] for each in _trust(place)],
        revocation=_revocation(crl, crl_signer),
        policy=Policy(),
    )
    if not verifier.trust:
        print("headwater: no --trust given: no certificate chains to anything", file=sys.stderr)
    sound = True
    for identities, call, seen_at in _calls(file):
        now = _instant(at) if at else seen_at if seen_at is not None and mode is Mode.LIVE else time.time()
        verdict = verifier.verify_call(identities, call, now=now, mode=mode)
        sound = sound and verdict.result is Result.VALID
        print(json.dumps(verdict.as_json(), ensure_ascii=False))
    if not sound:
        raise typer.Exit(1)


def inspect(
    file: Annotated[
        Path | None,
        typer.Argument(help="A token, an Identity header or a certificate (PEM, DER); - or nothing: standard input."),
    ] = None,
) -> None:
    """Show what a token or certificate holds, judging nothing."""
    with _open(file) as stream:
        octets = stream.read(MAX_LINE)
    if octets[:1] == b"\x30" or b"-----BEGIN CERTIFICATE" in octets:
        try:
            chain = parse_pem_chain(octets, at_most=20)
        except CertificateError as error:
            raise Invalid(str(error)) from None
        for certificate in chain:
            print(json.dumps(_certificate(certificate), ensure_ascii=False))
        return
    token = octets.decode(errors="replace").strip().partition(";")[0].strip()
    try:
        passport = parse_token(token)
    except StirError as error:
        raise Invalid(f"this is neither a certificate nor a token: {error}") from None
    print(
        json.dumps(
            {"header": passport.header.members, "claims": passport.claims, "signature_octets": len(passport.signature)},
            ensure_ascii=False,
        )
    )


def sign(
    key: Annotated[Path, typer.Option(help="P-256 private key, PEM.")],
    x5u: Annotated[str, typer.Option(help="Address of the certificate.")],
    claims: Annotated[str, typer.Option(help="Claims as JSON; iat is added where it is missing.")],
    ppt: Annotated[str, typer.Option(help='PASSporT extension; "" for the plain form.')] = "shaken",
) -> None:
    """Make an Identity header for a test. The claims are signed as given, right or wrong."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private: object = load_pem_private_key(_read(key), None)
    except (TypeError, ValueError):
        private = None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name != "secp256r1":
        raise Invalid(f"{key} holds no P-256 private key: make one with 'openssl ecparam -name prime256v1 -genkey'")
    try:
        given = json.loads(claims)
    except ValueError as error:
        raise Invalid(f"--claims is no JSON: {error}") from None
    token = make_token(private, {"iat": int(time.time()), **given}, x5u=x5u, ppt=ppt or None)
    print(make_identity(token, x5u=x5u, ppt=ppt or None))


def _certificate(certificate: Certificate) -> dict[str, Any]:
    listed = certificate.tn_auth_list
    return {
        "subject": certificate.common_name,
        "serial": f"{certificate.serial:x}",
        "sha256": certificate.sha256,
        "not_before": datetime.fromtimestamp(certificate.not_before, UTC).isoformat(),
        "not_after": datetime.fromtimestamp(certificate.not_after, UTC).isoformat(),
        "authority": certificate.is_authority,
        "spc": list(listed.spcs) if isinstance(listed, TnAuthList) else [],
        "ranges": [[each.start, each.count] for each in listed.ranges] if isinstance(listed, TnAuthList) else [],
        "tn_auth_list": "absent" if listed is None else "readable" if isinstance(listed, TnAuthList) else str(listed),
    }


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}") from None


def _chain(file: Path) -> Sequence[Certificate]:
    try:
        return parse_pem_chain(_read(file))
    except CertificateError as error:
        raise Invalid(f"{file}: {error}") from None


def _trust(place: Path) -> list[TrustList]:
    try:
        return load_trust(place)
    except (CertificateError, OSError) as error:
        raise Invalid(f"no trust list can be read at {place}: {error}") from None


def _source(cert: Path | None, *, offline: bool) -> CertificateSource:
    if cert:
        chain = _chain(cert)
        return lambda _x5u: chain
    if offline:
        return _nothing
    return CertificateFetcher()


def _nothing(x5u: str) -> Sequence[Certificate]:
    raise CertificateError(Reason.CERTIFICATE_UNAVAILABLE, f"{x5u} was not fetched (--offline) and no --cert was given")


def _revocation(crl: Path | None, signer: Path | None) -> RevocationList | None:
    if crl is None:
        return None
    if signer is None:
        raise Invalid("--crl needs --crl-signer: a list that anyone could have signed says nothing")
    try:
        return parse_revocation_list(_read(crl), _chain(signer)[0])
    except CertificateError as error:
        raise Invalid(f"{crl}: {error}") from None


def _instant(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"--at {text!r} is neither ISO 8601 nor Unix seconds") from None
    if instant.tzinfo is None:
        raise Invalid(f"--at {text!r} has no zone: add Z or an offset")
    return instant.timestamp()


def _open(file: Path | None) -> BinaryIO:
    if file is None or str(file) == "-":
        return sys.stdin.buffer
    try:
        return file.open("rb")
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}") from None


def _calls(file: Path | None) -> Iterator[tuple[list[str], Call, float | None]]:
    """Yield the Identity headers, numbers and time of each call in whatever was given."""
    from headwater.intake import capture

    with _open(file) as stream:
        head = stream.read(4)
        if capture.is_capture(head):
            for message in capture.sip_messages(head, stream):
                yield from _of_sip(message.octets, message.seen_at)
            return
        rest = head + stream.read(8 * 1024 * 1024)
    if b"SIP/2.0" in rest.partition(b"\n")[0]:
        yield from _of_sip(rest, None)
        return
    for line in rest.splitlines():
        text = line.decode(errors="replace").strip()
        if text.lower().startswith("identity:"):
            text = text[len("identity:") :].strip()
        if text.startswith("{"):
            yield _of_json(text)
        elif text:
            yield [text if ";" in text else f"{text};info=<{_x5u(text)}>"], Call(), None


def _x5u(token: str) -> str:
    """Return the address in a bare token, so that a token without its header is judged as one with it."""
    try:
        return parse_token(token).header.x5u
    except StirError:
        return ""


def _of_json(text: str) -> tuple[list[str], Call, float | None]:
    try:
        value = json.loads(text)
        identities = value.get("identity") or []
        identities = [identities] if isinstance(identities, str) else [str(each) for each in identities]
        at = value.get("at")
        seen_at = None if at is None else _instant(str(at))
    except (ValueError, AttributeError):
        raise Invalid('a JSON line holds {"identity": header or list, "calling"?, "called"?, "at"?}') from None
    return identities, Call(calling=str(value.get("calling") or ""), called=str(value.get("called") or "")), seen_at


def _of_sip(octets: bytes, seen_at: float | None) -> Iterator[tuple[list[str], Call, float | None]]:
    from headwater.intake import sip

    try:
        message = sip.parse(octets)
    except sip.NotSip as error:
        print(f"headwater: {error}", file=sys.stderr)
        return
    if message.method == "INVITE" and message.status == 0 and not message.in_dialog:
        identities = [each.decode(errors="replace") for each in message.identities]
        yield identities, Call(calling=message.calling, called=message.called), seen_at
