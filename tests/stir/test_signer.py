"""Who signed: provider codes, claim constraints, delegate certificates, and signers that nobody approved."""

from headwater.stir.reasons import Reason, Verstat, sip_status, verstat
from headwater.stir.sign import make_token
from tests.stir.lab import NOW, PKI
from tests.stir.pki import IAT, claims, constraints, issue, number_list, spc_list


def test_a_certificate_without_one_provider_code_is_refused_or_flagged():
    for listed, reason in (
        (None, Reason.TN_AUTH_LIST_MISSING),
        (b"\x16\x03n/a", Reason.TN_AUTH_LIST_MALFORMED),
        (spc_list(""), Reason.TN_AUTH_LIST_MALFORMED),
        (spc_list("709J", "111A"), Reason.TN_AUTH_LIST_MALFORMED),
    ):
        leaf = issue("Some SHAKEN 709J", by=PKI.authority, tn_auth_list=listed)
        PKI.book["https://a.example.com/x.pem"] = [leaf.certificate, PKI.authority.certificate]
        token = make_token(leaf.key, claims(), x5u="https://a.example.com/x.pem")
        verdict = PKI.verifier().verify_token(token, now=NOW)
        assert (verdict.reason, verdict.spc, verdict.spc_from_name) == (reason, "709J", True)
        assert PKI.verifier(require_spc=False).verify_token(token, now=NOW).reason is None


def test_an_untrusted_or_missing_certificate_is_said_so():
    stranger = issue("SHAKEN 709J", by=issue("Other root", authority=True), tn_auth_list=spc_list("709J"))
    PKI.book["https://b.example.com/x.pem"] = [stranger.certificate]
    verdict = PKI.verifier().verify_token(
        make_token(stranger.key, claims(), x5u="https://b.example.com/x.pem"), now=NOW
    )
    assert (verdict.reason, verstat(verdict.reason), sip_status(verdict.reason)) == (
        Reason.CERTIFICATE_UNTRUSTED,
        Verstat.FAILED,
        437,
    )
    missing = PKI.verifier().verify_token(
        make_token(stranger.key, claims(), x5u="https://c.example.com/x.pem"), now=NOW
    )
    assert (missing.reason, sip_status(missing.reason)) == (Reason.CERTIFICATE_UNAVAILABLE, 436)


def test_claim_constraints_of_the_chain_are_kept():
    cases = [
        ({"plain": constraints(include=("rcd",))}, Reason.CLAIM_CONSTRAINED),
        ({"plain": constraints(permitted={"attest": ("B", "C")})}, Reason.CLAIM_CONSTRAINED),
        ({"plain": constraints(permitted={"attest": ("A",)})}, None),
        ({"plain": constraints(permitted={"orig": ("12155550121",)})}, None),
        ({"enhanced": constraints(exclude=("attest",))}, Reason.CLAIM_CONSTRAINED),
        ({"enhanced": constraints(exclude=("rcd",))}, None),
        ({"enhanced": constraints(exclude=("iat",))}, Reason.CERTIFICATE_MALFORMED),
        ({"plain": b"\x30\x00"}, Reason.CERTIFICATE_MALFORMED),
    ]
    for extensions, reason in cases:
        leaf = issue("SHAKEN 709J", by=PKI.authority, tn_auth_list=spc_list("709J"), **extensions)
        PKI.book["https://d.example.com/x.pem"] = [leaf.certificate, PKI.authority.certificate]
        verdict = PKI.verifier().verify_token(
            make_token(leaf.key, claims(), x5u="https://d.example.com/x.pem"), now=NOW
        )
        assert verdict.reason is reason, extensions


def test_a_delegate_certificate_speaks_for_its_numbers_alone():
    parent = issue("SHAKEN 709J CA", by=PKI.root, authority=True, tn_auth_list=spc_list("709J"))
    delegate = issue("Enterprise", by=parent, tn_auth_list=number_list("12155550100", 100))
    address = "https://e.example.com/x.pem"
    PKI.book[address] = [delegate.certificate, parent.certificate]
    base = {"dest": {"tn": ["12155550131"]}, "iat": IAT, "orig": {"tn": "12155550121"}, "rcd": {"nam": "Enterprise"}}
    inside = PKI.verifier().verify_token(make_token(delegate.key, base, x5u=address, ppt="rcd"), now=NOW)
    assert inside.reason is None
    outside = base | {"orig": {"tn": "12155550200"}}
    assert (
        PKI.verifier().verify_token(make_token(delegate.key, outside, x5u=address, ppt="rcd"), now=NOW).reason
        is Reason.DELEGATE_OUT_OF_SCOPE
    )
    shaken = PKI.verifier().verify_token(make_token(delegate.key, claims(), x5u=address), now=NOW)
    assert shaken.reason is Reason.DELEGATE_OUT_OF_SCOPE
