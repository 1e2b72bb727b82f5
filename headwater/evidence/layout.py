"""Where things lie in a package: names, bounds and the version that writer and verifier agree on. Pure."""

FORMAT = "headwater-package/1"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
STAMP = "manifest.tsr"
PUBLIC_KEY = "evidence-key.pem"
PAPER_CERTIFICATE = "paper-certificate.pem"
VERIFIER = "verify.pyz"
CUSTODY = "custody-log.jsonl"
CHECKPOINT = "audit-checkpoint.json"
AUDIT_KEY = "audit-key.pem"
PROOFS = "audit-proofs.json"
REDACTIONS = "redactions.json"
CALLS = "calls/index.json"
CAMPAIGNS = "campaigns.json"
ANSWERS = "answers/index.json"
SIGNATURES = "signatures/index.json"
PROVIDER_KEYS = "answers/provider-keys.json"
TRACEBACKS = "tracebacks.json"
PATH_JSON = "provider-path.json"
PATH_CSV = "provider-path.csv"
CONCORDANCE = "exports/load.dat"
OPTICON = "exports/load.opt"

#: Every table is here twice: JSON for programs (with the member that holds its rows), CSV for people.
TABLES = (
    ("answers/index.json", "answers", "answers/index.csv"),
    ("answers/provider-keys.json", "keys", "answers/provider-keys.csv"),
    ("call-path.json", "edges", "call-path-edges.csv"),
    ("call-path.json", "nodes", "call-path-nodes.csv"),
    ("calls/index.json", "calls", "calls/index.csv"),
    ("calls/members.json", "members", "calls/members.csv"),
    ("campaigns.json", "campaigns", "campaigns.csv"),
    ("figures.json", "figures", "figures.csv"),
    ("figures.json", "told", "told.csv"),
    ("notices.json", "notices", "notices.csv"),
    ("relief-notices.json", "deliveries", "relief-deliveries.csv"),
    ("relief-notices.json", "notices", "relief-notices.csv"),
    ("relief.json", "calling_numbers", "relief-numbers.csv"),
    ("relief.json", "who_can_stop_the_calls", "relief.csv"),
    ("signatures/index.json", "signatures", "signatures/index.csv"),
    ("timeline.json", "events", "timeline.csv"),
    ("traceback-table.json", "rows", "traceback-table.csv"),
    ("tracebacks.json", "tracebacks", "tracebacks.csv"),
    ("withheld.json", "withheld", "withheld.csv"),
)

#: What a player expects a recording's file to end in.
_ENDINGS = {
    "audio/wav": ".wav",
    "audio/wave": ".wav",
    "audio/x-wav": ".wav",
    "audio/vnd.wave": ".wav",
    "audio/mpeg": ".mp3",
    "audio/mp3": ".mp3",
    "audio/mp4": ".m4a",
    "audio/ogg": ".ogg",
    "audio/opus": ".opus",
    "audio/flac": ".flac",
}

#: The longest single file that is read into memory at once: tables and indexes; the rest is streamed.
LARGEST_TABLE = 256 << 20
LARGEST_SIGNATURE = 4_096

#: What a package's own custody chain starts from: the digest of nothing before it.
FIRST_LINK = "0" * 64


def call_raw(record_id: str) -> str:
    """Return where the octets of a call record lie, as they were received."""
    return f"calls/{record_id}.raw"


def call_json(record_id: str) -> str:
    """Return where a call record as read lies."""
    return f"calls/{record_id}.json"


def transcript(record_id: str) -> str:
    """Return where the transcript of a call lies."""
    return f"transcripts/{record_id}.txt"


def recording(record_id: str, mediatype: str = "") -> str:
    """Return where the recording of a call lies; its ending says what it is, where the media type is a known one."""
    return f"recordings/{record_id}{_ENDINGS.get(mediatype.partition(';')[0].strip().lower(), '.audio')}"


def vcon(record_id: str) -> str:
    """Return where a call lies as a vCon."""
    return f"exports/vcon/{record_id}.vcon"


def answer(answer_id: str, *, signed: bool, deposited: bool = False) -> str:
    """Return where the octets of an answer lie: a JWS from an agent, a form from a person, a deposited record."""
    return f"answers/{answer_id}.{'deposit.json' if deposited else 'jws' if signed else 'form'}"


def dossier(provider_id: str) -> str:
    """Return where a provider's dossier lies."""
    return f"providers/{provider_id}.json"


def relief_letter(notice_id: str) -> str:
    """Return where the letter of a notice to stop lies, as it was sent."""
    return f"notices/{notice_id}.txt"


def identity(record_id: str) -> str:
    """Return where the Identity headers of a call lie, one a line as received."""
    return f"signatures/{record_id}.identity"


def certificate(sha256: str) -> str:
    """Return where a certificate of a signature's chain lies, in DER."""
    return f"signatures/{sha256}.cer"
