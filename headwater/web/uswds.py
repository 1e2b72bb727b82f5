"""Forms in the look of the US Web Design System: each widget gets the class that its style hangs on."""

from typing import Any, Final

from django import forms

_CLASSES: Final[tuple[tuple[type[forms.Widget], str], ...]] = (
    (forms.CheckboxSelectMultiple, "usa-checkbox__input"),
    (forms.RadioSelect, "usa-radio__input"),
    (forms.CheckboxInput, "usa-checkbox__input"),
    (forms.Textarea, "usa-textarea"),
    (forms.Select, "usa-select"),
    (forms.TextInput, "usa-input"),
    (forms.DateInput, "usa-input"),
    (forms.PasswordInput, "usa-input"),
)


class StyledForm(forms.Form):
    """A form whose widgets carry their class."""

    ids = "id_%s"
    """How its fields are named on the page; forms that stand on one page need names of their own, for their labels."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("auto_id", self.ids)
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            fitting = next((name for kind, name in _CLASSES if isinstance(field.widget, kind)), "")
            if fitting:
                field.widget.attrs.setdefault("class", fitting)
