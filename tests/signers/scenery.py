"""Signed calls as a switch reports them, over a SYNTHETIC public-key infrastructure that is valid now."""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.serialization import Encoding

from headwater.calls.records import CallRecord, RecordKind, SourceKind
from headwater.identifiers import record_id
from headwater.numbering.numbers import E164
from headwater.signers.tokens import identities
from headwater.stir.sign import make_identity, make_token
from tests.stir.pki import X5U, Holder, Pki, claims, issue, spc_list

#: A store may serve several tests: each record is one of its own.
_EVENTS = itertools.count(1)
CALLING, CALLED = "12155550121", "12155550131"


@dataclass
class Network:
    """A carrier that signs as 709J, and what its switch reports."""

    pki: Pki = field(default_factory=lambda: Pki(at=int(time.time())))
    _made: int = 0

    @property
    def chain_pem(self) -> bytes:
        holders = (self.pki.leaf, self.pki.authority)
        return b"".join(holder.issued.public_bytes(Encoding.PEM) for holder in holders)

    def trust(self, home: Path) -> None:
        """Put the root on the installation's trust list."""
        folder = home / "trust" / "US"
        (home / "trust").mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(exist_ok=True)
        (folder / "root.pem").write_bytes(self.pki.root.issued.public_bytes(Encoding.PEM))

    def leaf(self, spc: str) -> Holder:
        return issue(
            f"SHAKEN {spc}", by=self.pki.authority, tn_auth_list=spc_list(spc), not_before=self.pki.at - 86_400
        )

    def identity(self, *, holder: Holder | None = None, x5u: str = X5U, **changes: object) -> str:
        self._made += 1
        body = claims(iat=int(time.time()), origid=f"123e4567-e89b-12d3-a456-{self._made:012d}") | changes
        token = make_token((holder or self.pki.leaf).key, body, x5u=x5u)
        return make_identity(token, x5u=x5u)

    def call(self, *headers: str, calling: str = CALLING, called: str = CALLED, ago: float = 1.0) -> CallRecord:
        """Return the record of an INVITE that carries ``headers``."""
        event = str(next(_EVENTS))
        at = datetime.now(UTC) - timedelta(seconds=ago)
        lines = [
            f"INVITE sip:+{called}@b.example SIP/2.0", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
            f"From: <sip:+{calling}@a.example>;tag=1", f"To: <sip:+{called}@b.example>",
            f"Call-ID: {event}@a.example", "CSeq: 1 INVITE", *(f"Identity: {header}" for header in headers),
            "Content-Length: 0", "", "",
        ]  # fmt: skip
        raw = "\r\n".join(lines).encode()
        found = identities(raw)
        token = found[0].partition(";")[0] if found else ""
        return CallRecord(
            record_id=record_id("carrier", event), record_kind=RecordKind.SIP,
            source_kind=SourceKind.CARRIER, source_id="carrier", event_id=event, call_at=at,
            received_at=at + timedelta(milliseconds=100), calling=E164(calling), called=E164(called),
            calling_raw=f"+{calling}", called_raw=f"+{called}", sip_method="INVITE",
            identity_digest=sha256(token.encode()).hexdigest() if token else "", raw=raw,
            raw_sha256=sha256(raw).digest(),
        )  # fmt: skip


class Store:
    """A call store in memory."""

    def __init__(self, *records: CallRecord) -> None:
        self.held = list(records)
        self.reads = 0

    def signed_since(self, at: datetime, *, limit: int) -> Sequence[CallRecord]:
        self.reads += 1
        found = [r for r in self.held if r.received_at > at and r.identity_digest]
        return sorted(found, key=lambda r: r.received_at)[:limit]

    def records(self, ids: Sequence[UUID]) -> Sequence[CallRecord]:
        return [r for r in self.held if r.record_id in ids]

    def raw(self, ids: Sequence[UUID]) -> dict[UUID, bytes]:
        return {r.record_id: r.raw for r in self.held if r.record_id in ids}
