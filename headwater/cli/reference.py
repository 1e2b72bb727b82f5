"""``python -m headwater.cli.reference``: write the pages of docs/reference that are taken from the code.

A test compares the pages with what this module makes of the code as it is: neither can be changed alone.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from headwater.accounts.password_words import words_page
from headwater.accounts.permissions import ROLE_ORGANISATION, ROLE_PERMISSIONS, Permission, Role
from headwater.audit.tags import Tag
from headwater.cli.main import build
from headwater.intake.cdr.reference import formats_page
from headwater.legal.reference import process_page
from headwater.site.config import Process
from headwater.site.grants import COLUMNS, FUNCTIONS, READ_COLUMNS, TABLES, VERBS
from headwater.stir.reference import stir_page
from headwater.tracebacks.reference import engine_page

WRITTEN = "<!-- Written by `make docs` from the code; do not edit. -->\n"


def pages() -> dict[str, str]:
    """Return each page's text by its file name."""
    return {
        "commands.md": commands(),
        "permissions.md": permissions(),
        "audit-tags.md": audit_tags(),
        "database-rights.md": database_rights(),
        "traceback-engine.md": f"{WRITTEN}\n{engine_page()}",
        "legal-process.md": f"{WRITTEN}\n{process_page()}",
        "cdr-formats.md": f"{WRITTEN}\n{formats_page()}",
        "password-words.md": f"{WRITTEN}\n{words_page()}",
        "stir.md": f"{WRITTEN}\n{stir_page()}",
    }


def commands() -> str:
    """Return the page of the command line."""
    root = typer.main.get_command(build([]))
    lines = [WRITTEN, "# The `headwater` command\n"]
    for path, command in _walk("headwater", root):
        lines.append(f"## `{path}`\n")
        lines.append((command.help or "").strip().replace("\n\n", "\n") + "\n")
        rows = [_parameter(parameter) for parameter in command.params if parameter.name != "help"]
        if rows:
            lines.append("| | meaning |\n|---|---|")
            lines.extend(rows)
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _walk(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, by its full name."""
    children = getattr(command, "commands", {})
    if not children:
        yield path, command
    for name, child in children.items():
        yield from _walk(f"{path} {name}", child)


def _parameter(parameter: Any) -> str:
    """Return the row of one argument or option."""
    option = parameter.param_type_name == "option"
    name = ", ".join(parameter.opts) if option else (parameter.name or "").upper()
    notes = [getattr(parameter, "help", None) or ""]
    if option and not parameter.required and parameter.default not in (None, False, ()):
        notes.append(f"Default: `{parameter.default}`.")
    if parameter.required:
        notes.append("Required.")
    return f"| `{name}` | {' '.join(note for note in notes if note)} |"


def permissions() -> str:
    """Return the page of who may do what."""
    roles = list(Role)
    lines = [
        WRITTEN,
        "# Permissions\n",
        "Who may do what is decided in one table, `headwater/accounts/permissions.py`; everything else is refused.",
        "Which rows a person sees is decided by each room's `visible_to(actor)`.\n",
        f"| permission | {' | '.join(role.value.replace('_', ' ') for role in roles)} |",
        f"|---|{'---|' * len(roles)}",
    ]
    lines += [
        f"| `{permission}` | {' | '.join('x' if permission in ROLE_PERMISSIONS[role] else '' for role in roles)} |"
        for permission in Permission
    ]
    lines += ["", "| role | belongs to |", "|---|---|"]
    lines += [
        f"| {role.value.replace('_', ' ')} | {ROLE_ORGANISATION[role].value.replace('_', ' ')} |" for role in roles
    ]
    return "\n".join(lines) + "\n"


def audit_tags() -> str:
    """Return the page of what the audit can say."""
    lines = [
        WRITTEN,
        "# Audit tags\n",
        "Each entry of the audit says one of these: `source:subject:action`.\n",
        "| tag | source | subject | action |",
        "|---|---|---|---|",
    ]
    lines += [f"| `{tag}` | {' | '.join(part.replace('_', ' ') for part in tag.split(':'))} |" for tag in sorted(Tag)]
    return "\n".join(lines) + "\n"


def database_rights() -> str:
    """Return the page of which process may do what with which table."""
    processes = [process for process in Process if process is not Process.ADMIN]
    lines = [
        WRITTEN,
        "# Database rights\n",
        "Each process signs in to PostgreSQL as a role of its own and may do this and nothing else.",
        "The table is `headwater/site/grants.py`; `headwater_admin` owns the tables.\n",
        f"| table | {' | '.join(process.value for process in processes)} |",
        f"|---|{'---|' * len(processes)}",
    ]
    for table, rights in TABLES.items():
        columns = COLUMNS.get(table, {})
        read = READ_COLUMNS.get(table, {})
        cells = []
        for process in processes:
            words = [VERBS[letter].lower() for letter in rights.get(process, "")]
            if process in read:
                words.append(f"select of {', '.join(read[process])}")
            if process in columns:
                words.append(f"update of {', '.join(columns[process])}")
            cells.append(", ".join(words))
        lines.append(f"| `{table}` | {' | '.join(cells)} |")
    lines += ["", "| function | may be called by |", "|---|---|"]
    lines += [f"| `{name}` | {', '.join(p.value for p in callers)} |" for name, callers in FUNCTIONS.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write every page into the folder that is named, docs/reference where none is."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference")
    for name, text in pages().items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main()
