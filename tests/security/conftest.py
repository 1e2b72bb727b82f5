"""The scene of tests/evidence with names and words by an attacker, for every attack here."""

from typing import Any

import pytest

from headwater.accounts.actors import Actor
from headwater.calls.store import CallStore
from headwater.evidence.models import Package
from headwater.evidence.seal import seal
from headwater.legal import actions as legal
from headwater.legal.documents import inspect
from tests.conftest import Browser
from tests.evidence.conftest import accept, asked, custodian_key, home, package, scene, served
from tests.evidence.scenery import PDF, Scene, build

__all__ = ["custodian_key", "home", "package", "scene", "served"]

#: What would run, break out of its place, or be executed by a spreadsheet, if any door wrote it as it is.
SCRIPT = "<script>alert('hw-attack')</script>"
ATTRIBUTE = '" onmouseover=hw-attack() autofocus onfocus=hw-attack() x="'
QUOTE = "' onmouseover=hw-attack() x='"
FORMULA = '=HYPERLINK("http://hw-attack.example/","x")'


@pytest.fixture
def hostile(home: Any, call_store: tuple[str, CallStore], agency: Actor, reviewer: Actor) -> Scene:
    """A campaign whose words, providers, process and package were all written by an attacker."""
    words = f"{SCRIPT} {ATTRIBUTE} {QUOTE} "
    words += "your social security number has been suspended press one to speak to an officer now"
    found = build(call_store[1], agency, names=(SCRIPT, ATTRIBUTE, FORMULA), text=words, note=SCRIPT)
    document = inspect(f"{ATTRIBUTE}{SCRIPT}.pdf", PDF)
    written = asked(case_number=SCRIPT, scope=f"{SCRIPT}{ATTRIBUTE}{QUOTE}", signer=FORMULA, authority=SCRIPT)
    process = legal.serve(agency, legal.draft(agency, found.alert_id, written, document).id)
    seal(accept(reviewer, process.id))
    assert Package.objects.get().state == "sealed", Package.objects.get().failure
    return found


@pytest.fixture
def browsers(
    desk_client: Browser, reviewer_client: Browser, custodian_client: Browser, agency_client: Browser,
    provider_client: Browser,
) -> dict[str, Browser]:  # fmt: skip
    """Everybody who looks at pages, signed in."""
    return {"desk": desk_client, "reviewer": reviewer_client, "custodian": custodian_client, "agency": agency_client,
            "provider": provider_client}  # fmt: skip
