import pytest

from headwater.accounts.actors import Actor
from headwater.accounts.permissions import Permission
from headwater.audit import queries
from headwater.audit.actions import record
from headwater.audit.queries import By, Search
from headwater.audit.tags import Tag
from headwater.errors import Forbidden

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(desk: Actor, agency: Actor) -> None:
    for number in range(5):
        record(desk, Tag.CAMPAIGN_VIEWED, f"C-{number}")
        record(agency, Tag.ALERT_READ, f"AL-{number}")


def test_the_permission_is_the_one_of_the_table() -> None:
    assert Permission.AUDIT_READ == queries.READ


def test_entries_come_newest_first_in_pages(custodian: Actor, log: None) -> None:
    page = queries.entries(custodian, Search(), limit=4)
    assert [e.subject for e in page.entries] == ["AL-4", "C-4", "AL-3", "C-3"]
    following = queries.entries(custodian, Search(), before=page.before, limit=100)
    assert len(following.entries) == 6
    assert following.before is None


@pytest.mark.parametrize(
    ("search", "count"),
    [
        (Search(who="alex@"), 5),
        (Search(subject="C-3"), 1),
        (Search(tag="alert:"), 5),
        (Search(tag=Tag.CAMPAIGN_VIEWED), 5),
        (Search(who="alex@", tag="campaign:"), 0),
    ],
)
def test_a_search_finds_by_person_subject_and_tag(custodian: Actor, log: None, search: Search, count: int) -> None:
    assert len(queries.entries(custodian, search).entries) == count


def test_the_custody_log_holds_what_concerns_its_subjects_oldest_first(custodian: Actor, log: None) -> None:
    assert [row.subject for row in queries.about(custodian, ["AL-2", "C-1"])] == ["C-1", "AL-2"]


def test_who_may_not_read_the_audit_reads_nothing(desk: Actor, agency: Actor, provider: Actor) -> None:
    for actor in (desk, agency, provider):
        with pytest.raises(Forbidden, match="audit:read"):
            queries.entries(actor, Search())
        with pytest.raises(Forbidden):
            queries.about(actor, ["C-1"])
        with pytest.raises(Forbidden):
            queries.check(actor)


def test_the_log_is_added_up_by_person_by_object_and_by_process(custodian: Actor, desk: Actor, log: None) -> None:
    record(desk, Tag.PROCESS_VIEWED, "LP-0000000001")
    record(desk, Tag.CALL_RAW_OPENED, "record-1", {"process": "LP-0000000001"})
    people = {line.key: (line.entries, line.subjects) for line in queries.sums(custodian, Search(), By.PERSON)}
    assert people[desk.label] == (7, 7)
    assert [line.key for line in queries.sums(custodian, Search(), By.OBJECT)][:2] == ["record-1", "LP-0000000001"]
    (process,) = queries.sums(custodian, Search(), By.PROCESS)
    assert (process.key, process.entries, process.people, process.subjects) == ("LP-0000000001", 2, 1, 2)
    found = queries.entries(custodian, Search(process="LP-0000000001")).entries
    assert {entry.subject for entry in found} == {"LP-0000000001", "record-1"}
    (alone,) = queries.sums(custodian, Search(who="alex@"), By.PERSON)
    assert alone.entries == 5


def test_who_may_not_read_the_audit_gets_no_sum_of_it(reviewer: Actor, log: None) -> None:
    with pytest.raises(Forbidden):
        queries.sums(reviewer, Search(), By.PERSON)
