"""allauth's second factor as Headwater has it: secrets encrypted at rest, not removable by the person alone."""

from allauth.mfa.adapter import DefaultMFAAdapter

from headwater.accounts.sealing import box

PURPOSE = b"headwater second factor 1"


class SecondFactor(DefaultMFAAdapter):  # type: ignore[misc] # allauth ships no types
    """What the database holds of a second factor is of no use without the key file."""

    def get_totp_issuer(self) -> str:
        """Return the name that the authenticator app shows."""
        return "Headwater"

    def _get_site_name(self) -> str:
        # A passkey is kept under this name; the host is its other half.
        return "Headwater"

    def encrypt(self, text: str) -> str:
        """Return ``text`` encrypted."""
        return box(PURPOSE).encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return the text of ``encrypt``.

        Raises:
            cryptography.fernet.InvalidToken: The row was changed, or the key file is another one.
        """
        return box(PURPOSE).decrypt(encrypted_text.encode()).decode()
