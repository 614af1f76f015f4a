"""Pieces of words: what the English net reads."""

from __future__ import annotations

import pytest

from insula.channels.words.pieces import SPECIAL, Pieces, padded

VOCABULARY = [*SPECIAL, "un", "##hap", "##py", "happy", "cafe", "!", "a", "##b"]


def read(text: str) -> list[str]:
    (row,) = Pieces(VOCABULARY).cut([text])
    return [VOCABULARY[number] for number in row]


def test_a_word_falls_into_the_longest_pieces_there_are() -> None:
    assert read("unhappy happy") == ["[CLS]", "un", "##hap", "##py", "happy", "[SEP]"]


def test_case_and_accents_do_not_matter_and_signs_stand_alone() -> None:
    assert read("HAPPY café!") == ["[CLS]", "happy", "cafe", "!", "[SEP]"]


def test_what_no_piece_fits_is_unknown() -> None:
    assert read("zz") == ["[CLS]", "[UNK]", "[SEP]"]


def test_a_long_text_is_cut() -> None:
    (row,) = Pieces(VOCABULARY, longest=5).cut(["a " * 50])
    assert len(row) == 5 and row[-1] == SPECIAL.index("[SEP]")


def test_padding_is_zero_and_company_changes_nothing() -> None:
    together = Pieces(VOCABULARY).encode(["a", "unhappy"])
    assert together.tolist() == [[2, 10, 3, 0, 0], [2, 4, 5, 6, 3]]
    assert padded([]).shape == (0, 1)


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_an_empty_text_has_its_two_ends(text: str) -> None:
    assert read(text) == ["[CLS]", "[SEP]"]
