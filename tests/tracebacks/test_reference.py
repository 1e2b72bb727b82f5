"""The pages of docs/reference say what the code does."""

import re
from pathlib import Path

from headwater.tracebacks.by_hand import CODES
from headwater.tracebacks.outcomes import NAMES_UPSTREAM
from headwater.tracebacks.reference import _ANSWERS, _GRADES, engine_page
from headwater.tracebacks.states import Grade
from headwater.web.carrier.answer_form import AnswerForm
from headwater.wire.agents import AnswerCode

DOCS = Path(__file__).parents[2] / "docs" / "reference"


def test_the_page_of_the_engine_is_the_one_that_its_tables_make() -> None:
    page = (DOCS / "traceback-engine.md").read_text()
    assert page.endswith(engine_page()), "run `make docs`"


def test_every_answer_and_grade_is_explained() -> None:
    assert set(_ANSWERS) == set(AnswerCode) == set(CODES)
    assert set(_GRADES) == set(Grade)


def test_the_form_and_its_codes_are_documented() -> None:
    page = (DOCS / "carrier-pages.md").read_text()
    for field in AnswerForm.base_fields:
        assert f"| `{field}` |" in page
    documented = dict(re.findall(r"\| `([A-Z_]+)` \| [^|]+ \| (yes|no)", page))
    assert documented == {code.value: "yes" if code in NAMES_UPSTREAM else "no" for code in AnswerCode}
