"""The list of OWASP ASVS 5.0 is whole, and every test that it names exists: a list nobody checks is worth nothing."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = ROOT / "docs" / "security" / "asvs.md"
THREATS = ROOT / "docs" / "security" / "threat-model.md"
STATES = ("met", "partly", "operator", "gap", "n/a")

#: Section and the level of each of its lines, in their order (ASVS 5.0.0, 345 lines).
LEVELS = """
1.1 22|1.2 1111122223|1.3 112222222223|1.4 222|1.5 123|2.1 122|2.2 112|2.3 12223|2.4 23|3.1 3|3.2 113|3.3 12223
3.4 11222233|3.5 11122333|3.6 3|3.7 22333|4.1 12233|4.2 23333|4.3 22|4.4 1222|5.1 2|5.2 112333|5.3 113|5.4 222
6.1 122|6.2 111111112222|6.3 11223333|6.4 112233|6.5 22222333|6.6 2223|6.7 33|6.8 2222|7.1 222|7.2 1111|7.3 22
7.4 11222|7.5 223|7.6 22|8.1 1233|8.2 1123|8.3 133|8.4 23|9.1 111|9.2 1222|10.1 22|10.2 223|10.3 22223
10.4 1111122222233333|10.5 22222|10.6 22|10.7 222|11.1 2233|11.2 22233|11.3 11233|11.4 1222|11.5 23|11.6 23|11.7 33
12.1 12233|12.2 11|12.3 22223|13.1 2333|13.2 222223|13.3 2233|13.4 1222233|14.1 22|14.2 12223333|14.3 122
15.1 12233|15.2 12233|15.3 1222222|15.4 3333|16.1 2|16.2 22222|16.3 2222|16.4 222|16.5 2223
17.1 23|17.2 22223333|17.3 22
"""
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| ([12]) \| ([^|]+) \| ([^|]+) \| ([^|]*) \|$", re.MULTILINE)
NAMED = re.compile(r"`tests/([\w/]+\.py)::(test_\w+)`")
DOCUMENT = re.compile(r"\bdocs/[\w/.-]+\.md\b")


def asked() -> dict[str, str]:
    """Return the lines of levels 1 and 2 and their level."""
    found = {}
    for part in LEVELS.strip().replace("\n", "|").split("|"):
        section, levels = part.split()
        found |= {f"{section}.{number}": level for number, level in enumerate(levels, 1) if level in "12"}
    return found


def rows() -> list[tuple[str, str, str, str, str]]:
    return [match.groups() for match in ROW.finditer(LIST.read_text())]  # type: ignore[misc]


def test_every_line_of_levels_1_and_2_is_in_the_list_once():
    wanted = asked()
    assert (len(wanted), Counter(wanted.values())["1"]) == (253, 70), (
        "ASVS 5.0.0 has 70 lines of level 1, 183 of level 2"
    )
    assert [(line, level) for line, level, *_ in rows()] == list(wanted.items())


def test_every_test_that_a_document_of_security_names_exists():
    missing = []
    for document in (LIST, THREATS):
        named = set(NAMED.findall(document.read_text()))
        assert named, document
        for file, test in sorted(named):
            path = ROOT / "tests" / file
            if not path.exists() or re.search(rf"^(async )?def {test}\(", path.read_text(), re.MULTILINE) is None:
                missing.append(f"{document.name}: tests/{file}::{test}")
    assert missing == []


def test_every_document_that_the_list_names_exists():
    assert [name for name in DOCUMENT.findall(LIST.read_text()) if not (ROOT / name).exists()] == []


def test_each_line_has_a_state_and_says_what_shows_it():
    for line, _, about, state, shown in rows():
        assert state in STATES, line
        assert about.strip(), line
        assert shown.strip(), line


def test_the_counts_at_the_top_are_those_of_the_list():
    stated = dict(re.findall(r"^\| ([\w/]+) \| [^|]+ \| (\d+) \|$", LIST.read_text(), re.MULTILINE))
    counted = Counter(state for *_, state, _ in rows())
    assert stated == {state: str(counted[state]) for state in STATES}
