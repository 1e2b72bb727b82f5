import copy
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.agent.check import findings
from headwater.agent.config import BadConfig, checked, load
from headwater.agent.keys import create
from headwater.agent.policy import FIELDS
from headwater.calls.legs import PeerKind
from tests.agent.scenes import carrier_table, tables

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "agent-config.md"


def example() -> str:
    return DOCUMENT.read_text().split("```toml\n", 1)[1].split("```", 1)[0]


def test_the_example_of_the_reference_page_is_accepted_as_it_stands(tmp_path):
    (tmp_path / "agent.toml").write_text(example())
    config = load(tmp_path / "agent.toml")
    (carrier,) = config.carriers
    assert config.data == tmp_path / "agent-data"
    assert carrier.key_file == tmp_path / "alder.pem"
    assert (carrier.party.spc, carrier.database, str(carrier.office_zone)) == ("709J", "alder", "America/New_York")
    assert [peer.kind for peer in carrier.profile.peers] == [PeerKind.CARRIER, PeerKind.CUSTOMER]
    assert carrier.policy.fields == FIELDS


def test_the_defaults_of_the_reference_page_are_the_defaults(tmp_path):
    written = tomllib.loads(example())
    with_defaults = copy.deepcopy(written)
    del with_defaults["carrier"][0]["policy"]
    assert checked(written, folder=tmp_path) == checked(with_defaults, folder=tmp_path)


def wrong(change) -> str:
    table = tables(1, [carrier_table("709J"), carrier_table("812K")])
    change(table)
    with pytest.raises(BadConfig) as refused:
        checked(table, folder=Path("/"))
    return str(refused.value)


def _carrier(**members):
    return lambda table: table["carrier"][0].update(members)


def _peer(**members):
    return lambda table: table["carrier"][0]["peer"][0].update(members)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda table: table.update(colour="red"), "colour"),
        (lambda table: table.pop("data"), "data"),
        (lambda table: table.update(carrier=[]), "no [[carrier]]"),
        (lambda table: table["hub"].update(url="http://hub.example"), "https://"),
        (lambda table: table["hub"].update(url="ftp://127.0.0.1"), "https://"),
        (lambda table: table["hub"].update(url="https://[broken"), "https://"),
        (lambda table: table["hub"].update(wait_s=0), "wait_s"),
        (_carrier(spc="812K"), "812K stands twice"),
        (_carrier(spc="../x"), "letters and digits"),
        (_carrier(database="carrier_812k"), "stands twice"),
        (_carrier(database="x; DROP"), "database"),
        (_carrier(key_file="812K.pem"), "key_file"),
        (_carrier(own=[]), "own is empty"),
        (_carrier(own=["10.0.0.1/24"]), "neither an address nor"),
        (_carrier(office_zone="Moon/Base"), "office_zone"),
        (_carrier(hep=[]), "no [[carrier.hep]]"),
        (_carrier(hep=[{"port": 9060}]), "auth_key, allowed, or both"),
        (_carrier(hep=[{"port": 9060, "auth_key": "k", "tcp": False, "udp": False}]), "neither tcp nor udp"),
        (_carrier(hep=[{"port": 99_999, "auth_key": "k"}]), "port"),
        (_carrier(hep=[{"port": 1, "auth_key": "k"}, {"port": 1, "auth_key": "j"}]), "127.0.0.1:1"),
        (_carrier(policy={"fields": ["customer_name"]}), "customer_name"),
        (_carrier(policy={"max_window": 1}), "max_window"),
        (_peer(spc=""), "needs its spc"),
        (_peer(country="CA"), "foreign means outside"),
        (_peer(addresses=["10.0.0.7"]), "overlaps with own"),
        (_peer(addresses=["10.2.0.0/24"]), "overlaps with"),
        (_peer(kind="friend"), "friend"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(change, says):
    assert says in wrong(change)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["data", "hub", "carrier", "url", "x"]), inner),
    )
)
def test_any_other_file_is_refused_with_words_and_nothing_else(value):
    with pytest.raises(BadConfig):
        checked(value if isinstance(value, dict) else {"data": value}, folder=Path("/"))


def test_a_file_that_is_missing_or_no_toml_is_said_so(tmp_path):
    with pytest.raises(BadConfig, match="cannot be read"):
        load(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff = [")
    with pytest.raises(BadConfig, match="not TOML"):
        load(tmp_path / "bad.toml")


def test_the_check_looks_at_every_key(tmp_path):
    (tmp_path / "agent.toml").write_text(example())
    assert [finding.is_wrong for finding in findings(tmp_path / "agent.toml")] == [False, True, True, False]
    create(tmp_path / "alder.pem")
    (tmp_path / "hub-ca.pem").write_text("")
    assert not any(finding.is_wrong for finding in findings(tmp_path / "agent.toml"))
