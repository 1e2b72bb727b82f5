"""A trace forward under the database roles of its processes: desk, carrier, worker, and the portal's sight of it."""

import pytest
from django.db import ProgrammingError, connection, transaction

from headwater import clock
from headwater.accounts.actors import Actor
from headwater.site.config import Process
from headwater.tracebacks import escalating, forward_asking, forwarding
from headwater.tracebacks.models import ForwardQuestion, ForwardTracing
from tests.conftest import Browser
from tests.evidence.conftest import accept, serve
from tests.evidence.scenery import Scene
from tests.tracebacks.support import OPERATOR
from tests.web.test_process_roles import as_role, roles

__all__ = ["roles"]
pytestmark = pytest.mark.django_db


def test_desk_asks_carrier_answers_worker_takes_in_and_the_portal_sees_what_it_may(  # noqa: PLR0917 - fixtures by name
    scene: Scene,
    agency: Actor,
    reviewer: Actor,
    provider: Actor,
    roles: None,
    desk_client: Browser,
    provider_client: Browser,
    agency_client: Browser,
) -> None:
    process = serve(scene, agency)
    accept(reviewer, process)
    live = f"/requests/{process}/open/"
    with as_role(Process.DESK):
        sent = {
            "number": "18005550142",
            "campaign": scene.campaign.id,
            "spc": "709J",
            "why": "responsible organisation",
        }
        assert desk_client.post("/forwards/open/", sent).status_code == 302
        assert desk_client.get("/tracebacks/").status_code == 200
        assert desk_client.post("/tracebacks/duty/", {"duty": "take"}).status_code == 302
        assert desk_client.get(f"/campaigns/{scene.campaign.id}/leads/").status_code == 200
    one = ForwardTracing.objects.get().id
    asked = ForwardQuestion.objects.get(provider__spc="709J").id
    other = forwarding.open_forward(OPERATOR, "18005550199", pointers={"709J": "responsible organisation"})
    with as_role(Process.CARRIER):
        assert provider_client.get(f"/numbers/{asked}/").status_code == 200
        answer = provider_client.post(f"/numbers/{asked}/", {"code": "SERVES", "country": "US"})
        assert answer.status_code == 302
        assert provider_client.get(answer["Location"]).status_code == 200
        for forbidden in (
            "UPDATE tracebacks_forwardtracing SET outcome = ''",
            "UPDATE tracebacks_forwardquestion SET due_at = now()",
            "UPDATE tracebacks_forwardanswer SET code = 'DECLINED'",
        ):
            with pytest.raises(ProgrammingError), transaction.atomic():
                connection.cursor().execute(forbidden)
    with as_role(Process.WORK):
        forwarding.advance(one)
        assert forward_asking.tell_due(carrier_url="https://carrier.example") == 1
        assert escalating.mail_desk(desk_url="https://desk.example", now=clock.now()) == 0
        assert forwarding.left_over(clock.now()) == []
    with as_role(Process.DESK):
        assert "Serving provider" in desk_client.get(f"/forwards/{one}/").content.decode()
    with as_role(Process.PORTAL):
        page = agency_client.get(live).content.decode()
        assert "800 555 0142" in page
        assert "states that a customer of its own has the number" in page
        assert "800 555 0199" not in page, f"{other} belongs to no campaign of the scope"
        with pytest.raises(ProgrammingError), transaction.atomic():
            connection.cursor().execute("SELECT * FROM tracebacks_forwardtracing")
