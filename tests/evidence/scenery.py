"""One campaign from its first call to its origin: built by the rooms' own actions on real stores, answers signed."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import msgspec
from joserfc import jws
from joserfc.jwk import ECKey

from headwater import clock
from headwater.accounts.actors import Actor, system
from headwater.alerts import actions as alerts
from headwater.alerts.models import Alert
from headwater.calls.records import CallRecord
from headwater.calls.store import CallStore
from headwater.campaigns import actions as campaigns
from headwater.campaigns import memory
from headwater.campaigns.models import Campaign
from headwater.providers import actions as providers
from headwater.providers.queries import ProviderView
from headwater.tracebacks import actions as tracebacks
from headwater.tracebacks import answering, questions
from headwater.tracebacks.answering import Submission
from headwater.wire.agents import AnswerCode
from tests.campaigns.material import report, scripts_of
from tests.tracebacks.support import Pen, register

MICHIGAN, OHIO = "+13135550101", "+16145550102"
PDF = Path(__file__).with_name("subpoena.pdf").read_bytes()


#: Records stay in a module's store: each scene has events of its own.
_FIRST = itertools.count(1_000, 1_000)


class Signer:
    """A provider whose agent signs its answers with a registered key."""

    def __init__(self, spc: str, name: str) -> None:
        self.provider: ProviderView = register(spc, name)
        self.pen = Pen(self.provider)
        self.key = ECKey.generate_key("P-256", private=True)
        self.key_id = providers.register_key(system("operator"), self.provider.id, self.key.as_dict(private=False))

    def answer(self, code: AnswerCode, upstream: ProviderView | None = None, **more: object) -> None:
        """Answer every waiting question by a signed statement."""
        for asked in questions.waiting_questions(self.pen.actor):
            said = self.pen.answer(asked, code, upstream, **more)
            header = {"alg": "ES256", "kid": self.key_id}
            octets = jws.serialize_compact(header, msgspec.json.encode(said), self.key, algorithms=["ES256"]).encode()
            answering.record_answer(self.pen.actor, Submission(octets=octets, answer=said, key_id=self.key_id))


def heard(number: int, text: str, *, at: datetime, called: str = MICHIGAN, recording: bytes = b"") -> CallRecord:
    """Return a report with the octets that it came as, and the hash of its recording where it has one."""
    headers = {"audio_sha256": sha256(recording).hexdigest(), "audio_type": "audio/x-wav"} if recording else {}
    raw = msgspec.json.encode({"event_id": f"event-{number}", "called": called, "transcript": text})
    return report(
        number,
        text,
        at=at,
        called=called,
        terminating_spc="709A",
        raw=raw,
        raw_sha256=sha256(raw).digest(),
        headers=headers,
    )


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What was built."""

    campaign: Campaign
    alert_id: str
    records: tuple[CallRecord, ...]
    traceback_ids: tuple[str, ...]
    origin: ProviderView


def build(store: CallStore, agency: Actor, *, names: Sequence[str] = ("Alder Voice", "Birch Telecom", "Cedar VoIP"),
          text: str = "", calls: int = 8, traced: int = 2, note: str = "",
          recordings: Sequence[bytes] = ()) -> Scene:  # fmt: skip
    """Let a campaign ring, be found, told to the agency and traced to its origin over three hops."""
    recorded = dict(enumerate(recordings, start=1))
    now, first = clock.now(), next(_FIRST)
    script = text or scripts_of("Legal-Enforcement-Notice")[0]
    records = [
        heard(
            first + i,
            script,
            at=now - timedelta(seconds=10 * (calls - i)),
            called=MICHIGAN if i % 3 else OHIO,
            recording=recorded.get(i, b""),
        )
        for i in range(1, calls + 1)
    ]
    store.insert(records)
    campaigns.observe(memory.load(), records, now=now)
    campaign = Campaign.objects.get()
    alerts.send_for_campaign(campaign.id, now=now)
    alder, birch, cedar = (Signer(f"709{letter}", name) for letter, name in zip("ABC", names, strict=True))
    opened = []
    for record in records[:traced]:
        traceback_id = tracebacks.open_for_call(system("desk"), record.record_id, campaign_id=campaign.id)
        opened.append(traceback_id)
        for signer, code, upstream in (
            (alder, AnswerCode.UPSTREAM_US, birch.provider),
            (birch, AnswerCode.UPSTREAM_US, cedar.provider),
            (cedar, AnswerCode.ORIGINATED, None),
        ):
            signer.answer(code, upstream, **({"note": note} if note and code is AnswerCode.ORIGINATED else {}))
            tracebacks.advance(traceback_id)
    campaign.refresh_from_db()
    return Scene(
        campaign=campaign,
        alert_id=Alert.objects.get(organisation_id=agency.organisation_id).id,
        records=tuple(records),
        traceback_ids=tuple(opened),
        origin=cedar.provider,
    )
