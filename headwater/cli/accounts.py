"""``headwater accounts``: organisations, people, second factors and machine credentials, for the operator."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from headwater.accounts.actors import system
from headwater.accounts.permissions import OrganisationKind, Scope
from headwater.calls.records import SourceKind
from headwater.cli import accounts_people, accounts_providers
from headwater.numbering.numbers import CalledNumbers
from headwater.site.setup import django


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="Organisations, people, machine credentials.", no_args_is_help=True)
    own: tuple[Any, ...] = (
        create_organisation, keep_called_numbers, verify_domain, withdraw_domain, issue_credential, rotate_credential,
        revoke_credential,
        list_accounts,
    )  # fmt: skip
    for command in (*own, *accounts_people.COMMANDS, *accounts_providers.COMMANDS):
        commands.command(command.__name__.replace("_", "-").replace("list-accounts", "list"))(command)
    app.add_typer(commands, name="accounts")


def create_organisation(
    name: Annotated[str, typer.Argument(help="Its name.")],
    kind: Annotated[OrganisationKind, typer.Option(help="What kind of organisation.")],
    state: Annotated[str, typer.Option(help="Two letters, for a state agency.")] = "",
    address: Annotated[str, typer.Option(help="Postal address, as it stands on packages.")] = "",
    time_zone: Annotated[str, typer.Option(help="IANA name.")] = "America/New_York",
) -> None:
    """Register an organisation and print its identifier."""
    django()
    from headwater.accounts import actions

    view = actions.create_organisation(
        system("operator"), kind=kind, name=name, state=state, address=address, time_zone=time_zone
    )
    print(view.id)


def keep_called_numbers(
    organisation: Annotated[str, typer.Argument(help="Identifier of the organisation.")],
    rule: Annotated[CalledNumbers, typer.Argument(help="What is kept of the numbers that its subscribers have.")],
) -> None:
    """Keep, shorten or drop called numbers, and octets that hold them, in what an organisation sends from now on."""
    django()
    from headwater.accounts import actions

    actions.keep_called_numbers(system("operator"), organisation_id=organisation, rule=rule)
    print(f"Called numbers from {organisation} are {rule.value} from now on; what is stored stays as it is.")


def verify_domain(
    organisation: Annotated[str, typer.Argument(help="Identifier of the organisation.")],
    domain: Annotated[str, typer.Argument(help="The part of its addresses after the @.")],
    how: Annotated[str, typer.Option(help="How you found that it is theirs.")],
) -> None:
    """Record that a mail domain is an organisation's own. With a list, only its addresses may be invited."""
    django()
    from headwater.accounts import actions

    found = actions.verify_domain(system("operator"), organisation_id=organisation, domain=domain, how=how)
    print(f"{found} is on the list.")


def withdraw_domain(
    organisation: Annotated[str, typer.Argument(help="Identifier of the organisation.")],
    domain: Annotated[str, typer.Argument(help="The domain, as it stands on the list.")],
) -> None:
    """Take a mail domain off an organisation's list."""
    django()
    from headwater.accounts import actions

    actions.withdraw_domain(system("operator"), organisation_id=organisation, domain=domain)


def issue_credential(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    *,
    organisation: Annotated[str, typer.Option(help="Identifier of the organisation whose machine shows it.")],
    scope: Annotated[list[Scope], typer.Option(help="What it opens; several times for several.")],
    source_kind: Annotated[SourceKind | None, typer.Option(help="What its records are, where it sends any.")] = None,
    address: Annotated[list[str] | None, typer.Option(help="CIDR block of a HEP sender without a key.")] = None,
    expires: Annotated[int, typer.Option(min=0, max=3650, help="Days until it ends; 0: until revoked.")] = 0,
) -> None:
    """Issue a machine credential and print its token, this once."""
    django()
    from headwater.accounts import credentials

    view, token = credentials.issue(
        system("operator"),
        organisation_id=organisation,
        scopes=scope,
        name=name,
        source_kind=source_kind.value if source_kind else "",
        source_addresses=address or (),
        expires_at=datetime.now(UTC) + timedelta(days=expires) if expires else None,
    )
    print(f"{view.id} is issued. Its token is shown only now:\n{token}")


def rotate_credential(
    credential: Annotated[str, typer.Argument(help="Identifier, such as FP-7K3QM9ZD4F.")],
    overlap: Annotated[int, typer.Option(min=0, max=720, help="Hours in which the old token is taken too.")] = 24,
) -> None:
    """Give a machine credential a new token and print it, this once."""
    django()
    from headwater.accounts import credentials

    view, token = credentials.rotate(system("operator"), credential_id=credential, overlap=timedelta(hours=overlap))
    print(f"{view.id} has a new token, shown only now:\n{token}")
    print(f"The old one is taken until {view.previous_until:%F %R} UTC.")


def revoke_credential(credential: Annotated[str, typer.Argument(help="Identifier, such as FP-7K3QM9ZD4F.")]) -> None:
    """End a machine credential."""
    django()
    from headwater.accounts import credentials

    credentials.revoke(system("operator"), credential_id=credential)


def list_accounts() -> None:
    """Print organisations, their people and machine credentials."""
    django()
    from headwater.accounts import queries

    actor, now = system("operator"), datetime.now(UTC)
    people, credentials = queries.people(actor), queries.credentials(actor)
    for organisation in queries.organisations(actor):
        print(f"{organisation.id}  {organisation.kind.value:<12} {organisation.name}")
        for person in people:
            if person.organisation_id == organisation.id:
                state = "" if person.confirmed_at else "  not confirmed"
                print(f"    {person.email}  {person.role.value}{state if person.is_active else '  closed'}")
        for credential in credentials:
            if credential.organisation_id == organisation.id:
                used = f"  last used {credential.last_used_at:%F %R} UTC" if credential.last_used_at else "  never used"
                scopes, state = ",".join(sorted(credential.scopes)), credential.state(now)
                print(f"    {credential.id}  {scopes}  {credential.name}  {state}{used}")
