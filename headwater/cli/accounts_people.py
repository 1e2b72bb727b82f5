"""The commands of ``headwater accounts`` for people: invited, confirmed, deputised for, closed."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Annotated

import typer

from headwater.accounts.actors import system
from headwater.accounts.permissions import Role
from headwater.site.setup import django

Email = Annotated[str, typer.Argument(help="The address they sign in with.")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the audit.")]


def invite(  # the mail holds the one-time link; nothing is printed that could be used
    email: Annotated[str, typer.Argument(help="Their work address.")],
    *,
    organisation: Annotated[str, typer.Option(help="Identifier of their organisation.")],
    role: Annotated[Role, typer.Option(help="What they are there.")],
    name: Annotated[str, typer.Option(help="Their name.")],
    title: Annotated[str, typer.Option(help="Their title, as it stands on packages.")] = "",
) -> None:
    """Mail a person a one-time link to join. A link that was sent to them before stops working."""
    django()
    from headwater.accounts import invitations

    view = invitations.invite(
        system("operator"), organisation_id=organisation, email=email, name=name, role=role, title=title
    )
    print(f"{view.id}: a link for {view.email} is queued; it holds until {view.expires_at:%F %R} UTC.")


def revoke_invitation(invitation: Annotated[str, typer.Argument(help="Identifier, such as INV-7K3QM9ZD4F.")]) -> None:
    """Take an invitation back: its link stops working."""
    django()
    from headwater.accounts import invitations

    invitations.revoke(system("operator"), invitation_id=invitation)


def check_by_telephone(
    email: Email,
    number: Annotated[str, typer.Option(help="The number that you call.")],
    source: Annotated[str, typer.Option(help="Where you looked it up; not from the invited person.")],
) -> None:
    """Begin the second check of contact: print the code that you read out to the person on the telephone."""
    django()
    from headwater.accounts import confirming, queries

    person = queries.person(system("operator"), email=email)
    view, code = confirming.begin_by_telephone(
        system("operator"), person_id=person.id, number=number, number_source=source
    )
    print(f"{view.id}: call {view.number} and read out {code[:4]} {code[4:]}. It holds until {view.expires_at:%R} UTC.")


def create_person(
    email: Annotated[str, typer.Argument(help="Their e-mail address: the sign-in name.")],
    *,
    organisation: Annotated[str, typer.Option(help="Identifier of their organisation.")],
    role: Annotated[Role, typer.Option(help="What they are there.")],
    name: Annotated[str, typer.Option(help="Their name.")],
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)],
    title: Annotated[str, typer.Option(help="Their title, as it stands on packages.")] = "",
) -> None:
    """Register a person without invitation and check: you answer for who they are. For the first administrator."""
    django()
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


def set_role(email: Email, role: Annotated[Role, typer.Option(help="What they are from now on.")]) -> None:
    """Give somebody another role of their kind of organisation."""
    django()
    from headwater.accounts import actions

    actions.set_role(system("operator"), email=email, role=role)


def set_password(
    email: Email, password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)]
) -> None:
    """Set the password of somebody who lost theirs; their sessions end."""
    django()
    from headwater.accounts import actions

    actions.set_password(system("operator"), email=email, password=password)


def reset_second_factor(email: Email) -> None:
    """Remove the second factors of somebody who lost theirs; they enrol anew and are confirmed again."""
    django()
    from headwater.accounts import actions

    actions.reset_second_factor(system("operator"), email=email)


def close_person(
    email: Email,
    reason: Reason,
    to: Annotated[str, typer.Option(help="Colleague who takes their matters over.")] = "",
) -> None:
    """Close a leaver's account: sessions and credentials end, matters go to a colleague, nothing is deleted."""
    django()
    from headwater.accounts import leaving

    done = leaving.close(system("operator"), email=email, reason=reason, successor_email=to)
    print(f"{done.person.email} is closed.")
    if done.successor is not None:
        print(f"Their matters are {done.successor.email}'s now.")
    for credential in done.credentials:
        print(f"Revoked: {credential}")


def reopen_person(email: Email, reason: Reason) -> None:
    """Open a closed account again; the person is confirmed anew before anything opens to them."""
    django()
    from headwater.accounts import leaving

    leaving.reopen(system("operator"), email=email, reason=reason)


def appoint_deputy(
    email: Annotated[str, typer.Argument(help="For whom.")],
    deputy: Annotated[str, typer.Argument(help="Who acts for them.")],
    until: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The last day (UTC), at most 90 days ahead.")],
    reason: Reason,
) -> None:
    """Let a colleague act for somebody until a day; each act is recorded as the one for the other."""
    django()
    from headwater.accounts import leaving

    ends_at = datetime.combine(until.date() + timedelta(days=1), time(), UTC)
    view = leaving.appoint(system("operator"), person_email=email, deputy_email=deputy, ends_at=ends_at, reason=reason)
    print(f"{view.id}: {view.deputy_email} acts for {view.person_email} until {view.ends_at:%F %R} UTC.")


def end_deputy(deputy: Annotated[str, typer.Argument(help="Identifier, such as DP-7K3QM9ZD4F.")]) -> None:
    """End a deputy's right now."""
    django()
    from headwater.accounts import leaving

    leaving.end_deputy(system("operator"), deputy_id=deputy)


COMMANDS: tuple[Callable[..., None], ...] = (
    invite, revoke_invitation, check_by_telephone, create_person, set_role, set_password, reset_second_factor,
    close_person, reopen_person, appoint_deputy, end_deputy,
)  # fmt: skip
