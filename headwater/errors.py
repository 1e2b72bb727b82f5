"""The one error vocabulary. Rooms subclass these kinds; doors map a kind to an answer.

A message says what happened, to what, and what to do next: it is shown to people.
"""


class HeadwaterError(Exception):
    """Something Headwater refused or could not do; the base of every kind below."""


class NotFound(HeadwaterError):
    """There is no such thing, or the asker may not know that there is (HTTP 404)."""


class Forbidden(HeadwaterError):
    """The asker is known and may not do this (HTTP 403)."""


class Unauthenticated(HeadwaterError):
    """The credential is missing, wrong, expired or revoked (HTTP 401)."""


class Invalid(HeadwaterError):
    """What was sent cannot be understood or breaks a rule of its form (HTTP 422)."""


class Conflict(HeadwaterError):
    """It is well formed but contradicts what is already recorded (HTTP 409)."""


class TooLarge(HeadwaterError):
    """It is larger than this door takes (HTTP 413)."""


class TooMany(HeadwaterError):
    """It was asked for too often; after ``retry_after_s`` seconds it may be asked again (HTTP 429)."""

    def __init__(self, message: str, *, retry_after_s: int = 30) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unavailable(HeadwaterError):
    """A part that is needed does not answer now; trying again later may work (HTTP 503)."""
