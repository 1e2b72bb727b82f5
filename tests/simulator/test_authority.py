"""The simulated authority: what its carriers sign holds under its own root and under no other."""

from datetime import UTC, datetime

from headwater.simulator import authority, passports
from headwater.stir.certificates import TrustList, parse_pem_chain
from headwater.stir.reasons import Reason
from headwater.stir.verify import Call, Verifier

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def verifier(seed: int, *, trusted: int) -> Verifier:
    roots = parse_pem_chain(authority.root_pem(trusted, NOW))
    return Verifier(lambda _: parse_pem_chain(authority.chain_pem(seed, "X010", NOW)), [TrustList(roots)])


def identity(seed: int, **changes: str) -> str:
    claim = {
        "signer": "X010",
        "customer": "198.51.100.7",
        "attest": "A",
        "calling": "12025550123",
        "called": "13135550101",
    }
    return passports.identity(passports.Claim(seed=seed, at=NOW, **(claim | changes)))


def test_a_simulated_signature_holds_under_the_simulated_root():
    verdict = verifier(7, trusted=7).verify_call(
        [identity(7)], Call(calling="12025550123", called="13135550101"), now=NOW.timestamp()
    )
    assert (verdict.reason, verdict.signers) == (None, ("X010",))


def test_under_another_networks_root_it_does_not():
    verdict = verifier(7, trusted=8).verify_header(identity(7), now=NOW.timestamp())
    assert verdict.reason is Reason.CERTIFICATE_UNTRUSTED


def test_one_seed_gives_the_same_certificates_octet_for_octet():
    assert authority.chain_pem(7, "X010", NOW) == authority.chain_pem(7, "X010", NOW)
    assert authority.chain_pem(7, "X010", NOW) != authority.chain_pem(8, "X010", NOW)
