"""The verifier follows the call store: each token judged once, as of its receipt, and again when it can be mended."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace

from headwater import clock
from headwater.accounts.actors import Actor, system
from headwater.calls.records import CallRecord
from headwater.errors import Forbidden, Invalid, Unavailable
from headwater.providers.models import Provider, RegistryEntry
from headwater.providers.registries.entries import Registry
from headwater.signers import actions, archive, queries, rules
from headwater.signers.models import Address, Certificate, Host, Signature, SignerHour
from headwater.signers.values import FlagKind, HostState
from headwater.signers.values import Signature as Judged
from headwater.stir.certificates import CertificateError, parse_pem_chain
from headwater.stir.fetch import Fetched
from headwater.stir.reasons import Check, Reason
from headwater.worker.verifier import Follower
from tests.signers.scenery import CALLING, Network, Store
from tests.stir.pki import X5U

pytestmark = pytest.mark.django_db

HOST = "certificates.example.com"
OPERATOR = system("operator")


@pytest.fixture
def network(tmp_path: Path) -> Network:
    made = Network()
    made.trust(tmp_path)
    return made


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def bring(network: Network, x5u: str = X5U) -> None:
    actions.bring_certificates(OPERATOR, network.chain_pem, x5u=x5u)


def follow(home: Path, store: Store, *, turns: int = 1) -> Follower:
    """Run a new follower that fetches nothing for some rounds."""
    follower = Follower(lambda: store, home, fetch=False)
    for turn in range(turns):
        follower.turn(clock.now() + timedelta(seconds=6 * turn))
    return follower


def verdict(call: CallRecord) -> Judged | None:
    """Return the verdict in force on a call."""
    return queries.of_records([call.record_id]).get(call.record_id)


def test_a_signed_call_gets_its_verdict_with_signer_attestation_and_every_check(home: Path, network: Network):
    bring(network)
    Provider.objects.create(name="Seven Voice", spc="709J", created_at=clock.now())
    call = network.call(network.identity())
    follow(home, Store(call))

    found = verdict(call)
    assert found is not None
    assert (found.result, found.reason, found.verstat, found.sip_status) == ("valid", "", "TN-Validation-Passed", 200)
    assert (found.spc, found.provider_name, found.attest, found.orig) == ("709J", "Seven Voice", "A", CALLING)
    assert found.signers == ("709J",)
    assert len(found.chain) == 3
    assert {one.check for one in found.checks if one.outcome == "passed"} >= {16, 19, 20}
    assert found.record_id == call.record_id


def test_a_call_is_judged_as_of_its_receipt_and_not_of_the_judging(home: Path, network: Network):
    bring(network)
    call = network.call(network.identity(iat=network.pki.at - 3_600), ago=3_600)
    stale = network.call(network.identity(iat=network.pki.at - 3_600))
    follow(home, Store(call, stale))
    assert verdict(call).result == "valid"  # type: ignore[union-attr]
    late = verdict(stale)
    assert (late.reason, [flag.kind for flag in late.flags]) == (Reason.STALE, [FlagKind.SKEWED])  # type: ignore[union-attr]


def test_one_token_that_every_hop_delivers_is_judged_once(home: Path, network: Network):
    bring(network)
    header = network.identity()
    store = Store(network.call(header), network.call(header), network.call(header))
    follow(home, store, turns=3)
    follow(home, store)
    assert Signature.objects.count() == 1
    assert queries.verifier().judged == 1
    assert sum(row.tokens for row in SignerHour.objects.all()) == 1


def test_a_copied_token_does_not_borrow_the_verdict_of_the_call_it_was_made_for(home: Path, network: Network):
    bring(network)
    header = network.identity()
    first, copy = network.call(header, ago=3), network.call(header, called="12155550199", ago=2)
    follow(home, Store(first))
    # Another process: what the first one kept in memory is gone.
    store = Store(first, copy, network.call(header, called="12155550199"))
    follow(home, store, turns=2)
    follow(home, store)
    assert Signature.objects.count() == 2
    made_for = Signature.objects.get(record_id=first.record_id)
    copied = Signature.objects.get(record_id=copy.record_id)
    assert (made_for.result, made_for.flags) == ("valid", [])
    assert (copied.result, copied.reason) == ("invalid", Reason.DEST_DIFFERS)
    (replayed,) = [flag for flag in copied.flags if flag["kind"] == FlagKind.REPLAYED]
    assert replayed["evidence"] == [str(copy.record_id), str(first.record_id)]
    found = queries.of_records([copy.record_id])[copy.record_id]
    assert [one.outcome for one in found.checks if one.check == Check.REPLAY and one.token == 0] == ["flagged"]


def test_a_token_that_comes_again_long_after_is_another_call(home: Path, network: Network):
    bring(network)
    header = network.identity(iat=int(time.time()) - 900)
    first, again = network.call(header, ago=900), network.call(header, ago=1)
    follow(home, Store(first, again))
    assert Signature.objects.get(record_id=first.record_id).result == "valid"
    assert Signature.objects.get(record_id=again.record_id).reason == Reason.STALE


def test_a_token_that_is_sent_to_thousands_takes_a_bounded_number_of_verdicts(home: Path, network: Network):
    bring(network)
    header = network.identity()
    store = Store(*(network.call(header, called=f"1215555{n:04d}", ago=2) for n in range(100)))
    follow(home, store, turns=2)
    follow(home, store)
    assert Signature.objects.count() == rules.MOST_USES


def test_a_message_from_a_capture_file_is_judged_as_of_the_capture(home: Path, network: Network):
    bring(network)
    live = network.call(network.identity(iat=int(time.time()) - 3_600), ago=3_600)
    filed = replace(live, received_at=clock.now(), headers={"file-name": "calls.pcap"})
    follow(home, Store(filed))
    assert Signature.objects.get().result == "valid"


def test_a_host_that_does_not_answer_cannot_hold_up_the_others(home: Path, network: Network):
    told = [0.0]

    def away(x5u: str) -> Fetched:
        told[0] += 3
        asked.append(x5u)
        raise CertificateError(Reason.CERTIFICATE_UNAVAILABLE, "no answer")

    asked: list[str] = []
    for host in ("away.example.com", "well.example.com"):
        actions.decide_host(OPERATOR, host, allow=True, reason="In the directory.")
    source = archive.Archive(away, lambda: told[0])
    for n in range(100):
        with pytest.raises(CertificateError):
            source(f"https://away.example.com/{n}.pem")
    assert len(asked) == 2
    with pytest.raises(CertificateError, match="no answer"):
        source("https://well.example.com/a.pem")
    told[0] += archive.PATIENCE_OVER_S
    with pytest.raises(CertificateError, match="no answer"):
        source("https://away.example.com/a.pem")


def test_a_server_that_was_away_is_asked_again_later(home: Path, network: Network):
    answers: list[Fetched] = []

    def serve(x5u: str) -> Fetched:
        if not answers:
            raise CertificateError(Reason.CERTIFICATE_UNAVAILABLE, "no answer")
        return answers[0]

    actions.decide_host(OPERATOR, HOST, allow=True, reason="In the directory.")
    call = network.call(network.identity())
    follower = Follower(lambda: Store(call), home)
    follower._archive._fetch = serve
    follower.turn(clock.now())
    assert Signature.objects.get().reason == Reason.CERTIFICATE_UNAVAILABLE
    answers.append(Fetched(X5U, network.chain_pem, "ab" * 32, 0.0, 1e12, tuple(parse_pem_chain(network.chain_pem))))
    follower.turn(clock.now() + timedelta(minutes=5))
    assert Signature.objects.count() == 1
    follower.turn(clock.now() + actions.RETRY_AFTER + timedelta(seconds=30))
    assert Signature.objects.get(current=True).result == "valid"


def test_a_signer_whose_filing_was_removed_is_flagged(home: Path, network: Network):
    bring(network)
    Provider.objects.create(name="Seven Voice", spc="709J", frn="0012345678", created_at=clock.now())
    file_of("0012345678")
    listed, removed = network.call(network.identity(), ago=2), network.call(network.identity(orig={"tn": CALLING}))
    follow(home, Store(listed))
    RegistryEntry.objects.update(valid_to=clock.now())
    file_of("0099999999")
    follow(home, Store(removed))
    kinds = {row.record_id: [flag["kind"] for flag in row.flags] for row in Signature.objects.all()}
    assert kinds == {listed.record_id: [], removed.record_id: [FlagKind.SIGNER_UNFILED]}


def file_of(frn: str) -> None:
    RegistryEntry.objects.create(
        registry=Registry.RMD, key=f"RMD{frn[-7:]}", frn=frn, detail={}, digest=uuid4(), valid_from=clock.now()
    )


def test_after_a_kill_the_next_verifier_goes_on_where_the_last_was(home: Path, network: Network):
    bring(network)
    first, second = network.call(network.identity(), ago=20), network.call(network.identity(), ago=1)
    store = Store(first)
    follow(home, store)
    store.held.append(second)
    follow(home, store)
    assert Signature.objects.count() == 2
    assert queries.verifier().read_to == second.received_at


def test_a_host_that_nobody_allowed_is_never_asked_and_waits_for_review(home: Path, network: Network):
    def never(x5u: str) -> Fetched:
        raise AssertionError(x5u)

    call = network.call(network.identity())
    follower = Follower(lambda: Store(call), home)
    follower._archive._fetch = never
    follower.turn(clock.now())
    found = verdict(call)
    assert found is not None
    assert (found.result, found.reason, found.host) == ("invalid", Reason.X5U_REFUSED, HOST)
    (host,) = queries.hosts(OPERATOR)
    assert (host.host, host.state, host.asked_for, host.sample) == (HOST, HostState.WAITING, 1, X5U)


@pytest.mark.parametrize(
    "x5u",
    ["https://127.0.0.1/a.pem", "http://certificates.example.com/a.pem", "https://[::1]/a.pem",
     "https://169.254.169.254/latest", "https://user@certificates.example.com/a.pem", "https://localhost/x"],
)  # fmt: skip
def test_an_address_that_breaks_the_rules_is_refused_also_where_its_host_is_allowed(
    home: Path, network: Network, x5u: str
):
    Host.objects.create(host=archive.host_of(x5u), state="allowed", first_seen_at=clock.now(), last_seen_at=clock.now())

    def never(asked: str) -> Fetched:
        raise AssertionError(asked)

    call = network.call(network.identity(x5u=x5u))
    follower = Follower(lambda: Store(call), home)
    follower._archive._fetch = never
    follower.turn(clock.now())
    found = verdict(call)
    assert found is not None
    assert found.reason == Reason.X5U_REFUSED
    assert FlagKind.ADDRESS_ODD in [flag.kind for flag in found.flags]


def test_once_a_host_is_allowed_its_calls_are_judged_again_as_a_new_version(home: Path, network: Network, desk: Actor):
    call = network.call(network.identity())
    store = Store(call)
    follower = Follower(lambda: store, home)
    asked: list[str] = []

    def fetch(x5u: str) -> Fetched:
        asked.append(x5u)
        chain = tuple(network.pki.book[X5U])
        return Fetched(x5u, network.chain_pem, "ab" * 32, 0.0, 1e12, chain)

    follower._archive._fetch = fetch
    follower.turn(clock.now())
    assert asked == []
    actions.decide_host(desk, HOST, allow=True, reason="Listed in the directory.")
    follower.turn(clock.now() + timedelta(seconds=6))
    found = verdict(call)
    assert found is not None
    assert (found.result, found.version, asked) == ("valid", 2, [X5U])
    assert [one.result for one in queries.versions(OPERATOR, call.record_id)] == ["valid", "invalid"]
    assert Certificate.objects.filter(spc="709J").count() == 1
    assert Address.objects.get().came_by == "fetched"
    # Counted under what it is now, and no longer under what it was.
    assert {(row.spc, row.result): row.tokens for row in SignerHour.objects.all() if row.tokens} == {
        ("709J", "valid"): 1
    }
    follower.turn(clock.now() + timedelta(seconds=12))
    assert Signature.objects.count() == 2


def test_a_certificate_that_somebody_brings_mends_its_calls(home: Path, network: Network):
    call = network.call(network.identity())
    follower = follow(home, Store(call))
    bring(network)
    follower.turn(clock.now() + timedelta(seconds=6))
    assert verdict(call).result == "valid"  # type: ignore[union-attr]


def test_thousands_of_addresses_from_one_sender_are_bounded(home: Path):
    source = archive.Archive(None, lambda: clock.now().timestamp(), most_waiting=20)
    for number in range(60):
        with pytest.raises(CertificateError, match="waits for review"):
            source(f"https://h{number}.example.com/a.pem")
    assert Host.objects.count() == 20


def test_rubbish_in_the_header_is_a_verdict(home: Path, network: Network):
    calls = [
        network.call(header)
        for header in ("x", "a.b.c;info=<https://certificates.example.com/a>", "e30.e30.e30;info=<x>;alg=none",
                       "A" * 9_000, "..;;", "eyJ.." * 50)
    ]  # fmt: skip
    follow(home, Store(*(replace(call, identity_digest=f"{n:064x}") for n, call in enumerate(calls))))
    assert Signature.objects.filter(result="invalid").exclude(reason="").count() == len(calls)


def test_the_called_number_is_in_no_verdict(home: Path, network: Network):
    bring(network)
    other = network.call(network.identity(dest={"tn": ["12155550199"]}))
    good = network.call(network.identity())
    follow(home, Store(other, good))
    stored = str(list(Signature.objects.values()))
    assert "12155550199" not in stored
    assert "12155550131" not in stored


def test_another_signer_of_one_number_with_another_attestation_is_flagged(home: Path, network: Network):
    bring(network)
    first, second = network.call(network.identity()), network.call(network.identity(attest="C"))
    store = Store(first)
    follow(home, store)
    store.held.append(second)
    follow(home, store)
    found = verdict(second)
    assert found is not None
    assert [flag.kind for flag in found.flags] == [FlagKind.ATTESTATION_CHANGES]


def test_a_certificate_that_was_renewed_stays_in_the_archive_beside_the_new_one(home: Path, network: Network):
    bring(network)
    bring(network)
    assert Address.objects.count() == 1
    later = Network()
    actions.bring_certificates(OPERATOR, later.chain_pem, x5u=X5U)
    assert Address.objects.count() == 2
    assert Certificate.objects.filter(spc="709J").count() == 2


def test_only_those_with_the_permission_decide_and_a_decision_needs_a_reason(
    desk: Actor, agency: Actor, provider: Actor, custodian: Actor
):
    for stranger in (agency, provider, custodian):
        with pytest.raises(Forbidden):
            actions.decide_host(stranger, HOST, allow=True, reason="x")
        with pytest.raises(Forbidden):
            actions.bring_certificates(stranger, b"", x5u=X5U)
    for host, reason in ((HOST, " "), ("127.0.0.1", "why not"), ("localhost", "x"), ("a b", "x"), ("x" * 300, "x")):
        with pytest.raises(Invalid):
            actions.decide_host(desk, host, allow=True, reason=reason)
    with pytest.raises(Invalid):
        actions.bring_certificates(desk, b"rubbish", x5u=X5U)
    with pytest.raises(Invalid):
        actions.bring_certificates(desk, b"rubbish", x5u="ftp://x")
    assert not Host.objects.exists()


def test_a_directory_allows_what_is_not_decided_and_leaves_what_is(desk: Actor):
    actions.decide_host(desk, "bad.example.com", allow=False, reason="Sold.")
    told = actions.allow_hosts(desk, [HOST, "bad.example.com", "10.0.0.1", ""], reason="Directory of 2026-11-24.")
    assert told == (1, 1)
    states = {row.host: row.state for row in queries.hosts(desk)}
    assert states == {HOST: HostState.ALLOWED, "bad.example.com": HostState.REFUSED}


def test_an_older_certificate_serves_where_the_network_is_away(home: Path, network: Network):
    bring(network)
    Address.objects.update(last_had_at=clock.now() - timedelta(days=3))
    Host.objects.create(host=HOST, state="allowed", first_seen_at=clock.now(), last_seen_at=clock.now())

    def away(x5u: str) -> Fetched:
        raise CertificateError(Reason.CERTIFICATE_UNAVAILABLE, x5u)

    source = archive.Archive(away, lambda: clock.now().timestamp())
    assert [each.sha256 for each in source(X5U)] == [each.sha256 for each in network.pki.book[X5U]]


def test_a_call_store_that_is_away_is_waited_for(home: Path):
    class Away(Store):
        def signed_since(self, at: Any, *, limit: int) -> Any:
            message = f"away at {at} for {limit}"
            raise Unavailable(message)

    with pytest.raises(Unavailable):
        follow(home, Away())


def test_a_trust_list_that_cannot_be_read_leaves_the_old_one_in_force(home: Path, network: Network):
    bring(network)
    store = Store()
    follower = follow(home, store)
    (home / "trust" / "US" / "new.pem").write_bytes(b"rubbish")
    store.held.append(network.call(network.identity()))
    follower.turn(clock.now() + timedelta(seconds=60))
    assert Signature.objects.get().result == "valid"


def test_calls_that_no_list_trusted_are_judged_again_once_one_does(home: Path):
    network = Network()
    bring(network)
    call = network.call(network.identity())
    follower = follow(home, Store(call))
    assert verdict(call).reason == Reason.CERTIFICATE_UNTRUSTED  # type: ignore[union-attr]
    network.trust(home)
    follower.turn(clock.now() + timedelta(seconds=6))
    found = verdict(call)
    assert found is not None
    assert (found.result, found.version) == ("valid", 2)
