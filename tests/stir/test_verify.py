"""The whole judgement: every check listed, live and as evidence, a call held against its tokens."""

from concurrent.futures import ThreadPoolExecutor

from headwater.stir.certificates import Certificate
from headwater.stir.reasons import Check, Outcome, Reason, Verstat
from headwater.stir.sign import make_identity, make_token
from headwater.stir.verdict import Mode, Result
from headwater.stir.verify import MOST_HEADERS, Call, Verifier
from tests.stir.lab import NOW, PKI, good
from tests.stir.pki import IAT, X5U, claims


def test_every_check_of_a_good_token_is_listed_with_its_outcome():
    verdict = PKI.verifier().verify_header(good(), now=NOW)
    assert (verdict.result, verdict.spc, verdict.claim("attest")) == (Result.VALID, "709J", "A")
    outcomes = {each.check: each.outcome for each in verdict.findings}
    assert set(outcomes) == set(Check)
    not_made = {check for check, outcome in outcomes.items() if outcome is Outcome.NOT_MADE}
    assert not_made == {Check.REVOCATION, Check.CALL_MATCH, Check.REPLAY}
    assert outcomes[Check.SIGNATURE] is Outcome.PASSED


def test_evidence_is_judged_at_iat_and_says_what_came_later():
    old = good(iat=IAT)
    year_later = IAT + 365 * 86_400
    live = PKI.verifier().verify_header(old, now=year_later)
    assert live.reason is Reason.CERTIFICATE_EXPIRED
    evidence = PKI.verifier().verify_header(old, now=year_later, mode=Mode.EVIDENCE)
    assert (evidence.reason, evidence.judged_at) == (None, IAT)
    early = PKI.verifier().verify_header(good(iat=IAT - 90_000), now=year_later, mode=Mode.EVIDENCE)
    assert early.reason is Reason.CERTIFICATE_NOT_YET_VALID


def test_the_called_number_must_be_among_the_destinations():
    verifier = PKI.verifier()
    several = good(dest={"tn": ["12155550131", "12155550132"]})
    assert verifier.verify_call([several], Call(calling="2155550121", called="(215) 555-0132"), now=NOW).reason is None
    wrong = verifier.verify_call([several], Call(calling="12155550121", called="12155550133"), now=NOW)
    assert (wrong.reason, wrong.sip_status, wrong.verstat) == (Reason.DEST_DIFFERS, 438, Verstat.NONE)
    assert (
        verifier.verify_call([several], Call(calling="12155559999", called="12155550132"), now=NOW).reason
        is Reason.ORIG_DIFFERS
    )


def test_one_message_buys_a_bounded_number_of_fetches():
    asked: list[str] = []

    def source(x5u: str) -> list[Certificate]:
        asked.append(x5u)
        return []  # a source that has nothing: unavailable, and no exception

    addresses = [f"https://host{number}.example.com/c.pem" for number in range(500)]
    headers = [make_identity(make_token(PKI.leaf.key, claims(), x5u=each), x5u=each) for each in addresses]
    verdict = Verifier(source, PKI.verifier().trust).verify_call([", ".join(headers)], Call(), now=NOW)
    assert len(asked) == len(verdict.tokens) == MOST_HEADERS
    assert verdict.reason is Reason.CERTIFICATE_UNAVAILABLE
    assert "500 Identity headers" in verdict.findings[0].detail


def test_several_threads_share_one_verifier_and_agree():
    headers = [good(origid=f"123e4567-e89b-12d3-a456-{number:012}") for number in range(120)]
    headers += [each.replace(";info", "A;info") for each in headers[:20]]
    alone = [PKI.verifier().verify_header(each, now=NOW).reason for each in headers]
    shared = PKI.verifier(judged_tokens=50)  # full again and again
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: [shared.verify_header(each, now=NOW).reason for each in headers], range(4)))
    assert runs == [alone] * 4


def test_a_call_without_a_header_is_428():
    verdict = PKI.verifier().verify_call([], Call(), now=NOW)
    assert (verdict.reason, verdict.sip_status, verdict.verstat) == (Reason.IDENTITY_MISSING, 428, Verstat.NONE)


def test_a_header_with_an_unknown_extension_does_not_spoil_a_good_one():
    other = make_identity(make_token(PKI.leaf.key, claims(), x5u=X5U, ppt="rsp"), x5u=X5U, ppt="rsp")
    assert PKI.verifier().verify_call([other, good()], Call(called="12155550131"), now=NOW).reason is None
