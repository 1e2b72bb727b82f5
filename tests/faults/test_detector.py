"""The detector in the running product: found at the third call, told to agencies, and unharmed by a killed worker."""

import json
import time
from datetime import UTC, datetime

import httpx
import pytest

from tests.campaigns.material import CALLED, held_out, scripts_of
from tests.product import Product

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

#: The same line must say the same when it is sent again.
STARTED = datetime.now(UTC).isoformat()

AGENCY = """
from headwater import clock
from headwater.accounts.models import Organisation
result = Organisation.objects.create(kind="agency", name="Ohio AG", state="OH", created_at=clock.now()).id
"""

STATE = """
from headwater.alerts.models import Alert
from headwater.campaigns.models import Campaign, CampaignMember
from headwater.campaigns import queries
result = {
    "campaigns": {c.name: [c.state, c.calls] for c in Campaign.objects.filter(confirmed_at__isnull=False)},
    "calls": sum(Campaign.objects.values_list("calls", flat=True)),
    "members": CampaignMember.objects.count(),
    "alerts": list(Alert.objects.values_list("organisation_id", "campaign__name")),
    "delay_s": [
        (c.confirmed_at - c.last_call_at).total_seconds()
        for c in Campaign.objects.filter(calls=3, confirmed_at__isnull=False)
    ],
}
"""


def send(product: Product, token: str, transcripts: list[str], *, first: int) -> None:
    """Report one call a transcript, as a blocking app does."""
    lines = [
        json.dumps(
            {
                "event_id": f"e-{number}",
                "call_at": STARTED,
                "calling": f"+1202555{number % 10_000:04d}",
                "called": CALLED[number % len(CALLED)],
                "disposition": "answered",
                "transcript": transcript,
            }
        )
        for number, transcript in enumerate(transcripts, start=first)
    ]
    answer = httpx.post(
        product.feed_url, content="\n".join(lines), headers={"Authorization": f"Bearer {token}"}, timeout=30
    )
    assert answer.status_code == 202, answer.text


def wait_for(product: Product, members: int, *, alerts: int = 0) -> dict:
    """Return what is stored once so many calls are placed and so many alerts went out."""
    deadline = time.monotonic() + 60
    while True:
        state = product.act(STATE)
        if state["members"] >= members and len(state["alerts"]) >= alerts:
            return state
        assert time.monotonic() < deadline, (state, product.log("work")[-2000:])
        time.sleep(0.5)


def test_a_campaign_is_declared_told_once_and_a_killed_worker_doubles_nothing() -> None:
    script = scripts_of("Legal-Enforcement-Notice")
    with Product() as product:
        agency, token, other = product.act(AGENCY), product.feed_token(), product.feed_token("Another app")
        # One sender alone confirms nothing.
        for number, sender in enumerate((token, other, token)):
            send(product, sender, [script[number]], first=number)
        found = wait_for(product, 3, alerts=1)
        assert found["campaigns"] == {"Legal-Enforcement-Notice": ["confirmed", 3]}
        assert found["alerts"] == [[agency, "Legal-Enforcement-Notice"]]

        rows = [row["transcript"] for row in held_out()[:120] if row["transcript"].strip()]
        pid = product.pid("work")
        for start in range(0, len(rows), 20):
            send(product, token, rows[start : start + 20], first=1_000 + start)
            if start == 40:
                product.kill("work")
        product.wait_until_back("work", not_pid=pid)
        # Sent again, as a partner that saw no acknowledgement does.
        send(product, token, rows[:60], first=1_000)

        after = wait_for(product, 3 + len(rows))
        time.sleep(3)
        assert product.act(STATE)["members"] == after["members"] == after["calls"] == 3 + len(rows)
        told = after["alerts"]
        assert len(told) == len({tuple(alert) for alert in told})
