"""Where a campaign stands, and whether its name was accepted. Pure values; the transitions are in rules.py."""

from enum import StrEnum


class CampaignState(StrEnum):
    """Where a campaign stands."""

    SUSPECTED = "suspected"
    CONFIRMED = "confirmed"
    ACTIVE = "active"
    DORMANT = "dormant"
    STOPPED = "stopped"

    @property
    def label(self) -> str:
        """The word on screen."""
        return self.value.capitalize()

    @property
    def sentence(self) -> str:
        """What it means, for a person who sees it for the first time."""
        return _SENTENCES[self]


_SENTENCES = {
    CampaignState.SUSPECTED: "Fewer than three calls, or all of them told by one sender: not yet a campaign.",
    CampaignState.CONFIRMED: "Three calls, told by two senders at least; tracebacks and alerts have been asked for.",
    CampaignState.ACTIVE: "It has rung since it was confirmed.",
    CampaignState.DORMANT: "It has been silent for longer than its own rate explains.",
    CampaignState.STOPPED: "No call for so long that none is expected.",
}


class NameStatus(StrEnum):
    """Whether a person accepted the campaign's name."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"

    @property
    def label(self) -> str:
        """The word on screen."""
        return self.value.capitalize()


class HearingState(StrEnum):
    """Where a recording stands on its way to words."""

    WAITING = "waiting"
    TAKEN = "taken"
    HEARD = "heard"
    FAILED = "failed"
