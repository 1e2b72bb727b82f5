"""``headwater accounts``: organisations, people, second factors and machine credentials, for the operator."""

from typing import Annotated

import typer

from headwater.accounts.actors import system
from headwater.accounts.permissions import OrganisationKind, Role
from headwater.calls.records import SourceKind


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help="Organisations, people, machine credentials.", no_args_is_help=True)
    for command in (
        create_organisation, create_person, set_password, reset_second_factor, close_person, issue_credential,
        revoke_credential, list_accounts,
    ):  # fmt: skip
        commands.command(command.__name__.replace("_", "-").replace("list-accounts", "list"))(command)
    app.add_typer(commands, name="accounts")


def _ready() -> None:
    from headwater.site.setup import django

    django()


def create_organisation(
    name: Annotated[str, typer.Argument(help="Its name.")],
    kind: Annotated[OrganisationKind, typer.Option(help="What kind of organisation.")],
    state: Annotated[str, typer.Option(help="Two letters, for a state agency.")] = "",
    address: Annotated[str, typer.Option(help="Postal address, as it stands on packages.")] = "",
    time_zone: Annotated[str, typer.Option(help="IANA name.")] = "America/New_York",
) -> None:
    """Register an organisation and print its identifier."""
    _ready()
    from headwater.accounts import actions

    view = actions.create_organisation(
        system("operator"), kind=kind, name=name, state=state, address=address, time_zone=time_zone
    )
    print(view.id)


def create_person(
    email: Annotated[str, typer.Argument(help="Their e-mail address: the sign-in name.")],
    *,
    organisation: Annotated[str, typer.Option(help="Identifier of their organisation.")],
    role: Annotated[Role, typer.Option(help="What they are there.")],
    name: Annotated[str, typer.Option(help="Their name.")],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)],
    title: Annotated[str, typer.Option(help="Their title, as it stands on packages.")] = "",
) -> None:
    """Register a person. They set up their second factor when they sign in for the first time."""
    _ready()
    from headwater.accounts import actions

    view = actions.create_person(
        system("operator"),
        organisation_id=organisation,
        email=email,
        name=name,
        role=role,
        password=password,
        title=title,
    )
    print(view.id)


def set_password(
    email: Annotated[str, typer.Argument(help="Whose password.")],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)],
) -> None:
    """Set the password of somebody who lost theirs."""
    _ready()
    from headwater.accounts import actions

    actions.set_password(system("operator"), email=email, password=password)


def reset_second_factor(email: Annotated[str, typer.Argument(help="Whose second factor.")]) -> None:
    """Remove the second factor of somebody who lost theirs; they set up another at the next sign-in."""
    _ready()
    from headwater.accounts import actions

    actions.reset_second_factor(system("operator"), email=email)


def close_person(email: Annotated[str, typer.Argument(help="Whose account.")]) -> None:
    """Close somebody's account; their sessions end at once."""
    _ready()
    from headwater.accounts import actions

    actions.deactivate_person(system("operator"), email=email)


def issue_credential(
    name: Annotated[str, typer.Argument(help="What people call it.")],
    organisation: Annotated[str, typer.Option(help="Identifier of the organisation whose machine shows it.")],
    kind: Annotated[str, typer.Option(help="feed or hep.")],
    source_kind: Annotated[SourceKind, typer.Option(help="What its records are.")],
    address: Annotated[list[str] | None, typer.Option(help="CIDR block of a HEP sender without a key.")] = None,
) -> None:
    """Issue a machine credential and print its token, this once."""
    _ready()
    from headwater.accounts import actions

    view, token = actions.issue_credential(
        system("operator"),
        organisation_id=organisation,
        kind=kind,
        name=name,
        source_kind=source_kind.value,
        source_addresses=address or (),
    )
    print(f"{view.id} is issued. Its token is shown only now:\n{token}")


def revoke_credential(credential: Annotated[str, typer.Argument(help="Identifier, such as FP-7K3QM9ZD4F.")]) -> None:
    """End a machine credential."""
    _ready()
    from headwater.accounts import actions

    actions.revoke_credential(system("operator"), credential_id=credential)


def list_accounts() -> None:
    """Print organisations, their people and machine credentials."""
    _ready()
    from headwater.accounts import queries

    actor = system("operator")
    people, credentials = queries.people(actor), queries.credentials(actor)
    for organisation in queries.organisations(actor):
        print(f"{organisation.id}  {organisation.kind.value:<12} {organisation.name}")
        for person in people:
            if person.organisation_id == organisation.id:
                print(f"    {person.email}  {person.role.value}" + ("" if person.is_active else "  closed"))
        for credential in credentials:
            if credential.organisation_id == organisation.id:
                print(
                    f"    {credential.id}  {credential.kind.value}  {credential.name}"
                    + ("  revoked" if credential.revoked_at else "")
                )
