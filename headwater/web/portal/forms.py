"""The forms of the agency portal: they read what an officer entered and leave the deciding to ``legal``."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from headwater.errors import Invalid, TooLarge
from headwater.legal.documents import LARGEST_DOCUMENT, Document, inspect
from headwater.legal.parties import TIME_WORDS, Time
from headwater.legal.rules import (
    KINDS,
    LONGEST_LINE,
    LONGEST_TEXT,
    TYPE_WORDS,
    BadRequest,
    ProcessType,
    Request,
    Subjects,
    check_request,
)
from headwater.numbering.numbers import canonical


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
        choices=[(kind.value, f"{words}. {KINDS[kind].says}") for kind, words in TYPE_WORDS.items()],
        widget=forms.RadioSelect(attrs={"class": "usa-radio__input"}),
        initial=ProcessType.SUBPOENA.value,
    )
    authority = forms.CharField(label="Issuing authority", **_line("The office that issues the process."))
    statute = forms.CharField(
        label="Statute",
        **_line(
            "The law that you act under: federal, or your own state's. A voluntary or preservation request needs none.",
            list="statutes",
        ),
    )
    case_number = forms.CharField(label="Case or matter number", **_line("As it is to appear on the package."))
    signer = forms.CharField(label="Signed by", **_line("Name and title of who signed the document."))
    signed_on = forms.DateField(label="Signed on", required=False, **_day("As on the document.", "the day"))
    badge_number = forms.CharField(label="Badge number", **_line("Where you have one."))
    telephone = forms.CharField(label="Telephone", **_line("Your direct line. The check of who you are never uses it."))
    campaigns = forms.CharField(label="Campaigns", **_line("Numbers such as C-7K3QM9ZD4F, apart by spaces."))
    tracebacks = forms.CharField(label="Tracebacks", **_line("Numbers such as TB-7K3QM9ZD4F, apart by spaces."))
    numbers = forms.CharField(
        label="Calling numbers",
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"class": "usa-textarea hw-textarea", "rows": "2"}),
        help_text="As the calls showed them, with area code, one a line. Their calls are added to what is named above.",
    )
    scope = forms.CharField(
        label="What is to be produced",
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"class": "usa-textarea hw-textarea", "rows": "5"}),
        help_text="Filled in from what you came from. Change it to what your document asks for.",
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
    sealed = forms.BooleanField(
        label="Sealed",
        **_tick("Only the people named on it, and the consortium's reviewers and custodians, know of it."),
    )
    nondisclosure_until = forms.DateField(
        label="Not to be disclosed until", required=False, **_day("Where an order forbids disclosure.", "the day")
    )
    order_reference = forms.CharField(
        label="Order that seals it or forbids disclosure",
        **_line("Court, number and day; not needed where the process itself is that order."),
    )
    document = DocumentField(
        label="Signed document",
        required=False,
        error_messages={"empty": "The document is empty"},
        help_text="The process itself as a PDF of at most 20 MB, without scripts or attachments. Stored as received. "
        "A voluntary or preservation request may go without.",
    )

    def __init__(self, *args: Any, zone: str, now: datetime, held: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._zone = ZoneInfo(zone)
        self._now = now
        self._held = held
        if held:
            self.fields["document"].help_text = "Choose a file only to replace the document that is there."

    def clean(self) -> dict[str, Any]:
        """Hold the whole against the rules of its form, so that every problem is named beside its field at once."""
        values = super().clean() or {}
        documents = 1 if self._held or values.get("document") or "document" in self.errors else 0
        try:
            check_request(self.request(), self._now, documents=documents)
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
        lines = ("authority", "statute", "case_number", "signer", "badge_number", "telephone", "order_reference")
        return Request(
            process_type=ProcessType(values["process_type"]),
            scope=values["scope"],
            covers_from=datetime.combine(values["covers_from"], time(), self._zone),
            # The last day counts in full.
            covers_to=datetime.combine(last + timedelta(days=1), time(), self._zone) if last else None,
            return_date=values["return_date"],
            called_numbers=values["called_numbers"],
            customer_identity=values["customer_identity"],
            subjects=Subjects(
                campaigns=_named(values.get("campaigns", "")),
                tracebacks=_named(values.get("tracebacks", "")),
                numbers=_numbers(values.get("numbers", "")),
            ),
            zone=self._zone.key,
            signed_on=values.get("signed_on"),
            sealed=values["sealed"],
            nondisclosure_until=values.get("nondisclosure_until"),
            **{name: values.get(name, "") for name in lines},
        )

    @property
    def document_read(self) -> Document | None:
        """The inspected document, or None where the one that is there stays."""
        found: Document | None = self.cleaned_data.get("document")
        return found


def _named(text: str) -> frozenset[str]:
    return frozenset(part.upper() for part in text.replace(",", " ").split())


def _numbers(text: str) -> frozenset[str]:
    """Return the numbers of a text, one a line, canonical where they can be read; what cannot be is refused later."""
    lines = [line.strip() for line in text.replace(",", "\n").splitlines()]
    return frozenset(canonical(line) or line for line in lines if line)


def initial_of(request: Request, zone: str) -> dict[str, Any]:
    """Return ``request`` as the form shows it."""
    local = ZoneInfo(zone)
    last = request.covers_to
    same = (
        "authority", "statute", "case_number", "signer", "scope", "return_date", "called_numbers", "customer_identity",
        "badge_number", "telephone", "signed_on", "sealed", "nondisclosure_until", "order_reference",
    )  # fmt: skip
    return {
        **{name: getattr(request, name) for name in same},
        "process_type": request.process_type.value,
        "covers_from": request.covers_from.astimezone(local).date(),
        "covers_to": (last.astimezone(local) - timedelta(days=1)).date() if last else None,
        "campaigns": " ".join(sorted(request.subjects.campaigns)),
        "tracebacks": " ".join(sorted(request.subjects.tracebacks)),
        "numbers": "\n".join(f"+{number}" for number in sorted(request.subjects.numbers)),
    }


class PersonForm(forms.Form):
    """A colleague to whom a process is to be open."""

    email = forms.EmailField(
        label="E-mail address of a colleague",
        max_length=LONGEST_LINE,
        widget=forms.EmailInput(attrs={"class": "usa-input usa-input--xl", "autocomplete": "off"}),
        help_text="Somebody of your agency with an account here.",
    )


class ExtensionForm(forms.Form):
    """More time: access, or preservation."""

    what = forms.ChoiceField(
        label="What is to last longer", widget=forms.RadioSelect(attrs={"class": "usa-radio__input"})
    )
    until = forms.DateField(
        label="Until",
        required=False,
        **_day("The last day of access. A preservation is renewed for 90 days; leave it empty.", "the day"),
    )
    reason = forms.CharField(
        label="Why",
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"class": "usa-textarea hw-textarea", "rows": "2"}),
    )

    def __init__(self, *args: Any, offered: Sequence[Time], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: Any = self.fields["what"]
        choices.choices = [(one.value, TIME_WORDS[one]) for one in offered]
        if len(offered) == 1:
            choices.initial = offered[0].value

    def clean(self) -> dict[str, Any]:
        """Ask for the day where one is needed."""
        values = super().clean() or {}
        if values.get("what") == Time.ACCESS and not values.get("until") and "until" not in self.errors:
            self.add_error("until", "Enter the last day of access")
        return values

    def moment(self, now: datetime) -> datetime:
        """The end of the day that was entered, UTC; of a preservation any, for its length is the law's."""
        day = self.cleaned_data.get("until")
        return datetime.combine(day + timedelta(days=1), time(), UTC) if day else now


class AnswerForm(forms.Form):
    """The answer to the consortium's request for a later return date."""

    granted = forms.ChoiceField(
        label="Answer",
        choices=[("yes", "Grant it"), ("no", "Refuse it")],
        widget=forms.RadioSelect(attrs={"class": "usa-radio__input"}),
    )
    answer = forms.CharField(
        label="Reason",
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"class": "usa-textarea hw-textarea", "rows": "2"}),
    )


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
