"""Who may send records here, and how a frame is known to be theirs. Pure values; opens no file.

A capture agent proves itself by the key in HEP chunk 0x0e, by its address, or by both. The key travels in clear
(the format has nothing better), so a key without TLS or a private network is worth what the network is worth.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hmac import compare_digest
from typing import Final

from headwater.calls.addresses import Network, within
from headwater.calls.records import SourceKind
from headwater.errors import Invalid
from headwater.intake.hep import HepFrame
from headwater.numbering.numbers import CalledNumbers

MOST_PEERS: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The sender that a record is kept under."""

    source_id: str
    source_kind: SourceKind = SourceKind.CARRIER
    called_numbers: CalledNumbers = CalledNumbers.KEPT
    """What is kept of its subscribers' numbers (``intake.discretion``)."""
    credential: str = ""
    """By what it proved itself, as its records keep it (``calls.records``)."""
    short_capture_ids: bool = False
    """Its capture agents write the id as 16 bits and two zero octets (sngrep, sipgrep): 101 arrives as 00 65 00 00."""

    def agent_of(self, frame: HepFrame) -> str:
        """Return the name of the capture agent that sent ``frame``, else its id as this source writes ids."""
        if frame.agent_name:
            return frame.agent_name
        if self.short_capture_ids and frame.version == 3 and not frame.agent_id & 0xFFFF:
            return str(frame.agent_id >> 16)
        return str(frame.agent_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """One rule of a door: frames with this key, from these addresses, belong to this source.

    With both, both must hold. A rule with neither would admit everybody and is refused.
    """

    source: Source
    auth_key: str = ""
    allowed: tuple[Network, ...] = ()
    capture_ids: frozenset[str] = frozenset()
    """Capture agents, by id or name, whose frames are taken; empty for all."""
    _key: bytes = field(init=False, repr=False, default=b"")
    _peers: dict[str, bool] = field(init=False, repr=False, compare=False, default_factory=dict)
    """Addresses that were judged before: a frame's sender is nearly always the last frame's."""

    def __post_init__(self) -> None:
        if not self.auth_key and not self.allowed:
            raise Invalid(f"source {self.source.source_id}: give a HEP key, a list of addresses, or both")
        object.__setattr__(self, "_key", self.auth_key.encode())
        if not self.source.credential:
            object.__setattr__(self, "source", replace(self.source, credential=self._rule()))

    def _rule(self) -> str:
        return " and ".join(word for word, given in (("key", self.auth_key), ("address", self.allowed)) if given)

    def admits(self, frame: HepFrame, peer_ip: str) -> bool:
        """Tell whether ``frame``, received from ``peer_ip``, is this source's."""
        if self.allowed and not self._lists(peer_ip):
            return False
        if self._key and not compare_digest(self._key, frame.auth_key):
            return False
        return not self.capture_ids or self.source.agent_of(frame) in self.capture_ids

    def _lists(self, peer_ip: str) -> bool:
        known = self._peers.get(peer_ip)
        if known is None:
            known = within(peer_ip, self.allowed)
            if len(self._peers) < MOST_PEERS:
                self._peers[peer_ip] = known
        return known


class Register:
    """The rules of one door, asked in their order: ``register(frame, peer_ip)`` names the source or ``None``."""

    def __init__(self, admissions: Sequence[Admission]) -> None:
        self._admissions = tuple(admissions)

    def __call__(self, frame: HepFrame, peer_ip: str) -> Source | None:
        """Return the source that ``frame`` belongs to, or ``None`` where no rule admits it."""
        for admission in self._admissions:
            if admission.admits(frame, peer_ip):
                return admission.source
        return None
