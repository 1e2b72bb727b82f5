import numpy as np
import pytest

from headwater.campaigns import families
from headwater.campaigns.labels import Labels, shipped
from headwater.campaigns.naming import Namer
from headwater.campaigns.reference import Labelled
from headwater.campaigns.script import read


def test_every_family_has_a_beginning_and_telling_words() -> None:
    spoken = families.of_each([read(text) for text in ("nothing at all is told here of any kind",)])
    assert spoken.sum() == 0
    for family in families.names():
        assert families.beginning(family)
    assert families.beginning("no family") == ""


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("this is the internal revenue service about your back taxes call us today", "tax"),
        ("there is a notice about your student loan and the department of education", "student-loan"),
        ("in response to the coronavirus pandemic you can claim a stimulus payment", "covid-relief"),
        ("a shipment under your name was stopped by customs and border protection", "cbp-impersonation"),
        ("最后一次通知您您有一个快件已派送两次无人签收", "chinese-language"),
    ],
)
def test_a_family_of_which_no_script_is_labelled_is_known_by_its_words(text: str, family: str) -> None:
    known = [
        Labelled(number=1, script=read("your amazon order was charged press one"), campaign="A-One", family="relative")
    ]
    proposal = Namer(Labels(known)).propose([read(text)])
    assert proposal.family == family
    assert proposal.is_new


def test_who_labels_by_families_of_his_own_is_not_spoken_for() -> None:
    known = [
        Labelled(number=1, script=read("pay your back taxes to the service now"), campaign="T-One", family="taxes"),
        Labelled(number=2, script=read("your electric bill is due pay today please"), campaign="E-One", family="power"),
    ]
    labels = Labels(known)
    assert labels.families == ["power", "taxes"]
    assert Namer(labels).propose([read("this is about back taxes that you owe the service")]).family == "taxes"


def test_a_word_said_twice_is_one_cue() -> None:
    once, often = read("you owe tax on this amount"), read("tax tax tax tax you owe tax tax")
    assert families.cues(once).tolist() == families.cues(often).tolist()


def test_shares_leave_room_for_none_of_them() -> None:
    shares = families.shares(np.array([[0.0, 0.0], [2.0, 0.0], [40.0, 1.0]]))
    assert shares[0].sum() == 0
    assert shares[1].tolist() == [0.5, 0.0]
    assert 0.99 < shares[2].sum() < 1


def test_a_word_that_many_families_share_does_not_make_a_known_campaign() -> None:
    namer = Namer(shipped())
    assert namer.propose([read("hello this is your dentist about an appointment on friday at nine")]).is_new
