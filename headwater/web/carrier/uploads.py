"""A carrier's pages: files of its calls. Bring one, look at its first rows as understood, confirm it, see the outcome.

The file is streamed to disk only for a signed-in person who may bring files: the gate runs before the body is read.
"""

from typing import Any, Final
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.files.uploadhandler import StopUpload, TemporaryFileUploadHandler
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from headwater.accounts.permissions import Permission
from headwater.errors import Conflict, Invalid, TooLarge
from headwater.intake.cdr import mapping
from headwater.intake.cdr.detect import Preview
from headwater.intake.cdr.mapping import Mapping
from headwater.intake.cdr.shown import FIELD_NAMES
from headwater.numbering.numbers import canonical, masked
from headwater.uploads import actions, queries
from headwater.uploads.actions import Reading
from headwater.web.access import ActorRequest, page

AUTO: Final = "auto"
OWN: Final = "own"
#: Zones that are offered first; any IANA zone may be typed.
_DELIMITERS: Final = ((",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "bar"))
#: Field of the form -> field of the mapping, and the form of its value.
_OWN_FIELDS: Final[dict[str, tuple[str, str]]] = {
    "calling": ("calling", "text"),
    "called": ("called", "text"),
    "seconds": ("duration", "seconds"),
    "call_id": ("call_id", "text"),
    "status": ("sip_status", "sip-status"),
    "trunk_in": ("trunk_in", "text"),
    "trunk_out": ("trunk_out", "text"),
    "address_in": ("source_ip", "host"),
    "address_out": ("destination_ip", "host"),
}
_COLUMN_OF_CALLED: Final = FIELD_NAMES.index("Called")
#: Rows that a page shows, and refused ones beside them.
_SHOWN: Final = 12


class _Bounded(TemporaryFileUploadHandler):
    """Streams a file to disk and stops where it is larger than one upload may be."""

    def __init__(self, request: HttpRequest | None = None) -> None:
        super().__init__(request)
        self._count = 0
        self.is_too_large = False

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._count += len(raw_data)
        if self._count > actions.MOST_OCTETS:
            self.is_too_large = True
            raise StopUpload(connection_reset=True)
        super().receive_data_chunk(raw_data, start)


def _text(label: str, help_text: str = "", *, initial: str = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=help_text,
        initial=initial,
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"class": "usa-input", "autocomplete": "off"}),
    )


class FileForm(forms.Form):
    """One file."""

    file = forms.FileField(
        label="File of calls",
        help_text="Call detail records, or a packet capture. Plain, .gz, .bz2 or .zst; at most 64 MB as sent. Send "
        "larger ones with the command: headwater intake file.",
        widget=forms.ClearableFileInput(attrs={"class": "usa-file-input"}),
    )


class ReadingForm(forms.Form):
    """How the file is to be read."""

    format = forms.ChoiceField(label="Format", widget=forms.Select(attrs={"class": "usa-select"}))
    zone = forms.CharField(
        label="Time zone of times written without one",
        help_text="Such as America/New_York, or UTC. Leave it empty where the format says it.",
        required=False,
        max_length=64,
        widget=forms.TextInput(attrs={"class": "usa-input", "list": "zones", "autocomplete": "off"}),
    )
    delimiter = forms.ChoiceField(
        label="Delimiter", choices=_DELIMITERS, required=False, widget=forms.Select(attrs={"class": "usa-select"})
    )
    header = forms.BooleanField(
        label="The first row has the names of the columns",
        required=False,
        initial=True,
        widget=forms.CheckboxInput(attrs={"class": "usa-checkbox__input"}),
    )
    start = _text("Start of the call", "Name of the column, or its number from 1. Date and time apart: both, as 1+2.")
    pattern = _text(
        "How the time is written", "Empty for 2026-11-24 15:04:05; epoch-s, epoch-ms; or as %m/%d/%Y %H:%M:%S."
    )
    calling = _text("Calling number")
    called = _text("Called number")
    seconds = _text("Length in seconds")
    call_id = _text("Call-ID")
    status = _text("SIP status or result")
    trunk_in = _text("Trunk that the call came in on")
    trunk_out = _text("Trunk that it left by")
    address_in = _text("Address that it came from")
    address_out = _text("Address that it went to")
    strip = _text("Prefix to take off numbers", "Such as a technical prefix 9011; several with a comma.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ready = [(one.name, one.title) for one in mapping.presets().values()]
        choices = [(AUTO, "The file shows it"), (OWN, "My own: I say which columns"), ("Ready formats", ready)]
        self.fields["format"].choices = choices  # type: ignore[attr-defined]  # a choice field

    def clean_zone(self) -> str:
        """Take a zone that there is."""
        zone = str(self.cleaned_data["zone"]).strip()
        if zone and zone not in available_timezones():
            raise forms.ValidationError("This is no IANA time zone, such as America/Chicago.")
        return zone

    def reading(self) -> Reading:
        """Return the choice as a mapping.

        Raises:
            BadMapping: the columns do not make one.
        """
        said = self.cleaned_data
        name = said["format"]
        if name == AUTO:
            return Reading(zone=said["zone"])
        found = self._own() if name == OWN else mapping.preset(name)
        return Reading(mapping=found.with_zone(said["zone"]), zone=said["zone"])

    def _own(self) -> Mapping:
        said = self.cleaned_data
        fields = {}
        for name, (target, form) in _OWN_FIELDS.items():
            column = _column(said.get(name, ""))
            if column is not None:
                fields[target] = {"column": column, "form": form}
        start = [part for part in map(_column, said.get("start", "").split("+")) if part is not None]
        if not start:
            raise mapping.BadMapping("Say which column has the start of the call.")
        tables = {
            "name": OWN,
            "title": "own mapping of this carrier",
            "input": {"delimiter": said["delimiter"] or ",", "header": bool(said["header"])},
            "numbers": {"strip": [part.strip() for part in said.get("strip", "").split(",") if part.strip()]},
            "row": [
                {"times": {"start": {"column": start, **_time_form(said.get("pattern", "").strip())}}, "fields": fields}
            ],
        }
        return mapping.of_tables(tables)


def _column(text: str) -> str | int | None:
    plain = text.strip()
    if not plain:
        return None
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) < 4 else plain


def _time_form(text: str) -> dict[str, str]:
    if not text:
        return {"form": "database"}
    return {"form": text} if text.startswith("epoch-") else {"form": "pattern", "pattern": text}


@require_GET
@page(Permission.FILE_UPLOAD)
def listing(request: ActorRequest) -> HttpResponseBase:
    """The uploads of this carrier, and the form for a new one."""
    return render(request, "carrier/uploads.html", {"rows": queries.uploads(request.actor), "form": FileForm()})


@csrf_exempt
@require_POST
@page(Permission.FILE_UPLOAD)
def receive(request: ActorRequest) -> HttpResponseBase:
    """Take a file. The token of the form is checked by the inner view, once the handler below is in place."""
    request.upload_handlers = [_Bounded(request)]
    return _receive(request)


@csrf_protect
def _receive(request: Any) -> HttpResponseBase:  # the gate has given it an actor
    handler: _Bounded = request.upload_handlers[0]
    form = FileForm(request.POST, request.FILES)
    if handler.is_too_large:
        form.add_error(None, "The file has more than 2 GiB. Send it with the command: headwater intake file.")
    elif form.is_valid():
        brought = form.cleaned_data["file"]
        try:
            found = actions.receive(request.actor, brought.name, brought.chunks(1 << 20), settings.HEADWATER.home)
        except (Invalid, Conflict, TooLarge) as error:
            form.add_error("file", str(error))
        else:
            return redirect("upload", found.id)
    context = {"rows": queries.uploads(request.actor), "form": form}
    return render(request, "carrier/uploads.html", context, status=422)


@require_http_methods(["GET", "POST"])
@page(Permission.FILE_UPLOAD)
def upload(request: ActorRequest, upload_id: str) -> HttpResponseBase:
    """One upload: before it is confirmed its first rows as understood, afterwards what became of them."""
    found = queries.upload(request.actor, upload_id)
    if request.headers.get("HX-Request") and request.method == "GET":
        return render(request, "carrier/upload_live.html", {"upload": found})
    if found.state not in {"uploaded", "upload_failed"}:
        return render(request, "carrier/upload.html", {"upload": found})
    form = ReadingForm(request.POST if request.method == "POST" else {"format": AUTO, "header": "on"})
    shown, problem = _preview(request, upload_id, form)
    if request.method == "POST" and "confirm" in request.POST and form.is_valid() and not problem:
        try:
            actions.confirm(request.actor, upload_id, form.reading(), settings.HEADWATER.home)
        except (Invalid, Conflict) as error:
            problem = str(error)
        else:
            messages.success(request, "The rows are being stored. You may leave this page.")
            return redirect("upload", upload_id)
    context = {
        "upload": found,
        "form": form,
        "preview": shown,
        "lines": _masked(shown) if shown else (),
        "columns": [shown.columns[place] for place in shown.filled] if shown else (),
        "problem": problem,
        "is_own": form["format"].value() == OWN,
        "own_fields": [form[name] for name in ("start", "pattern", *_OWN_FIELDS, "strip")],
        "zones": _ZONES,
    }
    return render(request, "carrier/upload.html", context, status=422 if problem and request.method == "POST" else 200)


_ZONES: Final = (
    "America/New_York", "America/Chicago", "America/Denver", "America/Phoenix", "America/Los_Angeles",
    "America/Anchorage", "Pacific/Honolulu", "America/Puerto_Rico", "UTC",
)  # fmt: skip


def _preview(request: ActorRequest, upload_id: str, form: ReadingForm) -> tuple[Preview | None, str]:
    """Return the first rows as understood, and what is wrong."""
    if not form.is_valid():
        return None, ""
    try:
        return actions.preview(request.actor, upload_id, form.reading(), settings.HEADWATER.home), ""
    except (Invalid, TooLarge) as error:
        return None, str(error)


def _masked(shown: Preview) -> list[dict[str, Any]]:
    """Return the first rows, and those that cannot be read, with the called numbers masked, as at every door."""
    lines = []
    for number, line in enumerate(shown.lines):
        if number >= _SHOWN and not line.reason:
            continue
        cells = list(line.cells)
        if cells:
            cells[_COLUMN_OF_CALLED] = masked(canonical(cells[_COLUMN_OF_CALLED])) if cells[_COLUMN_OF_CALLED] else ""
            cells = [cells[place] for place in shown.filled]
        lines.append({"row": line.row, "cells": cells, "reason": line.reason, "raw": line.raw})
    return lines


@require_POST
@page(Permission.FILE_UPLOAD)
def withdraw(request: ActorRequest, upload_id: str) -> HttpResponseBase:
    """Throw an unconfirmed file away."""
    try:
        actions.withdraw(request.actor, upload_id, settings.HEADWATER.home)
    except Conflict as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The file is withdrawn; nothing of it was stored.")
    return redirect("uploads")


@require_GET
@page(Permission.FILE_UPLOAD)
def rejects(request: ActorRequest, upload_id: str) -> HttpResponseBase:
    """The rows that were not taken, with their reasons, as CSV."""
    found = queries.rejects(request.actor, upload_id, settings.HEADWATER.home)
    response = StreamingHttpResponse(found, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{upload_id[:16]}-refused.csv"'
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response
