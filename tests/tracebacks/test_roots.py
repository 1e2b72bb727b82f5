"""What a carrier publishes stands: no root is replaced or slipped in, and no answer is taken with a false proof."""

from hashlib import sha256

import msgspec
import pytest

from headwater.accounts.actors import Actor
from headwater.audit.models import AuditEntry
from headwater.calls.commitments import Tree, leaf, record_key
from headwater.errors import Invalid
from headwater.providers.actions import agent_actor
from headwater.tracebacks import roots
from headwater.tracebacks.checks import ProviderError
from headwater.tracebacks.roots import RootRefused
from headwater.wire import agents as wire
from headwater.wire.commitments import Root
from tests.tracebacks.support import register

pytestmark = pytest.mark.django_db
SECRET = b"s" * 32
NAME, DIGEST = "0190b1f5-0000-7000-8000-000000000001", "ab" * 32


@pytest.fixture
def carrier() -> Actor:
    return agent_actor(register("ALDER"))


def tree(minute: str, *names: str) -> Tree:
    leaves = [leaf(record_key(SECRET, name), name, DIGEST) for name in names]
    return Tree(leaves, secret=SECRET, minute=minute, depth=4)


def chain(*minutes: str, first: str = "0" * 64) -> list[tuple[str, Root]]:
    made: list[tuple[str, Root]] = []
    for minute in minutes:
        before = sha256(made[-1][0].encode()).hexdigest() if made else first
        root = tree(minute, NAME).root.hex()
        made.append(
            (f"jws of {minute} {root[:8]}", Root(spc="ALDER", minute=minute, depth=4, root=root, previous=before))
        )
    return made


ONE, TWO, THREE = "2026-06-09T16:00Z", "2026-06-09T16:01Z", "2026-06-09T16:02Z"


def test_roots_are_taken_once_and_say_where_the_hub_stands(carrier: Actor) -> None:
    sent = chain(ONE, TWO)
    assert roots.take_roots(carrier, sent).taken == 2
    again = roots.take_roots(carrier, sent)
    assert (again.taken, again.last) == (0, TWO)
    assert roots.take_roots(carrier, []).last == TWO


def test_another_root_for_a_minute_is_refused_and_audited(carrier: Actor) -> None:
    roots.take_roots(carrier, chain(ONE))
    other = Root(spc="ALDER", minute=ONE, depth=4, root="cd" * 32, previous="0" * 64)
    with pytest.raises(RootRefused, match="never replaced"):
        roots.take_roots(carrier, [("another", other)])
    assert AuditEntry.objects.filter(tag="root:minute:refused").count() == 1


def test_a_root_that_does_not_follow_or_comes_between_is_refused_with_all_of_its_request(carrier: Actor) -> None:
    roots.take_roots(carrier, chain(ONE))
    with pytest.raises(RootRefused, match="does not follow"):
        roots.take_roots(carrier, chain(TWO, THREE, first="ee" * 32))
    assert roots.take_roots(carrier, []).last == ONE
    good = chain(ONE, THREE)
    roots.take_roots(carrier, good)
    with pytest.raises(RootRefused, match="afterwards"):
        roots.take_roots(carrier, chain(ONE, TWO)[1:])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"minute": "2026-06-09 16:00"}, "minute"),
        ({"root": "zz"}, "hexadecimal"),
        ({"root": "ab"}, "32 octets"),
        ({"depth": 25}, "depth"),
        ({"minute": "2999-01-01T00:00Z"}, "still to come"),
    ],
)
def test_what_is_no_root_is_refused(carrier: Actor, change: dict[str, object], words: str) -> None:
    [(jws, root)] = chain(ONE)
    with pytest.raises(Invalid, match=words):
        roots.take_roots(carrier, [(jws, msgspec.structs.replace(root, **change))])


def answer(proof: object, **more: object) -> wire.Answer:
    leg = wire.Leg(call_at="2026-06-09T15:59:00Z", calling="1", called="2", record_id=NAME, record_sha256=DIGEST)
    leg = msgspec.structs.replace(leg, proof=proof, **more)
    return wire.Answer(
        question_id="Q", traceback_id="T", provider=wire.Party(spc="ALDER"), code=wire.AnswerCode.ORIGINATED,
        ingress=leg, answered_at="2026-06-09T16:03:00Z",
    )  # fmt: skip


def test_a_proof_that_leads_to_the_published_root_is_taken_and_any_other_refused(carrier: Actor) -> None:
    roots.take_roots(carrier, chain(ONE))
    proof = tree(ONE, NAME).proof(0, key=record_key(SECRET, NAME))
    assert roots.prove(carrier.provider_id, answer(proof)) == {"ingress": ONE}
    assert roots.prove(carrier.provider_id, answer(None)) == {}
    with pytest.raises(ProviderError, match="does not lead"):
        roots.prove(carrier.provider_id, answer(proof, record_sha256="ff" * 32))
    with pytest.raises(ProviderError, match="no root"):
        roots.prove(carrier.provider_id, answer(msgspec.structs.replace(proof, minute=TWO)))
    with pytest.raises(ProviderError, match="hexadecimal"):
        roots.prove(carrier.provider_id, answer(msgspec.structs.replace(proof, key="zz")))


def test_a_proof_under_another_carriers_root_proves_nothing(carrier: Actor) -> None:
    other = agent_actor(register("BIRCH"))
    roots.take_roots(other, chain(ONE))
    proof = tree(ONE, NAME).proof(0, key=record_key(SECRET, NAME))
    with pytest.raises(ProviderError, match="no root"):
        roots.prove(carrier.provider_id, answer(proof))
