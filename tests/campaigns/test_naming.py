import json
from importlib.resources import files

import pytest

from headwater.campaigns.labels import shipped
from headwater.campaigns.naming import SEEN, Namer, unique
from headwater.campaigns.reference import reference
from headwater.campaigns.script import read
from tests.campaigns.material import BENIGN, held_out

NAMER = Namer(shipped())


def test_the_program_knows_no_held_out_script():
    known = {labelled.script.digest for labelled in reference()}
    assert known.isdisjoint(read(row["transcript"]).digest for row in held_out() if row["transcript"].strip())


def test_the_reference_holds_no_number_and_no_held_out_label_file_is_read():
    text = files("headwater.campaigns").joinpath("data/reference.jsonl").read_text("utf-8")
    for line in text.splitlines():
        assert set(json.loads(line)) == {"transcript", "campaign", "family", "language"}


@pytest.mark.parametrize("text", BENIGN)
def test_a_benign_message_takes_no_scams_name(text: str):
    proposal = NAMER.propose([read(text)])
    assert proposal.is_new, proposal
    assert proposal.basis["score"] < SEEN


def test_a_new_name_is_family_and_lure_in_ascii_camel_case():
    proposal = NAMER.propose(
        [read("Your federal student loan qualifies for a pause, our hardship program ends Friday, press one now.")]
    )
    first, _, lure = proposal.name.partition("-")
    assert proposal.name.isascii()
    assert first
    assert lure[0].isupper()


def test_a_script_without_latin_words_still_gets_a_name():
    proposal = NAMER.propose([read("ข้อความนี้ไม่ใช่ภาษาอังกฤษและไม่มีคำที่รู้จัก")])
    assert proposal.name == "Unknown-Unworded"


def test_a_brand_comes_first_in_a_new_name():
    proposal = NAMER.propose(
        [read("Netflix membership lapsed because billing failed, visit the portal and update it.")]
    )
    assert proposal.is_new
    assert proposal.name.startswith("Netflix-")


def test_the_same_exemplars_in_another_order_give_the_same_name():
    scripts = [read(row["transcript"]) for row in held_out() if row["campaign"] == "Grandparentscam"]
    assert NAMER.propose(scripts).name == NAMER.propose(scripts[::-1]).name


def test_names_are_numbered_when_taken():
    assert unique("SSA-Suspended", []) == "SSA-Suspended"
    assert unique("SSA-Suspended", ["SSA-Suspended"]) == "SSA-Suspended-P2"
    assert unique("SSA-Suspended", ["SSA-Suspended", "SSA-Suspended-P2"]) == "SSA-Suspended-P3"


def test_most_held_out_calls_of_known_campaigns_get_their_name_and_most_unknown_ones_are_new():
    known = {labelled.campaign for labelled in reference()}
    seen, unseen = [], []
    for row in held_out():
        if row["label_kind"] != "itg-campaign" or len(row["transcript"]) < 40:
            continue
        proposal = NAMER.propose([read(row["transcript"])])
        if row["campaign"] in known:
            seen.append(proposal.name == row["campaign"])
        else:
            unseen.append(proposal.is_new)
    # Measured .86 and .86 when written: a fall below these is a fault, not chance.
    assert sum(seen) / len(seen) > 0.80
    assert sum(unseen) / len(unseen) > 0.75
