"""The five anomalies and the abuse flags: each with its evidence, each only where the facts carry it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from headwater.numbering.numbers import E164
from headwater.numbering.plan import DnoKind, Standing
from headwater.signers import rules
from headwater.signers.rules import Registers, Signed, Use
from headwater.signers.values import FlagKind, PathStep
from headwater.stir.reasons import Reason

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SIGNED = Signed(
    record_id="R-1", spc="709J", attest="A", origid="o-1", orig="12155550121", calling="12155550121", iat=NOW,
    seen_at=NOW, reasons=frozenset(), signature_holds=True, x5u="https://c.example.com/a.pem", certificate="ab" * 32,
)  # fmt: skip


def standing(**changes: object) -> Standing:
    values = {"number": E164("12155550121"), "possible": True, "ocn": "", "unallocated": False, "listed": ()}
    return Standing(**(values | changes))  # type: ignore[arg-type]


def kinds(signed: Signed = SIGNED, **more: object) -> list[FlagKind]:
    said = Registers(**{name: more.pop(name) for name in ("standing", "listed", "filed") if name in more})  # type: ignore[arg-type]
    return [flag.kind for flag in rules.flags(signed, registers=said, **more)]  # type: ignore[arg-type]


def test_an_ordinary_signed_call_has_no_flag():
    assert kinds(standing=standing(), listed=True, attested_before=["A"]) == []
    assert kinds() == []


@pytest.mark.parametrize("changes", [{"possible": False}, {"unallocated": True}, {"listed": (DnoKind.SUBSCRIBER,)}])
def test_a_attestation_on_a_number_that_no_call_can_come_from_is_flagged(changes: dict[str, object]):
    (flag,) = rules.flags(SIGNED, registers=Registers(standing=standing(**changes)))
    assert (flag.kind, flag.evidence, flag.rule_version) == (FlagKind.SPOOFED_WITH_A, ("R-1",), rules.VERSION)
    assert kinds(replace(SIGNED, attest="C"), standing=standing(**changes)) == []
    # A claim that nobody signed is no signer's doing.
    assert kinds(replace(SIGNED, signature_holds=False), standing=standing(**changes)) == []


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (Reason.CERTIFICATE_REVOKED, FlagKind.CERTIFICATE_ENDED),
        (Reason.CERTIFICATE_EXPIRED, FlagKind.CERTIFICATE_ENDED),
        (Reason.TN_AUTH_LIST_MALFORMED, FlagKind.CODE_MALFORMED),
        (Reason.X5U_REFUSED, FlagKind.ADDRESS_ODD),
        (Reason.ORIG_DIFFERS, FlagKind.NUMBER_DIFFERS),
        (Reason.STALE, FlagKind.SKEWED),
    ],
)
def test_a_failed_check_is_a_flag_of_its_own_kind(reason: Reason, kind: FlagKind):
    assert kinds(replace(SIGNED, reasons=frozenset({reason}))) == [kind]


def test_a_skew_is_told_in_seconds():
    late = replace(SIGNED, iat=NOW - timedelta(seconds=300), reasons=frozenset({Reason.STALE}))
    assert rules.flags(late)[0].detail == "received 300 s after it was signed"


def test_a_code_is_unlisted_only_where_a_register_was_loaded():
    assert kinds(listed=False) == [FlagKind.SIGNER_UNLISTED]
    assert kinds(listed=None) == []


def test_a_signer_is_unfiled_only_where_the_database_was_loaded_and_its_frn_is_known():
    assert kinds(filed=False) == [FlagKind.SIGNER_UNFILED]
    assert kinds(filed=True) == []
    assert kinds(filed=None) == []


def test_full_attestation_for_numbers_of_many_other_carriers_is_flagged_with_its_calls():
    held = [(f"1215555{n:04d}", f"80{n % 5}A", f"R-{n}") for n in range(rules.FOREIGN_NUMBERS)]
    (flag,) = rules.foreign(held, spc="709J")
    assert flag.kind is FlagKind.FOREIGN_NUMBERS
    assert flag.detail.startswith("20 numbers attested A by 709J are of blocks of 5 other carriers")
    assert len(flag.evidence) == rules.EVIDENCE
    assert rules.foreign(held[1:], spc="709J") == []
    assert rules.foreign(held, spc="800A") == []
    assert rules.foreign([(number, "800A", record) for number, _, record in held], spc="709J") == []
    assert rules.foreign([held[0]] * 100, spc="709J") == []


def test_another_attestation_of_the_same_number_is_flagged():
    (flag,) = rules.flags(SIGNED, attested_before=["A", "C"])
    assert flag.kind is FlagKind.ATTESTATION_CHANGES
    assert "A here and C elsewhere" in flag.detail


def test_one_token_for_several_calls_is_flagged_with_the_other_calls_as_evidence():
    (flag,) = rules.flags(SIGNED, used_before=["R-1", "R-2"])
    assert flag.kind is FlagKind.REPLAYED
    assert flag.evidence[1:] == ("R-1", "R-2")


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Use(calling="2155550121", called="2155550131", at=NOW + timedelta(seconds=300)), True),
        (Use(calling="2155550121", called="2155550131", at=NOW + timedelta(seconds=301)), False),
        (Use(calling="2155550121", called="2155550131", at=None), True),
        (Use(calling="2155550121", called="2155550132", at=NOW), False),
        (Use(calling="2155550199", called="2155550131", at=NOW), False),
        (Use(calling="", called="", at=None), True),
    ],
)
def test_a_record_tells_of_a_known_call_unless_it_contradicts(other: Use, *, same: bool):
    assert rules.one_call(Use(calling="2155550121", called="2155550131", at=NOW), other) is same


def calls(count: int, **changes: object) -> list[Signed]:
    return [replace(SIGNED, record_id=f"R-{n}", orig=f"1215555{n:04d}", **changes) for n in range(count)]


def test_many_numbers_attested_a_over_one_origid_in_one_campaign_are_the_pattern_of_a_platform():
    (flag,) = rules.platform(calls(rules.PLATFORM_NUMBERS), campaign="C-1")
    assert flag.kind is FlagKind.HACKED_PLATFORM
    assert len(flag.evidence) == rules.PLATFORM_NUMBERS
    assert rules.platform(calls(rules.PLATFORM_NUMBERS - 1), campaign="C-1") == []
    assert rules.platform(calls(20, attest="B"), campaign="C-1") == []
    assert rules.platform(calls(20, origid=""), campaign="C-1") == []
    assert rules.platform([replace(SIGNED, record_id=f"R-{n}") for n in range(20)], campaign="C-1") == []


def step(hop: int, spc: str, answer: str = "UPSTREAM_US", digest: str = "", *, leg: bool = True) -> PathStep:
    return PathStep(
        hop=hop, spc=spc, name=f"{spc} Voice", question_id=f"Q-{hop}", answer=answer, identity_digest=digest,
        states_leg=leg,
    )  # fmt: skip


PATH = (step(1, "709A"), step(2, "709B"), step(3, "709C", "ORIGINATED"))


def found(signer: str, attest: str = "A", path: tuple[PathStep, ...] = PATH, *reasons: str) -> list[FlagKind]:
    return [
        flag.kind
        for flag in rules.anomalies(signers=[signer] if signer else [], attest=attest, reasons=reasons, path=path)
    ]


def test_the_origin_that_signed_its_own_call_is_no_anomaly():
    assert found("709C") == []
    assert found("") == []


def test_a_signer_that_is_no_hop_of_a_whole_path_is_named_and_of_an_open_one_is_not():
    assert found("999Z") == [FlagKind.SIGNER_NOT_IN_PATH]
    assert found("999Z", "A", PATH[:2]) == []


@pytest.mark.parametrize(("attest", "kinds_"), [("A", 1), ("B", 1), ("C", 0)])
def test_a_downstream_provider_that_vouches_for_anothers_customer_is_named(attest: str, kinds_: int):
    assert found("709B", attest) == [FlagKind.DOWNSTREAM_SIGNED] * kinds_


def test_an_ended_certificate_is_an_anomaly_of_the_path_too():
    assert found("709C", "A", PATH, Reason.CERTIFICATE_REVOKED) == [FlagKind.CERTIFICATE_ENDED]


def test_who_received_a_call_signed_and_handed_it_on_unsigned_is_named():
    path = (step(1, "709A"), step(2, "709B", digest="ab" * 32), step(3, "709C", "ORIGINATED", "ab" * 32))
    (flag,) = rules.anomalies(signers=[], attest="", reasons=[], path=path)
    assert flag.kind is FlagKind.STRIPPED
    assert flag.detail.startswith("709B Voice (709B) received the call signed; 709A Voice received it unsigned")
    # An answer that describes no leg says nothing of a header.
    assert rules.anomalies(signers=[], attest="", reasons=[], path=(step(1, "709A", leg=False), *path[1:])) == []
