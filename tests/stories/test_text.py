from __future__ import annotations

import pytest
from anyascii import anyascii
from hypothesis import given
from hypothesis import strategies as st

from monitor.stories.text import _WORD, _joined, _pieces, clean, fold, fold_all, read, stems, without_outlet


@pytest.mark.parametrize(
    ("written", "folded"),
    [("Łódź", "lodz"), ("1,000", "1000"), ("1.000.000", "1000000"), ("3.5", "3.5"), ("King's", "king"), ("ＤＡＭ", "dam"), ("Straße", "strasse"),
     ("Орла", "орла"), ("ﬁre", "fire"), ("cafe\u0301", "cafe")],
)  # fmt: skip
def test_words_are_folded_so_that_equal_words_are_equal(written: str, folded: str) -> None:
    """T1, T2."""
    assert fold_all(written) == folded


def test_initials_are_one_word() -> None:
    assert [word.surface for word in read("The U.S. and the U.N. agree").words] == [
        "The",
        "US",
        "and",
        "the",
        "UN",
        "agree",
    ]


def test_invisible_characters_do_not_hide_a_word() -> None:
    """T1: zero-width space, soft hyphen, right-to-left override."""
    assert fold_all("da\u200bm \u202eda\u00adm") == "dam dam"


def test_a_text_without_spaces_is_kept_whole_too() -> None:
    """T4."""
    assert read("댐이 무너졌다").unspaced
    assert not read("The dam broke").unspaced


def test_a_sentence_without_spaces_is_read_and_takes_no_room_after_that() -> None:
    word, sentence = "댐이무너졌다", "댐이무너졌다" * 30
    assert [[found.surface for found in read(text).words] for text in (word, sentence)] == [[word], [sentence]]
    assert word in _pieces
    assert sentence not in _pieces


@pytest.mark.parametrize(
    ("title", "outlet", "left"),
    [("Dam breaks - The Herald", "The Herald", "Dam breaks"), ("Dam breaks | Herald", "Herald", "Dam breaks"),
     ("Dam breaks - mayor resigns", "Herald", "Dam breaks - mayor resigns"), ("Dam breaks", "", "Dam breaks")],
)  # fmt: skip
def test_an_outlets_name_at_the_end_of_a_title_is_no_part_of_it(title: str, outlet: str, left: str) -> None:
    assert without_outlet(title, outlet) == left


def test_inflected_forms_share_a_stem_and_others_do_not() -> None:
    assert stems(fold("dams")) & stems(fold("dam"))
    assert stems(fold("powodzi")) & stems(fold("powodzią"))
    assert not stems(fold("dam")) & stems(fold("damage"))


@given(
    st.lists(
        st.sampled_from([*"aB1.,'’ \t\n\u00a0\u3000\u200bé日한S_-—|ßİǅ①½Ω٣", "\x1c", "\u0301", "U.S.", "1,000"]),
        max_size=12,
    ).map("".join)
)
def test_no_word_goes_beyond_a_space(text: str) -> None:
    whole = _joined(clean(text))
    assert [word.surface for word in read(text).words] == _WORD.findall(whole)


@given(st.text(st.characters(categories=["L"]), min_size=1, max_size=8), st.sampled_from("łéßİǅ"))
def test_letters_are_written_in_ascii_one_by_one_as_whole_words_are(word: str, latin: str) -> None:
    word = clean(word + latin)
    assert fold(word) == anyascii(word.casefold()).casefold()
