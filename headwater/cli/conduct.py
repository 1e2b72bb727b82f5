"""``headwater conduct``: assess providers, read a record, replay flags, the graph, reports, the public list."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from headwater.accounts.actors import system
from headwater.errors import HeadwaterError, NotFound
from headwater.site.setup import django

Spc = Annotated[str, typer.Argument(help="The provider's code (SPC or OCN).")]
Days = Annotated[int, typer.Option(help="Length of the window that ends now, days.", min=1, max=3_660)]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="What tracebacks say of providers.", no_args_is_help=True)
    commands.command("assess")(assess)
    commands.command("list")(list_providers)
    commands.command("show")(show)
    commands.command("replay")(replay)
    commands.command("graph")(graph)
    commands.command("signs")(signs)
    commands.command("report")(report)
    commands.command("publish")(publish)
    commands.command("verify-list")(verify_list)
    app.add_typer(commands, name="conduct")


def _provider(spc: str) -> str:
    from headwater.providers import queries

    found = queries.by_spc(spc)
    if found is None:
        raise NotFound(f"No provider {spc} is registered.")
    return found.id


def assess() -> None:
    """Assess every provider now; print the flags that were raised anew."""
    django()
    from headwater.conduct import actions, queries

    operator = system("operator")
    for flag_id in actions.assess(operator):
        flag = queries.flag(operator, flag_id)
        print(f"{flag.id} {flag.provider.spc:<8} {flag.kind.value:<22} {flag.share.part} of {flag.share.whole}")


def list_providers(days: Days = 180) -> None:
    """List every provider that was asked, flagged ones first."""
    django()
    from headwater.conduct import queries

    print(f"{'SPC':<8} {'asked':>6} {'in time':>12} {'unanswered':>12} {'no record':>12}  provider; flags")
    for one in queries.standings(system("operator"), days=days):
        shares = (one.measures.in_time, one.measures.unanswered, one.measures.not_found)
        cells = " ".join(f"{f'{share.part} of {share.whole}':>12}" for share in shares)
        flags = ", ".join(flag.value for flag in one.flags)
        print(
            f"{one.provider.spc:<8} {one.measures.asked:>6} {cells}  {one.provider.name}{f'; {flags}' if flags else ''}"
        )


def show(spc: Spc, days: Days = 180) -> None:
    """Show the record of one provider: figures with their denominators, flags, principles."""
    django()
    from headwater.conduct import queries

    record = queries.record(system("operator"), _provider(spc), days=days)
    print(f"{record.provider.name} ({record.provider.spc}), last {days} days, rules {record.rule_version}")
    for name, share in (
        ("answered by the legal due time", record.measures.in_time),
        ("not answered, or declined", record.measures.unanswered),
        ("answered without a record", record.measures.not_found),
        ("contradicted by a neighbour", record.measures.contradicted),
    ):
        print(f"  {name:<32} {share.part} of {share.whole} (95%: {share.low:.0%} to {share.high:.0%})")
    for split in record.measures.splits:
        print(f"  {split.role.label or 'role not known':<28} {split.distance_words:<34} {split.calls} calls")
    for flag in record.flags:
        print(f"  flag {flag.id} {flag.kind.label}: {flag.statement}")
    for one in record.principles:
        print(f"  principle {one.number} {one.shown.label.lower()}: {one.text}")


def replay(flag_id: Annotated[str, typer.Argument(help="Identifier of a flag, CF-...")]) -> None:
    """Assess a flag's stored evidence again by the rules that raised it; exit 1 where the answer differs."""
    django()
    from headwater.conduct import queries

    found = queries.replay(system("operator"), flag_id)
    print("\n".join(found) if found else f"{flag_id}: the same answer")
    if found:
        raise typer.Exit(1)


def graph(
    spc: Annotated[str, typer.Option(help="Only one provider and its neighbours.")] = "",
    days: Days = 180,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show who handed traced calls to whom."""
    django()
    from headwater.conduct import issues, queries

    found = queries.provider_graph(system("operator"), days=days)
    if spc:
        found = found.around(_provider(spc))
    if as_json:
        print(json.dumps(issues.graph(found), indent=1))
        return
    for edge in found.edges:
        way = f"{edge.upstream.name or edge.upstream.spc} -> {edge.downstream.name}"
        told = f"{edge.calls} calls ({edge.proven} by both records), {len(edge.campaigns)} campaigns"
        print(f"{way:<56} {told}{', repeat pair' if edge.repeats else ''}")


def signs(spc: Spc) -> None:
    """Show other filings that share something rare with a provider's own."""
    django()
    from headwater.conduct import queries

    for link in queries.phoenix_signs(system("operator"), _provider(spc)):
        print(f"{link.other.name} ({link.other.key}): {link.succession}")
        for sign in link.signs:
            print(f"  {sign.kind.label.lower()}: {sign.value} ({sign.filings} filers)")


def report(
    kind: Annotated[str, typer.Argument(help="annual or quarterly.")],
    year: Annotated[int, typer.Argument(help="Calendar year, UTC.")],
    out: Annotated[Path, typer.Option(help="File to write: .csv, .json or .pdf.")],
    quarter: Annotated[int, typer.Option(help="1 to 4, of a quarterly report.")] = 0,
) -> None:
    """Write a report to the FCC: participation of a year, or the traced calls of a quarter."""
    django()
    from headwater.conduct import reports

    made = reports.make(system("operator"), kind, year, quarter)
    out.write_bytes(reports.written(made, out.suffix.lstrip(".").lower()))
    print(f"{out}: {len(made.rows)} rows")


def publish(
    out: Annotated[Path | None, typer.Option(help="Folder to write the issue's files to as well.")] = None,
) -> None:
    """Publish this week's public list, or tell which is out; with --out write document, table and signature."""
    django()
    from headwater.conduct import issues, publishing

    publishing.publish(system("operator"))
    newest = issues.issues(limit=1)[0]
    print(f"{newest.week}: {newest.tracebacks} tracebacks, {newest.providers} providers, {newest.document_sha256}")
    if out is not None:
        files = issues.issue(newest.week)
        out.mkdir(parents=True, exist_ok=True)
        for name, octets in (("json", files.document), ("csv", files.table), ("jws", files.signature.encode())):
            (out / f"{newest.week}.{name}").write_bytes(octets)


def verify_list(
    statement: Annotated[Path, typer.Argument(help="The signed list (.jws).")],
    key: Annotated[Path, typer.Option(help="The publisher's public key (JWK).")],
    out: Annotated[Path | None, typer.Option(help="File to write the document to.")] = None,
) -> None:
    """Check a public list offline; exit 1 where its signature does not hold. Needs no database."""
    from headwater.conduct.kinds import PUBLIC_LIST
    from headwater.providers import statements

    try:
        octets = statements.verified(statement.read_text(), json.loads(key.read_text()), kind=PUBLIC_LIST)
    except (HeadwaterError, OSError, ValueError) as error:
        print(f"{statement}: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    document = json.loads(octets)
    if out is not None:
        out.write_bytes(octets)
    print(f"{statement}: signed; week {document['week']}, {document['counts']['published']} tracebacks")
