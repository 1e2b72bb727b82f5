"""Secrets that must be read again, encrypted at rest: what the database holds is of no use without the key file."""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


def box(purpose: bytes) -> Fernet:
    """Return the box of ``purpose`` (AES-128-CBC with HMAC-SHA-256); no other purpose's box opens what it closed."""
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(settings.MASTER_KEY.encode())
    return Fernet(urlsafe_b64encode(key))
