"""TAXII 2.1 as an agency's platform speaks it: the reference client, and STIX that its validator accepts."""

import base64
import json
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from stix2validator import ValidationOptions, validate_instance
from taxii2client.common import _HTTPConnection
from taxii2client.v21 import ApiRoot, Collection, Server

from headwater import clock
from headwater.accounts import credentials
from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Scope
from headwater.alerts import actions, feed
from headwater.api.taxii import MEDIA
from headwater.campaigns.models import Campaign
from headwater.campaigns.states import CampaignState
from tests.alerts.test_actions import MICHIGAN, OHIO, ring
from tests.conftest import Browser

# The client warns of its own use of a deprecated call.
pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
DISCOVERY = "http://localhost/taxii2/"


class InProcess(BaseAdapter):
    """Carries the client's requests to the portal without a socket: the rows of a test are seen by it alone."""

    def send(self, request: Any, **_more: Any) -> requests.Response:
        path = request.url.removeprefix("http://localhost")
        answer = Browser("portal").generic(
            request.method, path, request.body or "", headers={**request.headers, "Host": "localhost"}
        )
        response = requests.Response()
        response.status_code, response.url, response.request = answer.status_code, request.url, request
        response.headers.update(dict(answer.items()))
        response._content = answer.content
        return response

    def close(self) -> None:
        """Nothing is held open."""


@pytest.fixture
def token(operator: Actor, agency: Actor) -> str:
    _, token = credentials.issue(operator, organisation_id=agency.organisation_id, scopes=[Scope.ALERTS], name="SIEM")
    return token


def connection(token: str) -> _HTTPConnection:
    connected = _HTTPConnection(user="siem", password=token, version="2.1")
    connected.session.mount("http://localhost", InProcess())
    return connected


def collection(token: str) -> Collection:
    connected = connection(token)
    (root,) = Server(DISCOVERY, conn=connected).api_roots
    # The client gives each root that it finds a connection of its own, which would want a socket.
    (found,) = ApiRoot(root.url, conn=connected).collections
    return found


@pytest.fixture
def alert_id(agency: Actor) -> str:
    (alert_id,) = actions.send_for_campaign(ring(MICHIGAN, OHIO, MICHIGAN).id, now=clock.now())
    return alert_id


def grow_silent() -> None:
    Campaign.objects.update(state=CampaignState.DORMANT)
    actions.tell_more(now=clock.now())


def test_the_reference_client_finds_the_collection_and_reads_the_alert(token: str, alert_id: str) -> None:
    mine = collection(token)
    assert (mine.title, mine.can_read, mine.can_write) == ("Alerts", True, False)
    envelope = mine.get_objects()
    kinds = [one["type"] for one in envelope["objects"]]
    assert kinds.count("campaign") == kinds.count("sighting") == kinds.count("report") == 1
    (report,) = [one for one in envelope["objects"] if one["type"] == "report"]
    assert report["name"].startswith(f"Alert {alert_id}")
    ids = {one["id"] for one in envelope["objects"]}
    assert set(report["object_refs"]) <= ids
    assert MICHIGAN.removeprefix("+1") not in json.dumps(envelope)
    assert "+1 313 *** ****" in json.dumps(envelope)


def test_every_object_is_stix_that_the_oasis_validator_accepts(token: str, alert_id: str) -> None:
    grow_silent()
    objects = collection(token).get_objects()["objects"]
    bundle = {"type": "bundle", "id": "bundle--5d0092c5-5f74-4287-9642-33f4c354e56d", "objects": objects}
    result = validate_instance(bundle, ValidationOptions(version="2.1", strict=False))
    assert result.is_valid, [str(error) for error in result.errors]


def test_added_after_gives_what_is_new_and_nothing_twice(token: str, alert_id: str) -> None:
    mine = collection(token)
    manifest = mine.get_manifest()["objects"]
    last = max(entry["date_added"] for entry in manifest)
    assert mine.get_objects(added_after=last) == {}
    grow_silent()
    news = mine.get_objects(added_after=last)["objects"]
    assert {one["type"] for one in news} == {"campaign", "report", "sighting"}


def test_pages_follow_each_other_without_a_gap(token: str, alert_id: str) -> None:
    mine = collection(token)
    whole = [one["id"] for one in mine.get_objects()["objects"]]
    pages: list[str] = []
    envelope = mine.get_objects(limit=2)
    while True:
        assert len(envelope["objects"]) <= 2
        pages += [one["id"] for one in envelope["objects"]]
        if not envelope.get("more"):
            break
        envelope = mine.get_objects(limit=2, next=envelope["next"])
    assert pages == whole


def test_versions_of_one_object_are_listed_and_given(token: str, alert_id: str) -> None:
    grow_silent()
    mine = collection(token)
    campaign = next(one for one in mine.get_objects(type="campaign")["objects"])
    versions = mine.object_versions(campaign["id"])["versions"]
    assert len(versions) == 2
    assert versions == sorted(versions)
    assert campaign["modified"] == versions[-1]
    first = mine.get_object(campaign["id"], version="first")["objects"]
    assert [one["modified"] for one in first] == versions[:1]
    every = mine.get_object(campaign["id"], version="all")["objects"]
    assert [one["modified"] for one in every] == versions
    with pytest.raises(requests.HTTPError, match="404"):
        mine.get_object("campaign--00000000-0000-5000-8000-000000000000")


def ask(path: str, token: str = "", *, accept: str = MEDIA, scheme: str = "Bearer", method: str = "GET") -> Any:
    headers = {"Accept": accept} | ({"Authorization": f"{scheme} {token}"} if token else {})
    return Browser("portal").generic(method, f"/taxii2/{path}", headers=headers)


def test_who_shows_no_good_credential_learns_nothing(token: str, alert_id: str, agency: Actor) -> None:
    here = f"alerts/collections/{feed.collection_id(agency.organisation_id)}/objects/"
    rubbish = base64.b64encode(b"siem:hwf_FP-0000000000_wrong").decode()
    for answer in (
        ask(here), ask(here, "wrong"), ask(here, token[:-1]), ask(here, rubbish, scheme="Basic"),
        ask(here, "%%%", scheme="Basic"), ask(here, token, scheme="Digest"), ask("", "wrong"),
    ):  # fmt: skip
        assert answer.status_code == 401
        assert "Basic" in answer.headers["WWW-Authenticate"]
        assert answer.json()["http_status"] == "401"
    assert ask(here, token).status_code == 200


def test_a_revoked_credential_and_one_of_another_kind_are_refused(
    token: str, operator: Actor, provider: Actor, agency: Actor
) -> None:
    view = credentials.shown(token)
    assert view is not None
    credentials.revoke(operator, credential_id=view.id)
    assert ask("", token).status_code == 401
    _, other = credentials.issue(
        operator, organisation_id=provider.organisation_id, scopes=[Scope.FEED], name="feed", source_kind="carrier"
    )
    assert ask("", other).status_code == 403


def test_another_agencys_collection_is_not_there(token: str, other_agency: Actor) -> None:
    for end in ("", "objects/", "manifest/", "objects/x/", "objects/x/versions/"):
        theirs = f"alerts/collections/{feed.collection_id(other_agency.organisation_id)}/{end}"
        assert ask(theirs, token).status_code == 404


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=x", "next=1e9", "next=99999999", "added_after=yesterday", "added_after=2026-13-01T00:00:00Z",
     "match[version]=newest", "match[id]=" + ",".join("x" * 101)],
)  # fmt: skip
def test_a_filter_that_is_none_is_refused_by_its_name(token: str, agency: Actor, query: str) -> None:
    here = f"alerts/collections/{feed.collection_id(agency.organisation_id)}/objects/?{query}"
    answer = ask(here, token)
    assert answer.status_code == 400, answer.content
    assert answer.headers["Content-Type"] == MEDIA


def test_the_server_is_read_only_and_speaks_taxii_alone(token: str, agency: Actor) -> None:
    here = f"alerts/collections/{feed.collection_id(agency.organisation_id)}/objects/"
    assert ask(here, token, method="POST").status_code == 405
    assert ask(f"{here}x/", token, method="DELETE").status_code == 405
    assert ask(here, token, accept="text/html").status_code == 406
    assert ask(here, token, accept="application/taxii+json;version=2.0").status_code == 406
    assert ask(here, token, accept="application/taxii+json").status_code == 200
