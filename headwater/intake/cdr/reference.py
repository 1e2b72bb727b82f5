"""The page docs/reference/cdr-formats.md, made from the mappings themselves."""

from headwater.intake.cdr import values
from headwater.intake.cdr.mapping import Column, Layout, Mapping, Standing, TimeForm, presets

_STANDING = {
    Standing.RECORDED: "rows that the program wrote",
    Standing.PUBLIC: "a public record of the program",
    Standing.SOURCE: "rows written by hand to the list in its source",
    Standing.DOCUMENTED: "documentation alone; no row of a real switch was seen",
}

_HEAD = """# Formats of call detail records

Each ready format is a mapping: data, in `headwater/intake/cdr/presets/`. `headwater intake file --format auto` tries
them on the first rows and says which fits and why; where none or several fit, it asks. Your own mapping has the same
form: docs/howto/send-cdrs.md shows one.

| format | what | checked against | zone of times | leg links |
|---|---|---|---|---|
"""


def formats_page() -> str:
    """Return the page's text."""
    rows = [
        f"| `{one.name}` | {one.title} | {_STANDING[one.standing]} | {one.zone or 'must be said where local'} "
        f"| {_code(_links(one)) or 'Call-ID'} |"
        for one in presets().values()
    ]
    parts = [_HEAD + "\n".join(rows), *map(_format, presets().values()), _FORM.format(**_words())]
    return "\n\n".join(parts).rstrip() + "\n"


def _format(one: Mapping) -> str:
    lines = [f"## `{one.name}`", "", one.note.strip(), ""]
    for variant in one.row:
        if variant.when is not None:
            kept = "passed over" if variant.skip else "read"
            words = ", ".join(f"`{word}`" for word in variant.when.equals)
            lines.append(f"Rows with {_column(variant.when.column)} {words} are {kept}.")
        if variant.skip:
            continue
        lines += ["", "| field | column | form |", "|---|---|---|"]
        lines += [
            f"| time: {name} | {_column(time.column)} | `{time.pattern.replace('|', '` or `') or time.form.value}` |"
            for name, time in variant.times.items()
        ]
        lines += [
            f"| {name} | {_column(field.column) if field.column != [] else 'fixed: ' + field.fixed} | `{field.form}` |"
            for name, field in variant.fields.items()
        ]
        lines.append("")
    return "\n".join(lines).rstrip()


def _links(one: Mapping) -> list[str]:
    return list(dict.fromkeys(link for variant in one.row for link in variant.links))


def _column(column: Column | list[Column]) -> str:
    if isinstance(column, list):
        return ", ".join(f"`{one}`" for one in column)
    return f"`{column}`"


def _code(words: list[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _words() -> dict[str, str]:
    return {
        "layouts": _code([one.value for one in Layout]),
        "times": _code([one.value for one in TimeForm]),
        "forms": _code(sorted(values.FORMS)),
        "columns": _code(sorted(values.COLUMNS)),
        "headers": _code(sorted(values.HEADERS)),
    }


_FORM = """## The words of a mapping

| where | words |
|---|---|
| `input.layout` | {layouts} |
| `times.*.form` | {times} |
| `fields.*.form` | {forms} |
| fields that are columns of a record | {columns} |
| fields that are kept beside them (`headers`) | {headers} |

A column is a name, or a place from 1; in JSON a name is a path such as `callflow.0.caller_profile.ani`. Of several
columns the first that is there and not empty is taken; of a time, all are joined by a space. `values` turns the
source's words into ours, `when` says which rows a field is read in, `links` are leg link keys such as
`uuid:{{bridge_uuid}}`: rows of one carrier that share one are one call.

What every record of a file is marked with, beside what it says: `file-name`, `file-sha256`, `file-row` (from 1),
`file-offset` (octets), `mapping` (name, version, digest); besides what [every record](call-records.md) has: its octets
and their SHA-256, our time of receipt, credential and software. A row is known again by its own octets, so a file that
is sent twice, or has grown, stores nothing twice; a row that a switch wrote twice over is two records. A row that was
read otherwise before is refused as a conflict: raise `edition` in the mapping to store its rows anew beside the old
ones."""
