"""Signs of one business under two names."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from headwater.conduct.phoenix import COMMON, Filing, links, plain_address, plain_name, plain_person, plain_phone
from headwater.conduct.states import SignKind

DAY = datetime(2026, 1, 1, tzinfo=UTC)
OLD = Filing(
    registry="rmd", key="RMD0000001", name="PZ Telecom, LLC", frn="0011111111",
    address="12 Harbor Street, Suite 400, Tampa, FL",
    contact="Mr. Prince Z. Example", contact_phone="(813) 555-0142", valid_from=DAY, valid_to=DAY + timedelta(days=90),
)  # fmt: skip
NEW = Filing(
    registry="rmd", key="RMD0000002", name="One Eye Inc.", frn="0022222222", address="12 Harbor St. #400, Tampa FL",
    contact="PRINCE EXAMPLE", contact_phone="1-813-555-0142", valid_from=DAY + timedelta(days=100),
)  # fmt: skip


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("12 Harbor Street, Suite 400, Tampa, FL", "12 harbor st. ste 400 TAMPA FL"),
        ("1 North Main Avenue Floor 3 Troy MI", "1 N Main Ave, Fl. 3, Troy, MI, USA"),
    ],
)
def test_addresses_are_compared_without_how_they_are_written(left: str, right: str) -> None:
    assert plain_address(left) == plain_address(right) != ""


def test_what_names_no_place_person_or_number_is_not_compared() -> None:
    assert plain_address("Tampa, FL") == ""
    assert plain_person("Traceback Department") == plain_person("J. Doe") == ""
    assert plain_phone("n/a") == ""
    assert plain_name("The L.L.C.") == ""


def test_a_person_a_number_and_an_address_under_a_new_name_are_three_signs_with_their_order_in_time() -> None:
    (link,) = links([NEW], [OLD, NEW])
    assert {sign.kind for sign in link.signs} == {SignKind.CONTACT_PERSON, SignKind.CONTACT_PHONE, SignKind.ADDRESS}
    assert {sign.filings for sign in link.signs} == {2}
    assert link.succession == "the other filing was gone before this one appeared"
    assert links([OLD], [OLD, NEW])[0].succession == "the other filing appeared after this one was gone"


def test_what_many_filers_share_is_an_office_and_no_sign() -> None:
    crowd = [
        replace(
            OLD, key=f"RMD{n:07}", name=f"Filer {n}", frn=f"00333{n:05}", contact="", contact_phone="", valid_to=None
        )
        for n in range(10, 10 + COMMON)
    ]
    found = links([NEW], [OLD, NEW, *crowd])
    assert [link.other.key for link in found] == [OLD.key]
    assert SignKind.ADDRESS not in {sign.kind for sign in found[0].signs}


def test_ones_own_other_filings_are_no_signs() -> None:
    again = replace(NEW, key="RMD0000009")
    assert links([NEW], [NEW, again]) == []


def test_a_previous_name_and_a_listed_number_lead_to_the_other_filing() -> None:
    named = replace(NEW, address="", contact="", contact_phone="", names=("PZ Telecom",))
    (link,) = links([named], [OLD, named])
    assert [sign.kind for sign in link.signs] == [SignKind.TRADE_NAME]
    listed = replace(NEW, address="", contact="", contact_phone="", other_frns=(OLD.frn,))
    (link,) = links([listed], [OLD, listed])
    assert [(sign.kind, sign.value) for sign in link.signs] == [(SignKind.OTHER_FRN, OLD.frn)]
