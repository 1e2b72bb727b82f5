"""The call-path graph: an edge only where an answer names the upstream."""

from headwater.evidence.parts.bates import Bates
from headwater.evidence.parts.call_graph import graph, octets
from tests.evidence import specimen
from tests.evidence.parts.test_relief import hop


def with_spc(row: dict, spc: str) -> dict:
    return {**row, "upstream_spc": spc}


def test_steps_of_several_tracebacks_are_added_up():
    path = []
    for trace in ("TB-1", "TB-2"):
        path += [
            with_spc(hop(trace, 1, "709A", "UPSTREAM_US", "Provider 709B"), "709B"),
            hop(trace, 2, "709B", "ORIGINATED"),
        ]
    found = graph(specimen.material(path=tuple(path)))
    assert found.edges == ({"from_hop": 2, "from_spc": "709B", "to_hop": 1, "to_spc": "709A", "tracebacks": 2},)
    assert [(node["provider_spc"], node["tracebacks"]) for node in found.nodes] == [("709A", 2), ("709B", 2)]


def test_a_named_provider_that_was_never_asked_is_a_place_with_no_traceback():
    path = (with_spc(hop("TB-1", 1, "709A", "UPSTREAM_US", "Unknown Telecom"), "999Z"),)
    found = graph(specimen.material(path=path))
    assert [(n["provider_spc"], n["tracebacks"], n["answers"]) for n in found.nodes][-1] == ("999Z", 0, {})


def test_the_drawing_takes_one_page_however_many_providers_and_hops():
    path = tuple(
        with_spc(hop(f"TB-{n}", h, f"{n:02d}{h:02d}", "UPSTREAM_US", "<b>&"), f"{n:02d}{h + 1:02d}")
        for n in range(30)
        for h in range(1, 12)
    )
    for found in (path, ()):
        bates = Bates("EP")
        assert octets(specimen.material(path=found), bates).startswith(b"%PDF-")
        assert bates.last == 1
