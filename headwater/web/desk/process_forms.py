"""The forms of the review of legal process. They read what was entered and leave the deciding to ``legal``."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms

from headwater.legal.kinds import KINDS, Disclosure
from headwater.legal.parties import Time
from headwater.legal.queries import ProcessView
from headwater.legal.rules import (
    ACCESS_FOR,
    IDENTITY_WORDS,
    LONGEST_LINE,
    LONGEST_TEXT,
    Decision,
    Grant,
    IdentityMethod,
    Subjects,
)

_TEXT = {"class": "usa-textarea hw-textarea"}
_TICK = {"class": "usa-checkbox__input"}
_DECISIONS = (
    (Decision.ACCEPT, "Accept in whole"),
    (Decision.ACCEPT_IN_PART, "Accept in part: some classes or subjects are not opened"),
    (Decision.NARROW, "Accept narrowed: a shorter time or fewer subjects"),
    (Decision.ASK_FOR_MORE, "Deficient: ask the agency for more"),
    (Decision.OBJECT, "Object"),
)
ACCEPTING = (Decision.ACCEPT, Decision.ACCEPT_IN_PART, Decision.NARROW)


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea(attrs={**_TEXT, "rows": str(rows)})


def _day() -> forms.DateInput:
    return forms.DateInput(attrs={"class": "usa-input usa-input--md", "type": "date"}, format="%Y-%m-%d")


class IdentityForm(forms.Form):
    """How the requester was checked."""

    identity_method = forms.ChoiceField(
        label="How you made sure who served it",
        choices=[(method.value, words) for method, words in IDENTITY_WORDS.items()],
        widget=forms.Select(attrs={"class": "usa-select"}),
    )
    identity_check = forms.CharField(
        label="What you did",
        max_length=LONGEST_TEXT,
        widget=_area(2),
        help_text="Whom you spoke to, at which number, when. Never a number that the process itself gives.",
    )

    @property
    def method(self) -> IdentityMethod:
        """The way that was chosen."""
        return IdentityMethod(self.cleaned_data["identity_method"])


class DecisionForm(forms.Form):
    """A decision with its reason; of an acceptance, what it opens."""

    decision = forms.ChoiceField(
        label="Decision",
        choices=[(decision.value, words) for decision, words in _DECISIONS],
        widget=forms.RadioSelect(attrs={"class": "usa-radio__input"}),
    )
    reason = forms.CharField(
        label="Reason",
        max_length=LONGEST_TEXT,
        widget=_area(5),
        help_text="The agency reads it in the decision letter.",
    )
    identity_method = forms.ChoiceField(
        label="How you made sure who served it",
        required=False,
        choices=[(method.value, words) for method, words in IDENTITY_WORDS.items()],
        widget=forms.Select(attrs={"class": "usa-select"}),
    )
    identity_check = forms.CharField(
        label="What you did to make sure",
        required=False,
        max_length=LONGEST_TEXT,
        widget=_area(2),
        help_text="For example: called the office at its published number and spoke to the signer.",
    )
    grant_called_numbers = forms.BooleanField(
        label="Open called numbers in full",
        required=False,
        widget=forms.CheckboxInput(attrs=_TICK),
        help_text="Raw records and signed answers contain them; without this they are withheld and their hashes given.",
    )
    grant_customer_identity = forms.BooleanField(
        label="Open customer identity",
        required=False,
        widget=forms.CheckboxInput(attrs=_TICK),
        help_text="Only where the document itself asks for it.",
    )
    left_out = forms.MultipleChoiceField(
        label="Do not open",
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs=_TICK),
        help_text="Tick what was asked for and is not opened.",
    )
    grant_from = forms.DateField(label="Calls from", required=False, widget=_day(), help_text="Empty: as asked for.")
    grant_to = forms.DateField(label="Calls to", required=False, widget=_day(), help_text="Empty: as asked for.")
    access_until = forms.DateField(
        label="Access until",
        required=False,
        widget=_day(),
        help_text=f"The last day, UTC. Empty: {ACCESS_FOR.days} days. The agency may ask for more.",
    )

    def __init__(self, *args: Any, process: ProcessView, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        asked = process.request.subjects
        self._asked = asked
        choices: Any = self.fields["left_out"]
        choices.choices = [
            *((f"campaign:{one}", f"Campaign {one}") for one in sorted(asked.campaigns)),
            *((f"traceback:{one}", f"Traceback {one}") for one in sorted(asked.tracebacks)),
            *((f"number:{one}", f"Calls from +{one}") for one in sorted(asked.numbers)),
        ]
        kind = KINDS[process.request.process_type]
        if not kind.reach:
            for name in ("left_out", "grant_from", "grant_to", "access_until"):
                del self.fields[name]
        if len(asked) < 2:
            self.fields.pop("left_out", None)
        for name, asked_for, disclosure in (
            ("grant_called_numbers", process.request.called_numbers, Disclosure.CALLED_NUMBERS),
            ("grant_customer_identity", process.request.customer_identity, Disclosure.CUSTOMER_IDENTITY),
        ):
            if not asked_for or disclosure not in kind.reach:
                del self.fields[name]
        if process.identity_checked_at:
            del self.fields["identity_method"], self.fields["identity_check"]
        self.discloses = bool(kind.reach)

    @property
    def decided(self) -> Decision:
        """The decision that was chosen."""
        return Decision(self.cleaned_data["decision"])

    @property
    def accepts(self) -> bool:
        """Whether it opens something."""
        return self.decided in ACCEPTING

    @property
    def identity(self) -> dict[str, Any]:
        """How the requester was checked, where it is noted with the decision."""
        values = self.cleaned_data
        if "identity_check" not in values:
            return {}
        method = IdentityMethod(values["identity_method"] or IdentityMethod.OTHER.value)
        return {"identity_check": values["identity_check"], "identity_method": method}

    @property
    def grant(self) -> Grant:
        """What an acceptance opens."""
        values = self.cleaned_data
        left: dict[str, set[str]] = {"campaign": set(), "traceback": set(), "number": set()}
        for item in values.get("left_out", ()):
            kind, _, value = item.partition(":")
            left[kind].add(value)
        return Grant(
            called_numbers=values.get("grant_called_numbers", False),
            customer_identity=values.get("grant_customer_identity", False),
            covers_from=_start(values.get("grant_from")),
            covers_to=_after(values.get("grant_to")),
            left_out=Subjects(
                campaigns=frozenset(left["campaign"]),
                tracebacks=frozenset(left["traceback"]),
                numbers=frozenset(left["number"]),
            ),
            access_until=_after(values.get("access_until")),
        )


class ReasonForm(forms.Form):
    """Why a process is closed."""

    reason = forms.CharField(label="Why it is closed", max_length=LONGEST_TEXT, widget=_area(2))


class CertifyForm(forms.Form):
    """Who signed the certificates."""

    certified_by = forms.CharField(
        label="Certificates signed by",
        max_length=LONGEST_LINE,
        widget=forms.TextInput(attrs={"class": "usa-input usa-input--xl"}),
        help_text="Name and title of the custodian who signed the certificates of FRE 902 on paper.",
    )


class ExtensionForm(forms.Form):
    """More time for production."""

    until = forms.DateField(label="New return date", widget=_day())
    reason = forms.CharField(label="Why more time is needed", max_length=LONGEST_TEXT, widget=_area(2))
    what = Time.RETURN_DATE

    @property
    def moment(self) -> datetime:
        """The day as an instant: its beginning, UTC."""
        return datetime.combine(self.cleaned_data["until"], time(), UTC)


class AnswerForm(forms.Form):
    """The answer to a request for time."""

    granted = forms.ChoiceField(
        label="Answer",
        choices=[("yes", "Grant it"), ("no", "Refuse it")],
        widget=forms.RadioSelect(attrs={"class": "usa-radio__input"}),
    )
    answer = forms.CharField(label="Reason", max_length=LONGEST_TEXT, widget=_area(2))


def _start(day: Any) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None


def _after(day: Any) -> datetime | None:
    """Return the end of a last day, which counts in full."""
    return datetime.combine(day + timedelta(days=1), time(), UTC) if day else None
