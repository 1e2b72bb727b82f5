"""Loads on a real PostgreSQL: all or nothing, and the history stays."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headwater import clock
from headwater.accounts.actors import Actor, system
from headwater.audit.models import AuditEntry
from headwater.errors import Forbidden, Invalid, NotFound
from headwater.numbering.numbers import canonical
from headwater.numbering.plan import DnoKind
from headwater.numbering.ranges import BadIndex
from headwater.providers import actions as providers
from headwater.providers import queries as provider_queries
from headwater.providers.models import RegistryEntry, RegistryLoad
from headwater.providers.registries import actions, index, queries
from headwater.providers.registries.entries import BadRegistry, Registry
from tests.providers.registries.files import FILER, OCN_LIST, blocks, rmd

pytestmark = pytest.mark.django_db
OPERATOR = system("operator")
DAYS = [datetime(2026, 11, day, tzinfo=UTC) for day in range(1, 11)]
FIVE = [(f"RMD000000{number}", f"000000000{number}", f"Carrier {number}") for number in range(1, 6)]


class Desk:
    """Loads files for a test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, registry: Registry, octets: bytes, as_of: datetime, **more: Any) -> queries.LoadView:
        path = self._folder / "export"
        path.write_bytes(octets)
        return actions.load(OPERATOR, actions.NewLoad(registry=registry, as_of=as_of, **more), path)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def listed(what: str, at: datetime) -> list[tuple[str, str]]:
    return [(entry.key, entry.name) for entry in queries.lookup(OPERATOR, what, at).listed]


def test_a_load_keeps_who_was_listed_when(desk: Desk) -> None:
    first = desk.load(Registry.RMD, rmd(*FIVE), DAYS[0])
    assert (first.entries, first.added, first.changed, first.removed) == (5, 5, 0, 0)
    renamed = [*FIVE[:3], ("RMD0000004", "0000000004", "New Name"), ("RMD0000006", "0000000006", "Carrier 6")]
    second = desk.load(Registry.RMD, rmd(*renamed), DAYS[2])
    assert (second.entries, second.added, second.changed, second.removed) == (5, 1, 1, 1)
    assert listed("RMD0000004", DAYS[1]) == [("RMD0000004", "Carrier 4")]
    assert listed("RMD0000004", DAYS[2]) == [("RMD0000004", "New Name")]
    assert listed("0000000005", DAYS[1]) == [("RMD0000005", "Carrier 5")]
    assert listed("0000000005", DAYS[3]) == []
    assert listed("0000000006", DAYS[1]) == []
    gone = queries.lookup(OPERATOR, "RMD0000005", DAYS[3])
    assert [(entry.valid_from, entry.valid_to) for entry in gone.history] == [(DAYS[0], DAYS[2])]
    assert RegistryEntry.objects.filter(key="RMD0000001").count() == 1, "what stands still is one row"


def test_one_that_left_and_came_back_has_two_stays(desk: Desk) -> None:
    desk.load(Registry.RMD, rmd(*FIVE), DAYS[0])
    desk.load(Registry.RMD, rmd(*FIVE[:4]), DAYS[1])
    desk.load(Registry.RMD, rmd(*FIVE), DAYS[2])
    assert [bool(listed("RMD0000005", day)) for day in DAYS[:3]] == [True, False, True]


def test_the_same_file_again_changes_nothing(desk: Desk) -> None:
    first = desk.load(Registry.RMD, rmd(*FIVE), DAYS[0])
    assert desk.load(Registry.RMD, rmd(*FIVE), DAYS[0]).id == first.id
    later = desk.load(Registry.RMD, rmd(*FIVE), DAYS[1])
    assert (later.added, later.changed, later.removed) == (0, 0, 0)
    assert RegistryEntry.objects.count() == 5


@pytest.mark.parametrize(
    ("octets", "day", "said"),
    [
        (rmd(*FIVE[:3]), 3, "had 5"),
        (rmd(*FIVE, note="x"), 0, "must be of a later moment"),
        (rmd(*FIVE, note="x")[:-250], 3, "may have been cut off"),
        (b"<html>502 Bad Gateway</html>", 3, "no column number"),
        (rmd(), 3, "no entry of rmd"),
        (rmd(*FIVE, ("RMD1", "1", "bad")), 3, "cannot be read"),
    ],
)
def test_a_load_that_fails_changes_nothing_and_says_why(desk: Desk, octets: bytes, day: int, said: str) -> None:
    desk.load(Registry.RMD, rmd(*FIVE), DAYS[1])
    before = list(RegistryEntry.objects.order_by("id").values())
    with pytest.raises((actions.LoadRefused, BadRegistry), match=said):
        desk.load(Registry.RMD, octets, DAYS[day])
    assert list(RegistryEntry.objects.order_by("id").values()) == before
    (view,) = [view for view in queries.registries(OPERATOR) if view.registry == "rmd"]
    assert view.last is not None
    assert view.last.as_of == DAYS[1]
    assert view.refused is not None
    assert said in view.refused.reason
    assert AuditEntry.objects.filter(tag="registry:load:refused").count() == 1


def test_a_much_smaller_file_is_taken_when_a_person_says_so(desk: Desk) -> None:
    desk.load(Registry.RMD, rmd(*FIVE), DAYS[0])
    assert desk.load(Registry.RMD, rmd(*FIVE[:2]), DAYS[1], accept_fewer=True).removed == 3


def test_only_the_operator_loads_and_only_those_who_see_providers_read(desk: Desk, tmp_path: Path) -> None:
    stranger = Actor(label="user:nobody")
    path = tmp_path / "x"
    path.write_bytes(rmd(*FIVE))
    with pytest.raises(Forbidden):
        actions.load(stranger, actions.NewLoad(registry=Registry.RMD, as_of=DAYS[0]), path)
    with pytest.raises(Forbidden):
        queries.lookup(stranger, "0000000001", DAYS[0])
    assert not RegistryLoad.objects.exists()


def test_a_moment_that_lies_ahead_is_refused(desk: Desk) -> None:
    with pytest.raises(Invalid, match="lies ahead"):
        desk.load(Registry.RMD, rmd(*FIVE), clock.now() + timedelta(days=1))


def test_filing_and_filer_of_one_company_are_found_together(desk: Desk) -> None:
    desk.load(Registry.RMD, rmd(("RMD0001234", "0024926677", "Low Latency")), DAYS[0])
    desk.load(Registry.FILERS, FILER, DAYS[0])
    for asked in ("0024926677", "RMD0001234", "low latency"):
        found = queries.lookup(OPERATOR, asked, DAYS[1])
        assert {entry.registry for entry in found.listed} == {"rmd", "filers"}, asked
    assert queries.lookup(OPERATOR, "831188", DAYS[1]).what == "filer id"


def test_a_provider_gets_the_filing_that_its_registration_number_has(desk: Desk) -> None:
    new = providers.NewProvider(name="Low Latency", spc="006L", frn="0024926677")
    provider = providers.register(OPERATOR, new)
    desk.load(Registry.FILERS, FILER, DAYS[0])
    desk.load(Registry.OCN, OCN_LIST, DAYS[0])
    desk.load(Registry.RMD, rmd(("RMD0001234", "0024926677", "Low Latency")), DAYS[1])
    assert provider_queries.provider(OPERATOR, provider.id).rmd_number == "RMD0001234"
    found = queries.of_provider(OPERATOR, provider.id, DAYS[2])
    assert {entry.registry for entry in found.listed} == {"rmd", "filers", "ocn"}
    assert {entry.registry for entry in queries.of_provider(OPERATOR, provider.id, DAYS[0]).listed} == {"filers", "ocn"}


def test_who_a_number_was_assigned_to_and_whether_it_may_call(desk: Desk, tmp_path: Path) -> None:
    one, other = (f"PA,215-555,1,{ocn},Acme,PHILA,,AS" for ocn in ("003L", "709J"))
    rest = ["PA,215-556,,709J,Acme,PHILA,,AS", "PA,215-557,,,,,,VC"]
    desk.load(Registry.BLOCKS, blocks(one, *rest), DAYS[0])
    desk.load(Registry.BLOCKS, blocks(other, *rest), DAYS[3])
    desk.load(Registry.DNO, b"number,kind,from\n2155551000-2155551099,unused,2026-11-05\n", DAYS[1], part="itg")
    index.write(tmp_path)
    plan = index.read(tmp_path)
    for day, ocn, dno in ((2, "003L", ()), (3, "709J", ()), (4, "709J", (DnoKind.UNUSED,))):
        for standing in (
            queries.standing(canonical("2155551010"), DAYS[day]), plan.standing(canonical("2155551010"), DAYS[day]),
        ):  # fmt: skip
            assert (standing.ocn, standing.listed, standing.unallocated) == (ocn, dno, False), day
    for number, unallocated in (
        ("2155570100", True),
        ("2155580100", True),
        ("2155560100", False),
        ("3135550100", None),
    ):
        found = queries.lookup(OPERATOR, number, DAYS[5]).standing
        assert found is not None
        assert found.unallocated is unallocated
        assert plan.standing(canonical(number), DAYS[5]) == found
    assert [view.registry for view in queries.registries(OPERATOR) if view.registry.startswith("dno")] == ["dno/itg"]


def test_one_do_not_originate_list_does_not_replace_another(desk: Desk) -> None:
    desk.load(Registry.DNO, b"2155550100\n", DAYS[0], part="itg")
    desk.load(Registry.DNO, b"2155550200\n", DAYS[1], part="own")
    assert queries.standing(canonical("2155550100"), DAYS[2]).listed == (DnoKind.SUBSCRIBER,)
    with pytest.raises(Invalid, match="cannot name a list"):
        desk.load(Registry.DNO, b"2155550200\n", DAYS[1], part="../x")


def test_a_missing_or_damaged_index_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="load blocks"):
        index.read(tmp_path)
    path = index.write(tmp_path)
    octets = bytearray(path.read_bytes())
    octets[-1] ^= 1
    path.write_bytes(bytes(octets))
    with pytest.raises(BadIndex):
        index.read(tmp_path)
    path.write_bytes(b"rubbish")
    with pytest.raises(BadIndex):
        index.read(tmp_path)


def test_authorities_need_the_administrators_certificate(desk: Desk) -> None:
    with pytest.raises(Invalid, match="--signer"):
        desk.load(Registry.CA_LIST, b"x", DAYS[0])
