"""``headwater stir``: judge Identity headers, look into tokens and certificates, sign for tests."""

import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from headwater.cli.identities import MAX_LINE, Given, instant, open_input, read_calls
from headwater.errors import HeadwaterError, Invalid
from headwater.stir.certificates import Certificate, CertificateError, TrustList, parse_pem_chain
from headwater.stir.conformance import departures
from headwater.stir.fetch import CertificateFetcher
from headwater.stir.identity import StirError
from headwater.stir.passport import parse_token
from headwater.stir.reasons import Reason
from headwater.stir.replay import ReplayMemory
from headwater.stir.revocation import RevocationList, parse_revocation_list
from headwater.stir.sign import make_identity, make_token
from headwater.stir.tn_auth_list import TnAuthList
from headwater.stir.trust import load_trust
from headwater.stir.verdict import CallVerdict, Mode, Result
from headwater.stir.verify import CertificateSource, Verifier


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
        list[Path] | None,
        typer.Option(help="Approved authorities: PEM, a signed list, or a folder of both; may be repeated."),
    ] = None,
    trust_signer: Annotated[
        Path | None, typer.Option(help="Certificate (PEM) that a signed trust list must be signed by.")
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
    """Judge each call's Identity headers; one JSON object a line, every check in it.

    Exits 0 where every call is valid, 1 where one is not, 2 where the input or an option cannot be used.
    """
    try:
        pinned = _chain(trust_signer)[0] if trust_signer else None
        verifier = Verifier(
            certificates=_source(cert, offline=offline),
            trust=[each for place in trust or [] for each in _trust(place, pinned)],
            revocation=_revocation(crl, crl_signer),
            replay=ReplayMemory(),
        )
        asked_at = instant(at, "--at") if at else None
        _warn(verifier.trust, time.time() if asked_at is None else asked_at)
        sound, judged = True, 0
        with open_input(file) as stream:
            for given in read_calls(stream):
                verdict = _judge(verifier, given, asked_at, mode)
                sound, judged = sound and verdict.result is Result.VALID, judged + 1
                print(json.dumps(verdict.as_json()), flush=True)
        if not judged:
            raise Invalid("there is nothing to judge: no Identity header, token, INVITE or JSON line")
    except HeadwaterError as error:
        print(f"headwater: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    if not sound:
        raise typer.Exit(1)


def _judge(verifier: Verifier, given: Given, asked_at: float | None, mode: Mode) -> CallVerdict:
    now = asked_at
    if now is None:
        # A live judgement of a recorded call is one at the time of the call.
        now = given.seen_at if given.seen_at is not None and mode is Mode.LIVE else time.time()
    if given.token:
        return verifier.together([verifier.verify_token(given.token, now=now, mode=mode)], given.call, now=now)
    return verifier.verify_call(given.headers, given.call, now=now, mode=mode)


def _warn(trust: Sequence[TrustList], now: float) -> None:
    if not trust:
        print("headwater: no --trust given: no certificate chains to anything", file=sys.stderr)
    for each in trust:
        if each.expires is not None and each.expires < now:
            print(f"headwater: the trust list {each.name} expired: a newer one is due", file=sys.stderr)


def inspect(
    file: Annotated[
        Path | None,
        typer.Argument(help="A token, an Identity header or a certificate (PEM, DER); - or nothing: standard input."),
    ] = None,
) -> None:
    """Show what a token or certificate holds, and where a certificate departs from the SHAKEN profile.

    Nothing is verified here: no signature, no chain, no time.
    """
    with open_input(file) as stream:
        octets = stream.read(MAX_LINE)
    if octets[:1] == b"\x30" or b"-----BEGIN CERTIFICATE" in octets:
        try:
            chain = parse_pem_chain(octets, at_most=20)
        except CertificateError as error:
            raise Invalid(str(error)) from None
        for certificate in chain:
            print(json.dumps(_certificate(certificate)))
        return
    text = octets.decode(errors="replace").strip()
    text = text.partition(":")[2].strip() if text[:9].lower() == "identity:" else text
    try:
        passport = parse_token(text.partition(";")[0].strip())
    except StirError as error:
        raise Invalid(f"this is neither a certificate nor a token: {error}") from None
    shown = {"header": passport.header.members, "claims": passport.claims, "signature": passport.signature.hex()}
    print(json.dumps(shown))


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
    except (ValueError, RecursionError) as error:
        raise Invalid(f"--claims is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise Invalid("--claims is no JSON object")
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
        "critical_not_understood": certificate.unknown_critical(),
        "tn_auth_list": "absent" if listed is None else "readable" if isinstance(listed, TnAuthList) else str(listed),
        "profile": [
            {"rule": each.rule, "detail": each.detail, "source": each.source} for each in departures(certificate)
        ],
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


def _trust(place: Path, signer: Certificate | None) -> list[TrustList]:
    try:
        found = load_trust(place, signer=signer)
    except (CertificateError, OSError) as error:
        raise Invalid(f"no trust list can be read at {place}: {error}") from None
    if not found:
        raise Invalid(f"there is no trust list at {place}")
    return found


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
