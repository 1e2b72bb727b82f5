"""The weekly list of traced calls, for everybody: a page for people, signed JSON and CSV for programs."""

import io
import json

from django.http import FileResponse, HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import render

from headwater.conduct import issues
from headwater.errors import NotFound
from headwater.web.public.gate import open_page

#: Forms of an issue and their media types.
_FORMS = {
    "jwk": "application/jwk+json",
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "jws": "application/jose",
}
#: Providers that the page lists; the files hold all.
_SHOWN = 300


@open_page
def traced(request: HttpRequest, week: str = "") -> HttpResponseBase:
    """Show the newest list, or that of one week."""
    known = issues.issues()
    chosen = next((one for one in known if one.week == week), None) if week else next(iter(known), None)
    if week and chosen is None:
        raise NotFound(f"No list was published for the week {week[:10]}.")
    document = json.loads(issues.issue(chosen.week).document) if chosen else None
    context = {"issues": known, "issue": chosen, "document": document}
    if document:
        flagged = [one for one in document["providers"] if one["flags"]]
        context |= {"flagged": flagged, "providers": document["providers"][:_SHOWN], "most": _SHOWN}
    return render(request, "public/traced.html", context)


@open_page
def traced_index(request: HttpRequest) -> HttpResponseBase:  # noqa: ARG001 - the same for everybody
    """Give the issues that there are, with the addresses of their files."""
    found = [
        {
            "week": one.week,
            "made_at": one.made_at.isoformat(),
            "sha256": one.document_sha256,
            "key": one.key_id,
            "tracebacks": one.tracebacks,
            "files": {form: f"/traced-calls/{one.week}.{form}" for form in _FORMS},
        }
        for one in issues.issues()
    ]
    return JsonResponse({"issues": found})


@open_page
def traced_file(request: HttpRequest, week: str, form: str) -> HttpResponseBase:  # noqa: ARG001 - as above
    """Give one file of one issue, as it was published."""
    if form not in _FORMS:
        raise NotFound(f"A list is published as {', '.join(_FORMS)}.")
    found = issues.issue(week)
    octets = {
        "json": found.document,
        "csv": found.table,
        "jws": found.signature.encode(),
        "jwk": json.dumps(found.public_jwk).encode(),
    }[form]
    name = f"headwater-traced-calls-{found.week}.{form}"
    return FileResponse(io.BytesIO(octets), as_attachment=True, filename=name, content_type=_FORMS[form])
