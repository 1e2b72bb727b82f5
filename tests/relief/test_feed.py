"""The published feed: what is written can be read back, and nothing that was changed on the way passes."""

import base64
import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import Invalid
from headwater.evidence import keys
from headwater.relief import feed, feed_check
from headwater.relief.feed import Edition, FeedEntry, Removed
from headwater.relief.feed_check import NotTheFeed
from headwater.relief.states import BlockReason, ListKind, Removal

#: The machine may be slow; what is drawn is small.
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = keys.raw(KEY.public_key())
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)

ENTRIES = st.builds(
    FeedEntry,
    number=st.integers(10_000_000_000, 19_999_999_999).map(str),
    id=st.text("0123456789ABCDEF", min_size=10, max_size=10).map(lambda word: f"BE-{word}"),
    list=st.sampled_from(ListKind),
    reason=st.sampled_from(BlockReason),
    evidence=st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=40),
    calls=st.integers(0, 10_000_000),
    since=st.integers(0, 10_000_000).map(lambda seconds: NOW - timedelta(seconds=seconds)),
    until=st.integers(1, 10_000_000).map(lambda seconds: NOW + timedelta(seconds=seconds)),
)
WORLDS = st.lists(ENTRIES, max_size=12, unique_by=lambda entry: entry.id)


def edition(version: int = 1) -> Edition:
    return Edition(version=version, published_at=NOW, appeals="https://carrier.example/block-feed/")


def signed(
    entries: Sequence[FeedEntry], before: Sequence[FeedEntry] = (), version: int = 1, key: Ed25519PrivateKey = KEY
) -> tuple[bytes, dict[str, bytes]]:
    """A version as the publisher makes it."""
    added, gone = feed.changed(before, entries)
    removed = [Removed(id=one.id, number=one.number, why=Removal.ENDED) for one in gone]
    files = {
        feed.SNAPSHOT: feed.snapshot(edition(version), entries),
        feed.TABLE: feed.table(entries),
        feed.DELTA: feed.delta(edition(version), added, removed),
    }
    payload = feed.head(edition(version), files, entries=len(entries), previous="")
    body = feed.signing_input(payload, keys.key_id(key.public_key()))
    return b".".join((body, feed.encoded(key.sign(body)))), files


@given(WORLDS)
def test_what_was_published_is_read_back_as_it_was(entries: list[FeedEntry]):
    jws, files = signed(entries)
    head = feed_check.read_head(jws, PUBLIC)
    feed_check.check_fresh(head, now=NOW)
    assert feed_check.entries_of(head, files[feed.SNAPSHOT]) == tuple(sorted(entries))
    assert head.entries == len(entries)
    feed_check.check_file(head, feed.TABLE, files[feed.TABLE])


@given(WORLDS, WORLDS)
def test_a_delta_leads_from_any_version_to_the_next(before: list[FeedEntry], after: list[FeedEntry]):
    jws, files = signed(after, before, version=2)
    head = feed_check.read_head(jws, PUBLIC)
    assert feed_check.moved_on(before, head, files[feed.DELTA]) == tuple(sorted(after))


@settings(max_examples=50)
@given(WORLDS.filter(bool), st.randoms(use_true_random=False))
def test_any_changed_octet_of_any_file_is_found(entries: list[FeedEntry], rng: random.Random):
    jws, files = signed(entries)
    head = feed_check.read_head(jws, PUBLIC)
    for name, octets in files.items():
        changed = bytearray(octets)
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        with pytest.raises(NotTheFeed):
            feed_check.check_file(head, name, bytes(changed))
    changed = bytearray(jws)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    with pytest.raises(NotTheFeed):
        feed_check.read_head(bytes(changed), PUBLIC)


def test_another_key_an_old_version_and_one_that_is_over_are_refused():
    jws, _ = signed([], version=7)
    head = feed_check.read_head(jws, PUBLIC)
    with pytest.raises(NotTheFeed, match="another key"):
        feed_check.read_head(signed([], key=Ed25519PrivateKey.generate())[0], PUBLIC)
    with pytest.raises(NotTheFeed, match="version 8 is known already"):
        feed_check.check_fresh(head, now=NOW, at_least=8)
    with pytest.raises(NotTheFeed, match="no newer one was to be had"):
        feed_check.check_fresh(head, now=NOW + feed.LIFE)


@pytest.mark.parametrize("protected", [{"alg": "none"}, {"alg": "HS256"}, {"alg": "EdDSA", "jku": "https://evil"}, []])
def test_a_head_that_names_another_way_of_signing_is_refused(protected: object):
    jws, _ = signed([])
    _, payload, signature = jws.split(b".")
    other = feed.encoded(json.dumps(protected).encode())
    for forged in (b".".join((other, payload, signature)), b".".join((other, payload, b""))):
        with pytest.raises(NotTheFeed):
            feed_check.read_head(forged, PUBLIC)


@pytest.mark.parametrize("octets", [b"", b"a.b", b"a.b.c", b"." * 10, b"x" * 20_000, b"\xff\xfe.a.b"])
def test_what_is_no_head_is_refused_in_words(octets: bytes):
    with pytest.raises(NotTheFeed):
        feed_check.read_head(octets, PUBLIC)


def test_a_detached_signature_holds_for_its_file_alone():
    octets = feed.snapshot(edition(), [])
    signature = base64.b64encode(KEY.sign(octets))
    feed_check.check_detached(octets, signature + b"\n", PUBLIC)
    for file, sign in ((octets + b" ", signature), (octets, b"!"), (octets, base64.b64encode(bytes(64)))):
        with pytest.raises(NotTheFeed):
            feed_check.check_detached(file, sign, PUBLIC)


def test_a_delta_that_does_not_fit_what_is_known_is_refused():
    one = FeedEntry(
        number="12155550100", id="BE-A", list=ListKind.BLOCK, reason=BlockReason.CAMPAIGN_CALLS,
        evidence="campaign C-1", calls=3, since=NOW, until=NOW + timedelta(days=1),
    )  # fmt: skip
    jws, files = signed([], [one], version=2)
    head = feed_check.read_head(jws, PUBLIC)
    with pytest.raises(NotTheFeed, match="take the snapshot"):
        feed_check.moved_on([], head, files[feed.DELTA])
    assert json.loads(files[feed.DELTA].splitlines()[1]) == {
        "op": "remove", "id": "BE-A", "number": "+12155550100", "why": "ended",
    }  # fmt: skip


def test_a_line_in_another_form_is_no_entry():
    with pytest.raises(Invalid):
        feed.entry_of({"id": "BE-1"})
    with pytest.raises(Invalid):
        feed.read_lines(b'{"format":"another"}\n')


def test_versions_are_a_chain_by_the_hash_of_the_head_before():
    jws, files = signed([])
    payload = feed.head(edition(2), files, entries=0, previous=sha256(jws).hexdigest())
    body = feed.signing_input(payload, keys.key_id(KEY.public_key()))
    head = feed_check.read_head(b".".join((body, feed.encoded(KEY.sign(body)))), PUBLIC)
    assert head.previous == feed_check.read_head(jws, PUBLIC).sha256


@pytest.mark.parametrize("member", ["version", "entries"])
def test_a_head_that_counts_without_end_is_refused_though_its_publisher_signed_it(member: str):
    payload = feed.head(edition(), signed([])[1], entries=0, previous="")
    protected = feed.signing_input({}, keys.key_id(KEY.public_key())).partition(b".")[0]
    said = json.dumps({**payload, member: 7777}).replace("7777", "9e999").encode()
    body = protected + b"." + feed.encoded(said)
    with pytest.raises(NotTheFeed, match="cannot be read"):
        feed_check.read_head(body + b"." + feed.encoded(KEY.sign(body)), PUBLIC)
