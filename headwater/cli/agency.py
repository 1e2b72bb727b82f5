"""``headwater agency``: an agency's own scripts serve process, follow it and report calls, over the agency API."""

import base64
import json
import os
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer

from headwater.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable

Url = Annotated[str, typer.Option(help="Address of the agency portal.", envvar="HEADWATER_PORTAL_URL")]
Key = Annotated[str, typer.Option(help="Idempotency key: the same again serves or reports nothing twice.")]
_TOKEN = "HEADWATER_AGENCY_TOKEN"  # noqa: S105 - a variable's name
_PATIENCE_S = 120.0
_REFUSED = {401: Forbidden, 403: Forbidden, 404: NotFound, 409: Conflict, 413: Invalid, 422: Invalid}


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Serve process and report calls over the agency API.", no_args_is_help=True)
    group.command("serve")(serve)
    group.command("show")(show)
    group.command("fetch")(fetch)
    group.command("report")(report)
    app.add_typer(group, name="agency")


def serve(
    request: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The process as JSON.")],
    url: Url,
    document: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The signed document, a PDF.")
    ] = None,
    key: Key = "",
) -> None:
    """Serve one process; prints it as it stands, with its number."""
    body = _json(request)
    if document is not None:
        body["document"] = {"filename": document.name, "content": base64.b64encode(document.read_bytes()).decode()}
    # Of the file alone: running the same command again after a lost answer serves nothing twice.
    _print(_ask("POST", url, "/processes", body=body, key=key or _key(body)))


def show(process: Annotated[str, typer.Argument(metavar="PROCESS")], url: Url) -> None:
    """Print one process as it stands: steps, letters, packages."""
    _print(_ask("GET", url, f"/processes/{process}"))


def fetch(
    package: Annotated[str, typer.Argument(metavar="PACKAGE")],
    url: Url,
    out: Annotated[Path, typer.Option(help="Where to write it; must not exist.")],
) -> None:
    """Fetch a sealed package."""
    import httpx

    address = f"{url.rstrip('/')}/api/agencies/v1/packages/{package}"
    try:
        with (
            httpx.stream("GET", address, headers=_headers(), timeout=_PATIENCE_S) as answer,
            out.open("xb") as file,
        ):
            if answer.status_code != httpx.codes.OK:
                answer.read()
                out.unlink()
                _refuse(answer)
            for piece in answer.iter_bytes():
                file.write(piece)
    except httpx.HTTPError as error:
        out.unlink(missing_ok=True)
        raise Unavailable(f"the portal does not answer ({error}); run this again") from error
    print(f"{out}  {out.stat().st_size:,} octets; check it with: headwater evidence verify {out}")


def report(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A complaint export or a CSV of calls.")],
    url: Url,
    note: Annotated[str, typer.Option(help="What the desk should know.")] = "",
    key: Key = "",
) -> None:
    """Report a file of calls; prints what became of it so far."""
    content = base64.b64encode(file.read_bytes()).decode()
    body = {"file": {"filename": file.name, "content": content}, "note": note}
    _print(_ask("POST", url, "/reports", body=body, key=key or _key(body)))


def _ask(method: str, url: str, path: str, *, body: dict[str, Any] | None = None, key: str = "") -> dict[str, Any]:
    import httpx

    headers = {**_headers(), **({"Idempotency-Key": key} if key else {})}
    try:
        answer = httpx.request(
            method, f"{url.rstrip('/')}/api/agencies/v1{path}", headers=headers, json=body, timeout=_PATIENCE_S
        )
    except httpx.HTTPError as error:
        raise Unavailable(f"the portal does not answer ({error}); running this again does nothing twice") from error
    if not answer.is_success:
        _refuse(answer)
    found: dict[str, Any] = answer.json()
    return found


def _refuse(answer: Any) -> None:
    try:
        told = str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        told = answer.text[:200]
    raise _REFUSED.get(answer.status_code, Unavailable)(f"the portal answered {answer.status_code}: {told}")


def _headers() -> dict[str, str]:
    token = os.environ.get(_TOKEN, "")
    if not token:
        raise Invalid(f"set {_TOKEN} to a machine credential of your agency with the scope process")
    return {"Authorization": f"Bearer {token}"}


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise Invalid(f"{path} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise Invalid(f"{path} must hold one JSON object")
    return found


def _key(body: dict[str, Any]) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(body, sort_keys=True)))


def _print(found: dict[str, Any]) -> None:
    print(json.dumps(found, indent=2, ensure_ascii=False))
