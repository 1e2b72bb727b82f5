"""The published block feed as a subscriber reads it, whatever its publisher signed: entries, or a refusal."""

import json
from hashlib import sha256

from headwater.errors import Invalid
from headwater.evidence import keys
from headwater.relief import feed, feed_check
from tests.relief.test_feed import KEY, NOW, PUBLIC, signed

_EMPTY, _FILES = signed([])
_HEAD = feed_check.read_head(_EMPTY, PUBLIC)
_PROTECTED = feed.signing_input({}, keys.key_id(KEY.public_key())).partition(b".")[0]
_ROW = (
    b'{"id":"BE-0123456789","number":"12155550100","list":"block","reason":"campaign","evidence":"x","calls":3,'
    b'"since":"2026-11-20T00:00:00Z","until":"2026-12-20T00:00:00Z"}\n'
)
SEEDS = [
    b"\0" + _EMPTY,
    b"\1{}",
    b"\2" + _FILES[feed.SNAPSHOT] + _ROW,
    b"\3" + _FILES[feed.DELTA] + b'{"op":"add","entry":' + _ROW.strip() + b"}\n" + b'{"op":"remove","id":"BE-1"}\n',
    b"\1" + json.dumps({"format": feed.FORMAT, "kind": "head", "version": 1, "files": {}}).encode(),
]
TOKENS = [b'"version":1e300', b'"calls":NaN', b'"number":null', b"null", b"[[[[", b'"op":"remove"', b'"entry":[]', b"."]


def target(data: bytes) -> None:
    kind, data = data[:1], data[1:]
    try:
        if kind == b"\1":
            body = _PROTECTED + b"." + feed.encoded(data)
            feed_check.check_fresh(feed_check.read_head(body + b"." + feed.encoded(KEY.sign(body)), PUBLIC), now=NOW)
        elif kind == b"\2":
            feed_check.entries_of(_naming(feed.SNAPSHOT, data), data)
        elif kind == b"\3":
            feed_check.moved_on((), _naming(feed.DELTA, data), data)
        else:
            feed_check.read_head(data, PUBLIC)
    except (feed_check.NotTheFeed, Invalid):
        return


def _naming(name: str, octets: bytes) -> feed_check.Head:
    """Return a head that names these octets as one of its files."""
    found = (sha256(octets).hexdigest(), len(octets))
    return feed_check.Head(
        version=1,
        published_at=_HEAD.published_at,
        expires_at=_HEAD.expires_at,
        appeals=_HEAD.appeals,
        entries=0,
        files={**_HEAD.files, name: found},
        previous="",
        sha256="",
    )
