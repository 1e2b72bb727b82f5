"""Rows of signers as the values that others read."""

from collections.abc import Iterable

from headwater.providers.models import Provider, RegistryEntry
from headwater.providers.registries.entries import Registry
from headwater.signers.models import Address, Certificate
from headwater.signers.models import Signature as Row
from headwater.signers.values import Asked, Flag, FlagKind, Signature
from headwater.signers.views import CertificateView


def names(codes: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return name and provider of each code: of the register of providers, else of company codes."""
    wanted = {code for code in codes if code}
    companies = RegistryEntry.objects.filter(registry=Registry.OCN, valid_to=None, ocn__in=wanted)
    found = {ocn: (name, "") for ocn, name in companies.values_list("ocn", "name")}
    own = Provider.objects.filter(spc__in=wanted).values_list("spc", "name", "id")
    return found | {spc: (name, provider_id) for spc, name, provider_id in own}


def certificates(rows: Iterable[Certificate]) -> list[CertificateView]:
    """Return archived certificates with the addresses that held them."""
    listed = list(rows)
    places: dict[str, list[str]] = {}
    for x5u, digests in Address.objects.filter(chain__0__in=[row.sha256 for row in listed]).values_list("x5u", "chain"):
        places.setdefault(digests[0], []).append(x5u)
    return [
        CertificateView(
            sha256=row.sha256,
            subject=row.subject,
            issuer=row.issuer,
            serial=row.serial,
            spc=row.spc,
            authority=row.authority,
            not_before=row.not_before,
            not_after=row.not_after,
            first_seen_at=row.first_seen_at,
            last_seen_at=row.last_seen_at,
            revoked_at=row.revoked_at,
            addresses=tuple(sorted(set(places.get(row.sha256, ())))),
        )
        for row in listed
    ]


def signatures(rows: Iterable[Row]) -> list[Signature]:
    """Return verdicts with the names of their signers."""
    listed = list(rows)
    known = names(row.spc for row in listed)
    return [_view(row, *known.get(row.spc, ("", ""))) for row in listed]


def _view(row: Row, name: str, provider_id: str) -> Signature:
    return Signature(
        id=row.id,
        digest=row.digest,
        version=row.version,
        record_id=row.record_id,
        seen_at=row.seen_at,
        judged_at=row.judged_at,
        spc=row.spc,
        provider_id=provider_id,
        provider_name=name,
        signers=tuple(row.signers),
        attest=row.attest,
        origid=row.origid,
        orig=row.orig,
        calling=row.calling,
        iat=row.iat,
        ppt=row.ppt,
        x5u=row.x5u,
        host=row.host,
        result=row.result,
        reason=row.reason,
        verstat=row.verstat,
        sip_status=row.sip_status,
        checks=_asked(row),
        chain=tuple(row.chain),
        flags=tuple(
            Flag(
                kind=FlagKind(flag["kind"]),
                detail=flag["detail"],
                evidence=tuple(flag["evidence"]),
                rule_version=flag["rule_version"],
            )
            for flag in row.flags
        ),
        software=row.software,
    )


def _asked(row: Row) -> tuple[Asked, ...]:
    found = []
    for part in row.checks:
        token, ppt = part["token"], part["ppt"]
        passed = [Asked(token=token, ppt=ppt, check=check, outcome="passed") for check in part["passed"]]
        noted = [Asked(token=token, ppt=ppt, **each) for each in part["noted"]]
        found += sorted([*passed, *noted], key=lambda one: one.check)
    return tuple(found)
