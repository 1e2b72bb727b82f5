"""The keys and passwords of one data directory: made once, kept in files that only the operator reads."""

import json
import os
import secrets
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from headwater.calls import grants
from headwater.errors import Unavailable
from headwater.providers.statements import PUBLICATION_KEY, RECEIPT_KEY
from headwater.site.config import Config, Process

DJANGO_KEY = "django-secret-key"
AUDIT_KEY = "audit-key.pem"
EVIDENCE_KEY = "evidence-key.pem"
BLOCK_FEED_KEY = "block-feed-key.pem"
DECONFLICTION_KEY = "deconfliction-key"
DEPOSIT_KEY, DEPOSIT_APPROVER = "deposit-key", "deposit-approver.pub"
PAPER_KEY, PAPER_CERTIFICATE = "paper-key.pem", "paper-certificate.pem"
CALLS_READERS = "calls-readers.json"
CALLS_URLS = "calls.json"
DATABASE_URLS = "database.json"
POSTGRES_PASSWORD = "postgres-superuser"  # noqa: S105 - the name of the file, not what is in it

#: Who may ask the query facade of the ``calls`` process; it is the process itself for the others.
READERS = (Process.DESK, Process.PORTAL, Process.CARRIER, Process.WORK, Process.ADMIN)


def private_folder(path: Path) -> Path:
    """Make ``path`` if need be, for the operator alone (0700), and return it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` in one step that survives a power cut; readable by the operator alone (0600)."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_json(path: Path) -> dict[str, str]:
    """Return the object in ``path``, or an empty one where there is no such file."""
    if not path.exists():
        return {}
    try:
        value = json.loads(path.read_text())
    except ValueError as error:
        raise Unavailable(f"{path} is not JSON ({error}). Restore it from your backup or delete it.") from error
    if not isinstance(value, dict):
        raise Unavailable(f"{path} must hold a JSON object. Restore it from your backup or delete it.")
    return {str(name): str(text) for name, text in value.items()}


def ensure(config: Config, *, calls_url: str = "") -> None:
    """Make every secret that is missing; keep every one that is there.

    ``calls_url`` is the operator's own call store (HEADWATER_CALLS_URL), "" for the embedded one.
    """
    folder = private_folder(config.secrets)
    _once(folder / DJANGO_KEY, secrets.token_urlsafe(64))
    for name in (AUDIT_KEY, EVIDENCE_KEY, PUBLICATION_KEY, RECEIPT_KEY, BLOCK_FEED_KEY):
        _once(folder / name, _ed25519())
    _once(folder / DECONFLICTION_KEY, secrets.token_urlsafe(32))
    _deposit_keys(folder)
    paper_key(folder)
    readers = read_json(folder / CALLS_READERS)
    held = {reader.value: readers.get(reader.value) or secrets.token_urlsafe(32) for reader in READERS}
    _keep(folder / CALLS_READERS, held)
    _keep(folder / CALLS_URLS, _calls_urls(config, held, calls_url))


def _deposit_keys(folder: Path) -> None:
    """Make the key that deposits are sealed to; the public half stands beside it, for those who may not open them."""
    _once(folder / DEPOSIT_KEY, X25519PrivateKey.generate().private_bytes_raw().hex())
    own = X25519PrivateKey.from_private_bytes(bytes.fromhex((folder / DEPOSIT_KEY).read_text()))
    approver = folder / DEPOSIT_APPROVER
    public = own.public_key().public_bytes_raw().hex()
    if not approver.exists() or approver.read_text() != public:
        write(approver, public)


def wrong_modes(folder: Path) -> list[Path]:
    """Return the secrets, and the folder itself, that others than their owner could read or change."""
    if not folder.exists():
        return []
    return [path for path in (folder, *sorted(folder.iterdir())) if stat.S_IMODE(path.stat().st_mode) & 0o077]


def _calls_urls(config: Config, readers: dict[str, str], given: str) -> dict[str, str]:
    """Return where each process finds the call store: its own folder for ``calls``, the facade for the others.

    On a server of the operator's own, ``calls`` has the user that was given, and the others that one or users of
    their own, whose columns are granted by ``calls.grants``.
    """
    if given and config.calls_users:
        own = {name: _as_user(given, grants.user(name), secret) for name, secret in readers.items()}
        return {process.value: own.get(process.value, given) for process in Process}
    if given:
        return {process.value: given for process in Process}
    facade = {name: f"http://{name}:{secret}@{config.host}:{config.calls_port}" for name, secret in readers.items()}
    return {Process.CALLS.value: f"chdb://{config.calls}", **facade}


def _as_user(url: str, user: str, secret: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(secret)}@{parts.netloc.rpartition('@')[2]}"))


def _keep(path: Path, value: dict[str, str]) -> None:
    """Write ``value`` unless the file says it already."""
    if read_json(path) != value:
        write(path, json.dumps(value, indent=2) + "\n")


def _once(path: Path, text: str) -> None:
    """Write ``text`` unless the file is there."""
    if not path.exists():
        write(path, text)


def paper_key(folder: Path) -> None:
    """Make the key that signs papers and its certificate; the operator may put one of a public authority in place."""
    _once(folder / PAPER_KEY, _private_pem(ec.generate_private_key(ec.SECP256R1())))
    if (folder / PAPER_CERTIFICATE).exists():
        return
    key = load_pem_private_key((folder / PAPER_KEY).read_bytes(), password=None)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        write(folder / PAPER_CERTIFICATE, self_made(key, datetime.now(UTC)))


def self_made(key: ec.EllipticCurvePrivateKey, now: datetime) -> str:
    """Return a certificate for ``key`` by ``key`` itself as PEM, from the day before ``now`` for twenty years."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Headwater custodian (certificate self-made)")])
    usage = dict.fromkeys(
        ("key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign", "encipher_only",
         "decipher_only"), False,
    )  # fmt: skip
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=20 * 365))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(digital_signature=True, content_commitment=True, **usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()


def _ed25519() -> str:
    """Return a fresh Ed25519 private key as PEM (PKCS 8)."""
    return _private_pem(Ed25519PrivateKey.generate())


def _private_pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
