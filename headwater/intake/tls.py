"""TLS of a HEP door: its certificate, and whose client certificates it asks for."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from headwater.errors import Invalid


class BadTls(Invalid):
    """The TLS files of a door cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Where a door's certificate lies. With ``client_ca`` a capture agent must show a certificate of one of its CAs."""

    certificate: Path
    """PEM: the leaf, then its intermediates."""
    key: Path
    client_ca: Path | None = None


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """Return the context of a door: TLS 1.2 or later.

    Raises:
        BadTls: a file cannot be read, or key and certificate do not belong together.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(files.certificate, files.key)
    except (OSError, ssl.SSLError) as error:
        raise BadTls(f"HEP door: TLS certificate {files.certificate} with key {files.key}: {error}") from error
    if files.client_ca is not None:
        try:
            context.load_verify_locations(files.client_ca)
        except (OSError, ssl.SSLError) as error:
            raise BadTls(f"HEP door: client CA {files.client_ca}: {error}") from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context
