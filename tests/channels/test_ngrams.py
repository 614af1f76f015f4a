"""The front-end of the text net: the same text has the same numbers everywhere."""

from __future__ import annotations

import subprocess
import sys
import zlib

import numpy as np

from insula.channels.words.ngrams import (
    BUCKETS,
    LONGEST_WORD,
    MOST_TOKENS,
    PIECE_WEIGHT,
    bag,
    encode,
    tokens,
)


def bucket(gram: str) -> int:
    return zlib.crc32(gram.encode()) % BUCKETS


def test_known_values_for_one_string() -> None:
    ids, weights = bag("Hi!")
    words = [bucket("whi"), bucket("w!"), bucket("p<s> hi"), bucket("phi !"), bucket("p! </s>")]
    pieces = [bucket("c<hi"), bucket("chi>")]
    assert ids.tolist() == words + pieces
    full = 1 / np.sqrt(2)  # two tokens
    np.testing.assert_allclose(weights, [full] * 5 + [full * PIECE_WEIGHT] * 2, rtol=1e-6)


def test_numbers_are_pinned() -> None:
    """A change of these breaks every net trained before: train anew if it is meant."""
    ids, _ = bag("Я рада, HAPPY day")
    assert (len(ids), int(ids.sum())) == (38, 2556859)


def test_another_process_gives_the_same_numbers() -> None:
    code = "from insula.channels.words.ngrams import bag; print(bag('Добрый day!')[0].tolist())"
    said = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1] == f"{bag('Добрый day!')[0].tolist()}\n"


def test_cyrillic_case_and_yo_fold() -> None:
    for left, right in (("Ёлка", "елка"), ("МИР", "мир"), ("Straße", "strasse")):
        plain, shouted = set(bag(right)[0].tolist()), set(bag(left)[0].tolist())
        assert plain <= shouted
        assert len(shouted - plain) == (1 if left.isupper() else 0)  # the mark of shouting


def test_typography_and_stretching_fold() -> None:
    assert tokens("don’t «stop»…") == tokens('don\'t "stop"...')
    assert tokens("sooooo!!!!!") == tokens("soo!!")
    assert tokens("so") != tokens("soo")


def test_empty_text_is_a_row_of_zero_weights() -> None:
    for text in ("", "   ", "\n\t"):
        ids, weights = encode([text])
        assert ids.shape == weights.shape == (1, 1)
        assert weights.sum() == 0
    assert encode([])[0].shape == (0, 1)


def test_types_ranges_and_padding() -> None:
    texts = ["ok", "A much longer sentence, with 12 numbers and 😀 signs.", "", "да"]
    ids, weights = encode(texts)
    assert ids.dtype == np.int64 and weights.dtype == np.float32
    assert ids.min() >= 0 and ids.max() < BUCKETS
    for row, text in enumerate(texts):
        alone_ids, alone_weights = bag(text)
        length = len(alone_ids)
        np.testing.assert_array_equal(ids[row, :length], alone_ids)
        np.testing.assert_array_equal(weights[row, :length], alone_weights)
        assert not ids[row, length:].any() and not weights[row, length:].any()


def test_long_input_is_cut_not_refused() -> None:
    endless = "a" * 5 + "b" * 3 + "xy" * 10_000
    assert len(bag(endless)[0]) < 6 * LONGEST_WORD
    assert len(tokens("word " * 10_000)) == MOST_TOKENS


def test_word_order_matters_by_pairs() -> None:
    assert set(bag("not good")[0].tolist()) != set(bag("good not")[0].tolist())
