"""A demo makes its people and carriers by the same actions as in earnest."""

import msgspec
import pytest

from headwater.accounts import queries as people
from headwater.accounts.credentials import shown
from headwater.audit.models import AuditEntry
from headwater.cli.demo import folder as folders
from headwater.cli.demo import seeding
from headwater.cli.demo.folder import Folder, Remembered
from headwater.cli.demo.programs import make_keys
from headwater.errors import NotFound
from headwater.providers import queries as providers
from headwater.providers.models import AnswerChannel
from headwater.simulator.network import Answers, build

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path) -> Folder:
    folder = Folder(home=tmp_path, port_base=8400)
    folder.own.mkdir()
    return folder


@pytest.fixture
def facts(folder) -> Remembered:
    network = build(5)
    return seeding.seed(folder, network, make_keys(folder, network))


def test_every_carrier_but_the_one_abroad_is_registered_with_its_own_key(folder, facts):
    for carrier in build(5).carriers.values():
        known = providers.by_spc(carrier.spc)
        if carrier.answers is Answers.NOT_ASKED:
            assert known is None
            continue
        by_hand = carrier.answers is Answers.BY_HAND
        assert known is not None
        assert known.channel is (AnswerChannel.PAGES if by_hand else AnswerChannel.AGENT)
        assert len(providers.keys_of(known.id)) == (0 if by_hand else 1)


def test_the_tokens_open_the_feed_for_the_partner_under_whose_name_its_records_are_kept(facts):
    for partner, token in facts.feed_tokens.items():
        credential = shown(token)
        assert credential is not None
        assert credential.organisation_id == facts.feed_sources[partner]


def test_there_is_somebody_at_each_application(facts):
    assert {login.application for login in facts.logins.values()} == {"desk", "portal", "carrier"}
    assert {"administrator", "analyst", "reviewer", "custodian", "officer-MI", "officer-OH"} < facts.logins.keys()
    assert len({login.password for login in facts.logins.values()}) == len(facts.logins)


def test_what_was_seeded_is_found_again_and_what_was_not_is_seeded_anew(folder, facts):
    assert seeding.seeded(folders.remembered(folder))
    assert not seeding.seeded(None)
    reviewer = msgspec.structs.replace(facts.logins["reviewer"], email="nobody@desk.example")
    assert not seeding.seeded(msgspec.structs.replace(facts, logins={"reviewer": reviewer}))


def test_no_secret_is_in_the_audit(facts):
    said = " ".join(f"{entry.subject} {entry.detail}" for entry in AuditEntry.objects.all())
    assert "analyst@desk.example" in said
    for login in facts.logins.values():
        assert login.password not in said
        assert login.totp_secret not in said
    for token in facts.feed_tokens.values():
        assert token not in said


def test_a_key_that_is_there_is_kept(folder):
    network = build(5)
    assert make_keys(folder, network) == make_keys(folder, network)


def test_people_are_of_the_organisations_whose_pages_they_use(facts):
    kinds = {seat: people.person(seeding.ACTOR, email=login.email).role for seat, login in facts.logins.items()}
    assert kinds["officer-MI"] == "agency_officer"
    assert kinds["custodian"] == "custodian"


def test_a_carrier_with_an_agent_gets_somebody_for_its_first_notice_and_keeps_them(folder, facts):
    spc = next(one.spc for one in build(5).agents())
    assert not any(seat.endswith(spc) for seat in facts.logins)
    more, seat = seeding.with_contact(folder, facts, spc)
    provider = providers.by_spc(spc)
    assert provider is not None
    person = people.person(seeding.ACTOR, email=more.logins[seat].email)
    assert (person.role, person.organisation_id) == ("provider_staff", provider.organisation_id)
    assert folders.remembered(folder) == more
    assert seeding.with_contact(folder, more, spc) == (more, seat)


def test_at_the_carrier_by_hand_the_notice_goes_to_who_answers_there(folder, facts):
    (carrier,) = build(5).by_hand()
    assert seeding.with_contact(folder, facts, carrier.spc) == (facts, f"staff-{carrier.spc}")


def test_a_carrier_that_no_register_has_gets_nobody(folder, facts):
    with pytest.raises(NotFound, match="X999"):
        seeding.with_contact(folder, facts, "X999")
