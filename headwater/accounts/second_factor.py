"""allauth's second factor as Headwater has it: secrets encrypted at rest, not removable by the person alone."""

from base64 import urlsafe_b64encode

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

PURPOSE = b"headwater second factor 1"


class SecondFactor(DefaultMFAAdapter):  # type: ignore[misc] # allauth ships no types
    """What the database holds of a second factor is of no use without the key file."""

    def get_totp_issuer(self) -> str:
        """Return the name that the authenticator app shows."""
        return "Headwater"

    def encrypt(self, text: str) -> str:
        """Return ``text`` encrypted (AES-128-CBC with HMAC-SHA-256, as Fernet)."""
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return the text of ``encrypt``.

        Raises:
            cryptography.fernet.InvalidToken: The row was changed, or the key file is another one.
        """
        return _box().decrypt(encrypted_text.encode()).decode()


def _box() -> Fernet:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(settings.MASTER_KEY.encode())
    return Fernet(urlsafe_b64encode(key))
