"""The forms of the agency portal: they read what an officer entered and leave the deciding to ``legal``."""

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from headwater.errors import Invalid, TooLarge
from headwater.legal.documents import LARGEST_DOCUMENT, Document, inspect
from headwater.legal.rules import (
    LONGEST_LINE,
    LONGEST_TEXT,
    TYPE_WORDS,
    BadRequest,
    ProcessType,
    Request,
    check_request,
)


def _line(hint: str = "", **attributes: str) -> dict[str, Any]:
    widget = forms.TextInput(attrs={"class": "usa-input usa-input--xl", **attributes})
    # What is missing is said by ``legal.rules``, in words of its own.
    return {"required": False, "max_length": LONGEST_LINE, "widget": widget, "help_text": hint}


def _day(hint: str, missing: str) -> dict[str, Any]:
    widget = forms.DateInput(attrs={"class": "usa-input usa-input--md", "type": "date"}, format="%Y-%m-%d")
    errors = {"required": f"Enter {missing}", "invalid": "Enter a date as year-month-day, for example 2026-11-24"}
    return {"widget": widget, "help_text": hint, "error_messages": errors}


def _tick(hint: str) -> dict[str, Any]:
    return {"required": False, "help_text": hint, "widget": forms.CheckboxInput(attrs={"class": "usa-checkbox__input"})}


class DocumentField(forms.FileField):
    """A PDF that is inspected before anything else is done with it; cleans to ``Document``."""

    widget = forms.ClearableFileInput(attrs={"class": "usa-file-input", "accept": "application/pdf,.pdf"})

    def clean(self, data: Any, initial: Any = None) -> Any:
        """Return the inspected document, or None where none was chosen and none is needed."""
        chosen = super().clean(data, initial)
        if not chosen:
            return None
        if chosen.size is None or chosen.size > LARGEST_DOCUMENT:
            message = "The document is larger than 20 MB. Scan it at a lower resolution or split it."
            raise forms.ValidationError(message)
        try:
            return inspect(chosen.name or "", chosen.read(LARGEST_DOCUMENT + 1))
        except (Invalid, TooLarge) as error:
            raise forms.ValidationError(str(error)) from error


class ProcessForm(forms.Form):
    """One process, on one page. Days are read in the agency's own time zone."""

    process_type = forms.ChoiceField(
        label="Kind of process",
        choices=[(kind.value, words) for kind, words in TYPE_WORDS.items()],
        widget=forms.RadioSelect(attrs={"class": "usa-radio__input"}),
        initial=ProcessType.SUBPOENA.value,
    )
    authority = forms.CharField(label="Issuing authority", **_line("The office that issues the process."))
    statute = forms.CharField(
        label="Statute", **_line("The law that you act under: federal, or your own state's.", list="statutes")
    )
    case_number = forms.CharField(label="Case or matter number", **_line("As it is to appear on the package."))
    signer = forms.CharField(label="Signed by", **_line("Name and title of who signed the document."))
    scope = forms.CharField(
        label="What is to be produced",
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"class": "usa-textarea hw-textarea", "rows": "5"}),
        help_text="Filled in from the alert. Change it to what your document asks for.",
    )
    covers_from = forms.DateField(
        label="Calls from",
        **_day("The first day, in your agency's time zone.", "the first day of the calls that you ask for"),
    )
    covers_to = forms.DateField(
        label="Calls to",
        required=False,
        **_day("The last day. Leave it empty to include calls until sealing.", "the last day"),
    )
    called_numbers = forms.BooleanField(
        label="Called numbers in full",
        **_tick("Raw call records and providers' signed answers contain them. Without this they are withheld."),
    )
    customer_identity = forms.BooleanField(
        label="Identity of the caller's customer",
        **_tick("A guarded class of its own. Tick it only where your document asks for it."),
    )
    return_date = forms.DateField(
        label="Return date", **_day("The date by which production is demanded.", "the return date")
    )
    document = DocumentField(
        label="Signed document",
        error_messages={"required": "Choose the signed document", "empty": "The document is empty"},
        help_text="The process itself as a PDF of at most 20 MB, without scripts or attachments. Stored as received.",
    )

    def __init__(self, *args: Any, zone: str, now: datetime, held: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._zone = ZoneInfo(zone)
        self._now = now
        if held:
            self.fields["document"].required = False
            self.fields["document"].help_text = "Choose a file only to replace the document that is there."

    def clean(self) -> dict[str, Any]:
        """Hold the whole against the rules of its form, so that every problem is named beside its field at once."""
        values = super().clean() or {}
        try:
            check_request(self.request(), self._now)
        except BadRequest as error:
            for field, problem in error.problems.items():
                if field not in self.errors:
                    self.add_error(field, problem)
        return values

    def request(self) -> Request:
        """Return what was entered as the value that ``legal`` decides on; of a valid form, all of it."""
        # While the form is being cleaned a field that could not be read is left out: it has its own error by then.
        unread = {"process_type": ProcessType.SUBPOENA.value, "covers_from": self._now.date(), "scope": "?"}
        values = {**unread, "covers_to": None, "return_date": self._now.date(), **self.cleaned_data}
        last = values["covers_to"]
        return Request(
            process_type=ProcessType(values["process_type"]),
            authority=values.get("authority", ""),
            statute=values.get("statute", ""),
            case_number=values.get("case_number", ""),
            scope=values["scope"],
            covers_from=datetime.combine(values["covers_from"], time(), self._zone),
            # The last day counts in full.
            covers_to=datetime.combine(last + timedelta(days=1), time(), self._zone) if last else None,
            return_date=values["return_date"],
            signer=values.get("signer", ""),
            called_numbers=values["called_numbers"],
            customer_identity=values["customer_identity"],
        )

    @property
    def document_read(self) -> Document | None:
        """The inspected document, or None where the one that is there stays."""
        found: Document | None = self.cleaned_data.get("document")
        return found


def initial_of(request: Request, zone: str) -> dict[str, Any]:
    """Return ``request`` as the form shows it."""
    local = ZoneInfo(zone)
    last = request.covers_to
    return {
        "process_type": request.process_type.value,
        "authority": request.authority,
        "statute": request.statute,
        "case_number": request.case_number,
        "signer": request.signer,
        "scope": request.scope,
        "covers_from": request.covers_from.astimezone(local).date(),
        "covers_to": (last.astimezone(local) - timedelta(days=1)).date() if last else None,
        "return_date": request.return_date,
        "called_numbers": request.called_numbers,
        "customer_identity": request.customer_identity,
    }


class ReasonForm(forms.Form):
    """Why a process is withdrawn."""

    reason = forms.CharField(
        label="Why it is withdrawn",
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"class": "usa-textarea hw-textarea", "rows": "2"}),
    )


class SupplyForm(forms.Form):
    """The answer to a request for more."""

    note = forms.CharField(
        label="Your answer",
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"class": "usa-textarea hw-textarea", "rows": "4"}),
    )
    document = DocumentField(
        label="Further document", required=False, help_text="A PDF of at most 20 MB, where one was asked for."
    )
