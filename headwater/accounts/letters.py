"""What the mails with one-time links say. Pure."""

from datetime import datetime


def invitation(*, name: str, organisation: str, link: str, expires_at: datetime) -> tuple[str, str]:
    """Return subject and text of an invitation."""
    text = f"""Hello {_line(name)},

you are invited to Headwater as a member of {_line(organisation)}.

Open this link once, until {_until(expires_at)}, and choose a password and a second factor:

{link}

Nothing is open to you yet after that: somebody will first make sure by telephone, or through a colleague of yours,
that it is you.

If you did not expect this, do not open the link and tell your office.
"""
    return "Your invitation to Headwater", text


def new_password(*, name: str, link: str, expires_at: datetime) -> tuple[str, str]:
    """Return subject and text of the mail to somebody who lost their password."""
    text = f"""Hello {_line(name)},

somebody asked for a new password for your account.

If it was you, open this link once, until {_until(expires_at)}:

{link}

Your second factor stays as it is. If it was not you, do nothing: your password holds.
"""
    return "A new password for Headwater", text


def _line(words: str) -> str:
    """Return what people wrote as one line: no line of the mail comes from them."""
    return " ".join(words.split())


def _until(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
