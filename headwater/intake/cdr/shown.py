"""What a record says, in the columns that a person sees of it in a preview. Pure."""

from collections.abc import Mapping
from typing import Final

from headwater.calls.records import CallRecord

FIELD_NAMES: Final = (
    "Call at (UTC)", "Calling", "Called", "Duration", "Status", "Call-ID", "From", "To", "Leg links", "Note",
)  # fmt: skip


def fields_of(record: CallRecord) -> Mapping[str, str]:
    """Return what a record says, by ``FIELD_NAMES``, for people who look at a preview."""
    said = record.headers
    texts = (
        record.call_at.strftime("%Y-%m-%d %H:%M:%S.") + f"{record.call_at.microsecond // 1_000:03}",
        record.calling or record.calling_raw,
        record.called or record.called_raw,
        f"{record.duration_ms / 1_000:g} s" if record.duration_ms >= 0 else "",
        str(record.sip_status or "") or record.disposition or said.get("cause-text", "") or said.get("cause", ""),
        record.call_id,
        " ".join(filter(None, (record.source_ip, said.get("trunk-in", "")))),
        " ".join(filter(None, (record.destination_ip, said.get("trunk-out", "")))),
        said.get("links", ""),
        said.get("time-note", ""),
    )
    return dict(zip(FIELD_NAMES, texts, strict=True))
