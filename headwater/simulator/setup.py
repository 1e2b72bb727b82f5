"""What ``headwater demo`` tells the simulator: one JSON file that the operator alone can read."""

from pathlib import Path

import msgspec

from headwater.errors import Invalid


class HepDoor(msgspec.Struct, frozen=True, kw_only=True):
    """Where the capture agent of one carrier sends its frames."""

    host: str
    port: int
    auth_key: str


class Staff(msgspec.Struct, frozen=True, kw_only=True):
    """The person who answers questions by hand at one carrier, with what they sign in by."""

    spc: str
    email: str
    password: str
    totp_secret: str


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses and credentials of one run."""

    seed: int
    size: int
    feed_url: str
    """Base address of the hub's feed API."""
    feed_tokens: dict[str, str]
    """Partner -> bearer token."""
    hep: dict[str, HepDoor]
    """SPC -> door of its agent."""
    carrier_url: str
    """Base address of the carrier pages."""
    staff: list[Staff]
    by_hand_after_s: float
    """How long a person takes to look a question up, in seconds."""
    folder: str
    """Where the truth and the counters go: outside everything that the hub reads."""


def read(path: Path) -> Setup:
    """Return the setup in ``path``.

    Raises:
        Invalid: it is not there or not a setup.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Setup)
    except (OSError, msgspec.DecodeError) as error:
        raise Invalid(f"{path} is not a setup of the simulator: {error}. `headwater demo` writes one.") from error
