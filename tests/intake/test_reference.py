"""The reference page of the HEP door is held to the code."""

import re
from pathlib import Path

from headwater.intake import counters, hep, records
from headwater.intake.listeners import KEPT_AS_THEY_CAME
from headwater.intake.streams import Limits

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "hep-door.md").read_text()


def test_every_reason_that_can_be_counted_is_on_the_page_and_no_other():
    page = set(re.findall(r"`([a-z-]+)`", PAGE.split("## What is counted", 1)[1]))
    code = {outcome.value for outcome in counters.Outcome} | set(KEPT_AS_THEY_CAME.values())
    for name in ("hep", "sip", "records", "listeners", "streams", "datagrams"):
        text = (ROOT / "headwater" / "intake" / f"{name}.py").read_text()
        code |= set(re.findall(r'(?:BadFrame|NotSip|NotKept|self\.end|stream\.end)\(\s*"([a-z-]+)"', text))
        code |= set(re.findall(r'reason="([a-z-]+)"', text))
        code |= set(re.findall(r'return "([a-z-]+)"', text))
        code |= set(re.findall(r'Outcome\.MALFORMED, "([a-z-]+)"', text))
    assert page == code


def test_the_bounds_and_methods_of_the_page_are_those_of_the_code():
    limits = Limits()
    for bound in (limits.connections, limits.connections_per_address, limits.garbage_octets, hep.LONGEST_INFLATED):
        assert f"{bound:,}" in PAGE
    assert f"{limits.idle_s:,.0f} s" in PAGE
    assert f"{limits.first_frame_s:.0f} s" in PAGE
    assert f"{limits.backlog_octets >> 20} MiB" in PAGE
    assert f"first {counters.REJECT_OCTETS} octets of the last {counters.MOST_REJECTS}" in PAGE
    assert all(method in PAGE for method in records.CALL_METHODS)
