"""A vCon, plain, signed or encrypted: a conversation, or a refusal that says why."""

from datetime import UTC, datetime
from pathlib import Path

from headwater.intake import vcon

DATA = Path(__file__).parents[2] / "data" / "vcon"
SEEDS = [path.read_bytes() for path in sorted(DATA.glob("*.vcon"))]
TOKENS = [
    b'"payload":"', b'"signatures":[', b'"ciphertext":', b'"body":"', b'"encoding":"base64url"', b'"encoding":"json"',
    b'"mimetype":', b'"alg":"ES256"', b'"x5c":[', b'"parties":[[0],[1]]', b'"originator":1', b'"start":1e300',
    b'"analysis":[{"type":"transcript","dialog":0,"body":', b"NaN", b"\\ud800",
]  # fmt: skip
LONGEST = 12_000
NOW = datetime(2026, 11, 24, 16, tzinfo=UTC)


def target(data: bytes) -> None:
    try:
        found = vcon.read(data, now=NOW)
    except vcon.BadVcon:
        return
    assert found.parties
    assert all(place < len(found.parties) for dialog in found.dialogs for place in dialog.parties)
    assert all(len(transcript.text) <= vcon.LONGEST_TRANSCRIPT for transcript in found.transcripts.values())
