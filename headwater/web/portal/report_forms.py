"""The forms by which an agency reports calls that it knows of. Times are read in the agency's own zone."""

from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from headwater.reports.rules import LARGEST_FILE, LONGEST_NOTE, LONGEST_TRANSCRIPT, ExampleCall

#: Calls that the form shows at once.
BLOCKS = 3


def _input(**attributes: str) -> forms.TextInput:
    return forms.TextInput(attrs={"class": "usa-input usa-input--lg", **attributes})


class CallForm(forms.Form):
    """One call."""

    call_at = forms.DateTimeField(
        label="When it was",
        widget=forms.DateTimeInput(attrs={"class": "usa-input usa-input--lg", "type": "datetime-local", "step": "1"}),
        input_formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"],
        error_messages={"required": "Enter when the call was", "invalid": "Enter a date and a time"},
    )
    calling = forms.CharField(label="Number shown", required=False, max_length=256, widget=_input(inputmode="tel"))
    called = forms.CharField(
        label="Number called",
        max_length=256,
        widget=_input(inputmode="tel"),
        error_messages={"required": "Enter the number that was called, with its area code"},
    )
    callback = forms.CharField(
        label="Number to call back", required=False, max_length=256, widget=_input(inputmode="tel")
    )
    terminating_spc = forms.CharField(
        label="Called party's provider",
        required=False,
        max_length=16,
        widget=_input(),
        help_text="SPC or OCN, if known.",
    )
    transcript = forms.CharField(
        label="What was said",
        required=False,
        max_length=LONGEST_TRANSCRIPT,
        widget=forms.Textarea(attrs={"class": "usa-textarea hw-textarea", "rows": "3"}),
        help_text="As close to the words as you can: campaigns are found by what they say.",
    )

    def __init__(self, *args: Any, zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._zone = ZoneInfo(zone)

    @property
    def call(self) -> ExampleCall:
        """What was entered."""
        values = {**self.cleaned_data}
        at = values.pop("call_at")
        return ExampleCall(call_at=at.replace(tzinfo=self._zone), **values)

    def tell(self, problems: dict[str, str]) -> None:
        """Show what the rules say of this call beside its fields."""
        for field, problem in problems.items():
            self.add_error(field if field in self.fields else None, problem)


class NoteForm(forms.Form):
    """What the desk should know."""

    note = forms.CharField(
        label="What we should know",
        required=False,
        max_length=LONGEST_NOTE,
        widget=forms.Textarea(attrs={"class": "usa-textarea hw-textarea", "rows": "2"}),
    )


class _BoundedFile(forms.FileField):
    widget = forms.ClearableFileInput(attrs={"class": "usa-file-input"})

    def clean(self, data: Any, initial: Any = None) -> Any:
        """Return the name and the octets of what was chosen."""
        chosen = super().clean(data, initial)
        if chosen.size is None or chosen.size > LARGEST_FILE:
            raise forms.ValidationError("The file is larger than 20 MB. Bring it in parts.")
        return chosen.name or "", chosen.read(LARGEST_FILE + 1)


class FileForm(NoteForm):
    """A complaint export, or a list of calls."""

    file = _BoundedFile(
        label="File",
        error_messages={"required": "Choose the file", "empty": "The file is empty"},
        help_text="A complaint export of the FTC or FCC, or a CSV whose first line is "
        "call_at,calling,called,callback,transcript,duration_s,terminating_spc. At most 20 MB.",
    )
    field_order = ("file", "note")


class RecordingForm(CallForm, NoteForm):
    """The recording of one call."""

    file = _BoundedFile(
        label="Recording",
        error_messages={"required": "Choose the recording", "empty": "The file is empty"},
        help_text="WAV, MP3, Ogg, FLAC or M4A, at most 20 MB.",
    )
    field_order = ("file", "call_at", "calling", "called", "callback", "terminating_spc", "transcript", "note")

    @property
    def call(self) -> ExampleCall:
        """The call that it is of."""
        values = {name: self.cleaned_data[name] for name in CallForm.base_fields}
        at = values.pop("call_at")
        return ExampleCall(call_at=at.replace(tzinfo=self._zone), **values)


class AskForm(forms.Form):
    """Why the reported calls should be traced."""

    reason = forms.CharField(
        label="Why they should be traced",
        max_length=LONGEST_NOTE,
        widget=forms.Textarea(attrs={"class": "usa-textarea hw-textarea", "rows": "2"}),
    )
