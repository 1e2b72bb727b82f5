"""Messages of lawful bulk callers, to try that none of them is taken for a scam. SYNTHETIC: written for Headwater.

No public set of lawful recorded calls is known. These are 35 messages of pharmacies, clinics, schools, banks,
utilities, campaigns for office, emergency offices and others, each filled with five sets of places, days and hours:
175 different texts. They were written before they were first tried against the detector, and not changed after.
"""

from importlib.resources import files

_FILLED = (
    {"place": "Oak Street", "day": "Monday", "hour": "five"},
    {"place": "Lincoln", "day": "Wednesday", "hour": "half past six"},
    {"place": "Riverside", "day": "Friday", "hour": "eight"},
    {"place": "Maple Grove", "day": "Saturday", "hour": "noon"},
    {"place": "Cedar Falls", "day": "Thursday", "hour": "nine"},
)


def messages() -> tuple[tuple[str, str], ...]:
    """Return (kind of sender, text) of every message."""
    lines = files("headwater.campaigns").joinpath("data/lawful.txt").read_text("utf-8").splitlines()
    told = [line.split("|", 1) for line in lines if line]
    return tuple((kind, text.format(**filled)) for filled in _FILLED for kind, text in told)
