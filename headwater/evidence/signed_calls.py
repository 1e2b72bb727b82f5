"""Gathers part 6: the Identity headers of the calls, what was judged of them then, and the certificates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from headwater.evidence.material import Call, CallSignature, instant
from headwater.signers import queries as signers
from headwater.signers.tokens import identities
from headwater.signers.values import Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedCalls:
    """What the scope holds of signatures."""

    signatures: tuple[CallSignature, ...]
    certificates: Mapping[str, bytes]


def gather(calls: Sequence[Call]) -> SignedCalls:
    """Return the verdict in force on each signed call, in the order of the calls."""
    verdicts = signers.of_hops(UUID(call.record_id) for call in calls if call.fields["identity_token_sha256"])
    found = []
    for call in calls:
        verdict = verdicts.get(UUID(call.record_id))
        if verdict is not None:
            headers = tuple(identities(call.raw)) if call.raw is not None else ()
            found.append(CallSignature(row=_row(call.record_id, verdict), identities=headers))
    digests = {digest for one in verdicts.values() for digest in one.chain}
    return SignedCalls(signatures=tuple(found), certificates=signers.octets(sorted(digests)))


def _row(record_id: str, verdict: Signature) -> dict[str, Any]:
    return {
        "record_id": record_id,
        "signature_id": verdict.id,
        "version": verdict.version,
        "token_sha256": verdict.digest,
        "signer": verdict.provider_name,
        "signer_spc": verdict.spc,
        "attestation": verdict.attest,
        "origid": verdict.origid,
        "calling_as_signed": verdict.orig,
        "signed_at": instant(verdict.iat),
        "judged_as_of": instant(verdict.seen_at),
        "judged_at": instant(verdict.judged_at),
        "result": verdict.result,
        "reason": verdict.reason,
        "verstat": verdict.verstat,
        "certificate_address": verdict.x5u,
        "chain_sha256": list(verdict.chain),
        "checks": [
            {
                "token": one.token,
                "check": one.check,
                "outcome": one.outcome,
                "reason": one.reason,
                "detail": one.detail,
            }
            for one in verdict.checks
        ],
        "worth_a_look": [{"kind": flag.kind.label, "detail": flag.detail} for flag in verdict.flags],
        "software": verdict.software,
    }
