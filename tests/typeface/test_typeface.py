"""What stands on paper for a name in any script: itself where the faces hold it, else its numbers; never another."""

import io
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyhanko.pdf_utils.reader import PdfFileReader

from headwater import typeface
from headwater.legal import paper
from headwater.legal.letters import Letter


@pytest.mark.parametrize(
    ("name", "on_paper"),
    [
        ("Łódź Telekom Sp. z o.o.", "Łódź Telekom Sp. z o.o."),
        ("Телеком Дніпро", "Телеком Дніпро"),
        ("Ελληνική Τηλεφωνία", "Ελληνική Τηλεφωνία"),
        ("Nguye\u0302\u0303n Va\u0306n", "Nguyễn Văn"),
        ("中文 Voice", "[U+4E2D U+6587] Voice"),
        ("שלום", "[U+05E9 U+05DC U+05D5 U+05DD]"),
        ("a\u202eb", "a b"),
        ("a\x00b\nc", "a b c"),
    ],
)
def test_a_name_stands_as_it_is_written_or_by_its_numbers(name: str, on_paper: str):
    assert typeface.shown(name) == on_paper


@given(st.text(), st.text())
def test_two_names_that_differ_in_letters_differ_on_paper(one: str, other: str):
    def letters(text: str) -> str:
        return "".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFC", text))

    if "[" not in one + other and letters(one) != letters(other):
        assert typeface.shown(one) != typeface.shown(other)
    assert all(ord(char) in typeface.faces() for char in typeface.shown(one))


def test_a_letter_embeds_every_face_that_it_uses_and_needs_none_of_the_reader_s():
    made = paper.pdf(
        Letter(kind="receipt", title="Receipt", facts=(("Provider", "Łódź Телеком"),), paragraphs=("Ελλάδα 中",)),
        process="LP-1",
    )
    for page in PdfFileReader(io.BytesIO(made)).root["/Pages"]["/Kids"]:
        found = page.get_object()
        set_with = set(re.findall(rb"/(\S+) [\d.]+ Tf [\d.]+ TL \(", found["/Contents"].data))
        assert set_with
        for name in set_with:
            assert "/FontFile2" in found["/Resources"]["/Font"]["/" + name.decode()]["/FontDescriptor"], name
    assert len(made) < 120_000
