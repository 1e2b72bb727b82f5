"""The documents are held to the code: neither can change alone."""

import re
from pathlib import Path

import pytest

from headwater.accounts.permissions import Permission
from headwater.audit.tags import Tag
from headwater.cli import reference
from headwater.site.supervisor import DOORS
from tests.product import ROOT

DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
SETTINGS = (ROOT / "docs" / "reference" / "settings.md").read_text()
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def settings_of_the_code() -> set[str]:
    """Return every variable that the code names in a string."""
    found: set[str] = set()
    for path in (ROOT / "headwater").rglob("*.py"):
        found |= set(re.findall(r"[\"'](HEADWATER_[A-Z][A-Z_]*[A-Z])[\"']", path.read_text()))
    # Made of a process's name by the supervisor.
    return found | {process.url_setting for process in DOORS}


def test_every_setting_of_the_code_is_documented_and_no_other() -> None:
    documented = set(re.findall(r"^\| `(HEADWATER_[A-Z_]+)` \|", SETTINGS, flags=re.MULTILINE))
    assert documented == settings_of_the_code()


@pytest.mark.parametrize("name", sorted(reference.pages()))
def test_a_page_that_is_taken_from_the_code_is_what_the_code_says(name: str) -> None:
    written = (ROOT / "docs" / "reference" / name).read_text()
    assert written == reference.pages()[name], "run: make docs"


def test_the_reference_has_every_permission_and_every_tag() -> None:
    pages = reference.pages()
    assert [p for p in Permission if f"`{p}`" not in pages["permissions.md"]] == []
    assert [t for t in Tag if f"`{t}`" not in pages["audit-tags.md"]] == []


def test_every_command_says_what_it_is_for() -> None:
    page = reference.commands()
    for section in page.split("\n## ")[1:]:
        heading, _, text = section.partition("\n")
        assert re.search(r"[A-Za-z].{10,}", text.split("| |")[0]), f"{heading} has no help"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    broken = [
        target
        for target in LINK.findall(path.read_text())
        if not target.startswith(("http://", "https://")) and not (path.parent / target).exists()
    ]
    assert broken == []


def test_every_document_is_reached_from_the_map_or_the_readme() -> None:
    reached = {ROOT / "README.md"}
    waiting = list(reached)
    while waiting:
        path = waiting.pop()
        for target in LINK.findall(path.read_text()):
            found = (path.parent / target).resolve()
            if found.suffix == ".md" and found.exists() and found not in reached:
                reached.add(found)
                waiting.append(found)
    assert sorted(str(path.relative_to(ROOT)) for path in set(DOCUMENTS) - reached) == []


def test_commands_that_documents_tell_people_to_type_exist() -> None:
    known = set(re.findall(r"^## `headwater ([a-z -]+)`$", reference.commands(), flags=re.MULTILINE))
    groups = {command.split()[0] for command in known}
    wrong = []
    for path in DOCUMENTS:
        for words in re.findall(r"(?<![/\w.-])headwater ((?:[a-z][a-z-]+ ?){1,2})", "\n".join(_code(path.read_text()))):
            first, _, second = words.strip().partition(" ")
            nested = {command for command in known if command.startswith(f"{first} ")}
            pair = f"{first} {second.strip()}"
            there = any(command == pair or command.startswith(f"{pair} ") for command in nested)
            if first not in groups or (nested and second and not there):
                wrong.append(f"{path.name}: headwater {words}")
    assert wrong == []


def test_files_that_the_architecture_names_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`(?:headwater/)?([a-z_]+/[a-z_/]+\.py)`", text))
    assert len(named) > 15
    assert [name for name in sorted(named) if not (ROOT / "headwater" / name).exists()] == []


def test_every_room_stands_in_the_architecture() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rooms = {path.parent.name for path in (ROOT / "headwater").glob("*/__init__.py")}
    assert [room for room in sorted(rooms) if not re.search(rf"\b{room}\b", text)] == []


def test_no_term_of_the_glossary_is_explained_twice() -> None:
    terms = re.findall(r"^\| \*\*([^*]+)\*\* \|", (ROOT / "docs" / "glossary.md").read_text(), flags=re.MULTILINE)
    words = [word.strip() for term in terms for word in term.split(",")]
    assert len(words) > 60
    assert sorted({word for word in words if words.count(word) > 1}) == []


def _code(text: str) -> list[str]:
    """Return what a document sets as code: blocks and inline."""
    blocks = re.findall(r"```(?:sh|ini|toml)?\n(.*?)```", text, flags=re.DOTALL)
    return [*blocks, *re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))]
