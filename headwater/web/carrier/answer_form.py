"""The one-screen form that answers a question: the same in the carrier pages and behind a one-time link."""

from datetime import UTC, datetime
from typing import Any

from django import forms

from headwater.tracebacks import by_hand
from headwater.tracebacks.by_hand import ACTIONS, CODES, Incomplete, Said
from headwater.tracebacks.exchange import MAX_NOTE
from headwater.wire.agents import Action, AnswerCode


def _line(label: str, most: int, help_text: str = "", **attributes: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=most,
        required=False,
        help_text=help_text,
        widget=forms.TextInput(attrs={"class": "usa-input", "autocomplete": "off", **attributes}),
    )


class AnswerForm(forms.Form):
    """One answer, on one screen."""

    code = forms.ChoiceField(
        label="What do your records show?",
        choices=[(code.value, words) for code, words in CODES.items()],
        widget=forms.RadioSelect(attrs={"class": "usa-radio__input usa-radio__input--tile"}),
    )
    upstream_spc = _line(
        "Its code (SPC or OCN)", 16, "Choose from the register, or type the code that you know it by.", list="register"
    )
    upstream_name = _line("Its name", 200)
    upstream_country = forms.CharField(
        label="Its country",
        min_length=2,
        max_length=2,
        initial="US",
        required=False,
        help_text="Two letters, such as US or CA.",
        widget=forms.TextInput(attrs={"class": "usa-input"}),
    )
    action = forms.ChoiceField(
        label="Where your own customer placed it: what did you do?",
        choices=[("", "Not said"), *((one.value, words) for one, words in ACTIONS.items())],
        required=False,
        widget=forms.Select(attrs={"class": "usa-select"}),
    )
    record_call_at = forms.DateTimeField(
        label="Start of the call as your record has it (UTC)",
        required=False,
        help_text="Such as 2026-11-24 15:30:07. It lets the next provider find the call sooner.",
        input_formats=["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(attrs={"class": "usa-input"}),
    )
    record_call_id = _line("SIP Call-ID of the leg that came in", 256)
    record_trunk = _line("Trunk that it came in by", 120)
    note = forms.CharField(
        label="Note",
        max_length=MAX_NOTE,
        required=False,
        help_text=(
            "Where you decline, need more or claim that the calls are lawful: why. It is reportable. Name no customer."
        ),
        widget=forms.Textarea(attrs={"class": "usa-textarea", "rows": 4}),
    )

    def clean_record_call_at(self) -> datetime | None:
        """Return the time as typed, which is UTC."""
        at: datetime | None = self.cleaned_data["record_call_at"]
        return at.replace(tzinfo=UTC) if at else None

    def clean(self) -> dict[str, Any]:
        """Ask for what the chosen answer needs."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        if "code" in said and not self.errors:
            try:
                by_hand.check(self.said())
            except Incomplete as error:
                self.add_error(error.field, str(error))
        return said

    def said(self) -> Said:
        """Return what the person said."""
        given = self.cleaned_data
        return Said(
            code=AnswerCode(given["code"]),
            upstream_spc=given["upstream_spc"],
            upstream_name=given["upstream_name"],
            upstream_country=given["upstream_country"],
            note=given["note"],
            action=Action(given["action"]) if given["action"] else None,
            record_call_at=given["record_call_at"],
            record_call_id=given["record_call_id"],
            record_trunk=given["record_trunk"],
        )
