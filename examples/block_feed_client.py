"""Follow a Headwater block feed: fetch what is new, check every signature, keep the numbers to block in a file.

    python3 block_feed_client.py https://public.example/block-feed/v1 key.pem state.json

Needs Python 3.11 and ``cryptography``; nothing of Headwater. Run it every minute: where nothing changed, the server
answers 304 to one small request. Copy it, change it: it is meant to be read. docs/reference/block-feed.md says why
each check is there.
"""

import base64
import hashlib
import json
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key


class Refused(Exception):
    """Something fetched is not what the holder of the key published: keep what you have, and tell somebody."""


def fetch(url: str, etag: str = "") -> tuple[bytes, str] | None:
    """Return the octets and their ETag, or None where they did not change."""
    request = urllib.request.Request(url, headers={"If-None-Match": etag} if etag else {})  # noqa: S310 - our server
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our server
            return answer.read(256 << 20), answer.headers.get("ETag", "")
    except urllib.error.HTTPError as error:
        if error.code == 304:
            return None
        raise


def unpadded(part: bytes) -> bytes:
    """Decode base64url without padding."""
    return base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))


def head_of(jws: bytes, key: Ed25519PublicKey) -> dict[str, Any]:
    """Return what the signed head states (RFC 7515 with EdDSA)."""
    protected, payload, signature = jws.strip().split(b".")
    if json.loads(unpadded(protected)).get("alg") != "EdDSA":
        raise Refused("the head is not signed with EdDSA")
    try:
        key.verify(unpadded(signature), protected + b"." + payload)
    except InvalidSignature:
        raise Refused("the head's signature is not by this key") from None
    head: dict[str, Any] = json.loads(unpadded(payload))
    return head


def checked(octets: bytes, head: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Return the lines of a file that the head names, without its header."""
    if hashlib.sha256(octets).hexdigest() != head["files"][name]["sha256"]:
        raise Refused(f"{name} is not the file that version {head['version']} names")
    return [json.loads(line) for line in octets.splitlines()][1:]


def canonical(value: Any) -> bytes:
    """Write JSON as the feed does (RFC 8785 for what it holds)."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def snapshot_octets(head: dict[str, Any], entries: dict[str, dict[str, Any]]) -> bytes:
    """Write entries down as the snapshot of the head's version: applying a delta must come to its very octets."""
    header = {name: value for name, value in head.items() if name not in ("files", "previous")} | {"kind": "snapshot"}
    rows = sorted(entries.values(), key=lambda row: (row["number"][1:], row["id"]))
    return b"".join(canonical(row) + b"\n" for row in [header, *rows])


def follow(base: str, key: Ed25519PublicKey, state: dict[str, Any]) -> dict[str, Any]:
    """Return the state after one look at the feed: its version and entries by id."""
    found = fetch(f"{base}/head.jws", state.get("etag", ""))
    if found is None:
        if datetime.now(UTC) >= datetime.fromisoformat(state["expires_at"]):
            raise Refused("no newer version was to be had since ours was over")
        return state
    jws, etag = found
    head = head_of(jws, key)
    if head["version"] < state.get("version", 0):
        raise Refused(f"an older version ({head['version']}) was shown than is known ({state['version']})")
    if datetime.now(UTC) >= datetime.fromisoformat(head["expires_at"]):
        raise Refused("the version is over, and no newer one was to be had")
    of_version = f"{base}/versions/{head['version']}"
    entries = dict(state.get("entries", {}))
    if state.get("version") == head["version"] - 1 and head["previous"] == state["head"]:
        for line in checked(fetch(f"{of_version}/delta.jsonl")[0], head, "delta.jsonl"):  # type: ignore[index]
            if line["op"] == "remove":
                del entries[line["id"]]
            else:
                entries[line["entry"]["id"]] = line["entry"]
        checked(snapshot_octets(head, entries), head, "block-feed.jsonl")
    else:
        octets = fetch(f"{of_version}/block-feed.jsonl")[0]  # type: ignore[index]
        entries = {row["id"]: row for row in checked(octets, head, "block-feed.jsonl")}
    return {
        "version": head["version"],
        "head": hashlib.sha256(jws.strip()).hexdigest(),
        "etag": etag,
        "expires_at": head["expires_at"],
        "entries": entries,
    }


def main() -> None:
    """Look once, and keep what was found."""
    base, key_file, state_file = sys.argv[1].rstrip("/"), Path(sys.argv[2]), Path(sys.argv[3])
    key = load_pem_public_key(key_file.read_bytes())
    assert isinstance(key, Ed25519PublicKey), "the feed is signed with Ed25519"  # noqa: S101 - a program of one page
    state = json.loads(state_file.read_text()) if state_file.exists() else {}
    state = follow(base, key, state)
    state_file.write_text(json.dumps(state))
    now = datetime.now(UTC)
    blocked = {row["number"] for row in state["entries"].values() if datetime.fromisoformat(row["until"]) > now}
    print(f"version {state['version']}: {len(blocked)} numbers to block")  # noqa: T201 - what it is for


if __name__ == "__main__":
    main()
