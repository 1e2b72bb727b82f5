"""STIR/SHAKEN on its own: judge PASSporTs and the certificates that signed them.

Nothing here needs Django or a database, and nothing but ``fetch`` goes to the network. ::

    from pathlib import Path
    from headwater.stir import Call, Mode, TrustList, Verifier, parse_pem_chain

    chain = parse_pem_chain(Path("signer.pem").read_bytes())
    trust = TrustList(parse_pem_chain(Path("approved.pem").read_bytes()))
    verifier = Verifier(lambda x5u: chain, [trust])
    verdict = verifier.verify_call([identity_header], Call(calling="+12155550121", called="+12155550131"), now=now)
    verdict.result, verdict.reason, verdict.sip_status, verdict.verstat, verdict.tokens[0].findings

The names below are the interface; docs/reference/stir.md lists them with the checks, the reasons and the SIP tables.
``headwater.stir.fetch.CertificateFetcher`` is a source of certificates that keeps the rules for foreign addresses.
"""

from headwater.stir.certificates import (
    Certificate,
    CertificateError,
    Path,
    TrustList,
    parse_certificate,
    parse_pem_chain,
)
from headwater.stir.claims import canonical_tn, content_matches, rcd_references
from headwater.stir.conformance import Departure, departures
from headwater.stir.identity import Parameters, StirError, parse_identity, split_identities
from headwater.stir.passport import Passport, parse_token
from headwater.stir.reasons import (
    Check,
    Finding,
    Outcome,
    Reason,
    Verstat,
    sip_status,
    sip_statuses,
    verstat,
)
from headwater.stir.replay import ReplayMemory
from headwater.stir.revocation import RevocationList, parse_revocation_list
from headwater.stir.sign import make_identity, make_token
from headwater.stir.tn_auth_list import ClaimConstraints, TnAuthList, parse_claim_constraints, parse_tn_auth_list
from headwater.stir.trust import load_trust, parse_trust_list
from headwater.stir.verdict import CallVerdict, Mode, Result, TokenVerdict
from headwater.stir.verify import Call, CertificateSource, Policy, Verifier
from headwater.stir.x5u import is_public, x5u_fault

__all__ = [
    "Call",
    "CallVerdict",
    "Certificate",
    "CertificateError",
    "CertificateSource",
    "Check",
    "ClaimConstraints",
    "Departure",
    "Finding",
    "Mode",
    "Outcome",
    "Parameters",
    "Passport",
    "Path",
    "Policy",
    "Reason",
    "ReplayMemory",
    "Result",
    "RevocationList",
    "StirError",
    "TnAuthList",
    "TokenVerdict",
    "TrustList",
    "Verifier",
    "Verstat",
    "canonical_tn",
    "content_matches",
    "departures",
    "is_public",
    "load_trust",
    "make_identity",
    "make_token",
    "parse_certificate",
    "parse_claim_constraints",
    "parse_identity",
    "parse_pem_chain",
    "parse_revocation_list",
    "parse_tn_auth_list",
    "parse_token",
    "parse_trust_list",
    "rcd_references",
    "sip_status",
    "sip_statuses",
    "split_identities",
    "verstat",
    "x5u_fault",
]
