"""The tokens of one call held together: diversions from the first signer to the number that rang (RFC 8946)."""

from collections.abc import Sequence
from typing import Any

from headwater.stir.reasons import Check, Finding, Outcome, Reason
from headwater.stir.verdict import TokenVerdict


def _destinations(claims: dict[str, Any]) -> set[str]:
    """Return the tns and uris of a token whose claims are as they must be."""
    dest = claims.get("dest")
    return {each for values in dest.values() for each in values} if isinstance(dest, dict) else set()


def follows(claims: dict[str, Any], before: TokenVerdict) -> bool:
    """Tell whether a div token continues ``before``, a valid one: it diverts one of its destinations, orig unchanged.

    ``claims`` may be wrong in themselves (RFC 8946 section 4.1).
    """
    div = claims.get("div")
    diverted = [div.get(kind) for kind in ("tn", "uri")] if isinstance(div, dict) else []
    destinations = _destinations(before.claims)
    return any(isinstance(each, str) and each in destinations for each in diverted) and claims.get(
        "orig"
    ) == before.claim("orig")


# Check 19.
def match_call(valid: Sequence[TokenVerdict], calling: str, called: str) -> tuple[list[TokenVerdict], list[Finding]]:
    """Return the chain of tokens from the first signer to the called number, and what does not fit.

    ``calling`` and ``called`` are canonical, "" where unknown (RFC 8224 section 6.2, RFC 8946 section 4).
    """
    first = [each for each in valid if not each.ppt.startswith("div")] or [each.nested for each in valid if each.nested]
    if not first:
        return [], [_failed("there are diversions but no token of the original call")] if valid else []
    chain = [next((each for each in first if each.ppt == "shaken"), first[0])]
    findings = []
    diversions = [each for each in valid if each.ppt.startswith("div")]
    while found := next((each for each in diversions if follows(each.claims, chain[-1])), None):
        chain.append(found)
        diversions.remove(found)
    if diversions:
        findings.append(_failed("a diversion continues no other token of the call"))
    orig = chain[0].claim("orig")
    if calling and isinstance(orig, dict) and orig.get("tn") != calling:
        findings.append(_failed("the signed calling number is not the call's", Reason.ORIG_DIFFERS))
    if called and called not in _destinations(chain[-1].claims):
        findings.append(_failed("the signed destination is not the called number", Reason.DEST_DIFFERS))
    return chain, findings


def _failed(detail: str, reason: Reason = Reason.DIVERSION_BROKEN) -> Finding:
    return Finding(Check.CALL_MATCH, Outcome.FAILED, detail, reason)
