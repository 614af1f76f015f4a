"""Cards: complete, or an error that names the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from insula.errors import ConfigError, UnknownName
from insula.zoo.card import Card, HeldOut, Learned, find_card

from .conftest import write_card


def test_a_complete_card_is_read(tmp_path: Path) -> None:
    card = Card.load(write_card(tmp_path, b"weights"))
    assert card.name == "tiny"
    assert card.size == len(b"weights")
    assert card.labels[0] == "anger"
    assert card.licence.permissive
    assert card.inputs["x"] == "float32 [N,7]"
    assert card.metrics[0].n == 10
    assert card.threshold is None
    assert not card.built_in


def test_a_folder_is_as_good_as_its_card(tmp_path: Path) -> None:
    path = write_card(tmp_path, b"weights")
    assert find_card(tmp_path) == find_card(str(tmp_path)) == find_card(path) == Card.load(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'title = "Weights for a test"\n',
            "",
            "Card card.toml: `title` is missing. It must be a text in quotes.",
        ),
        (
            'tier = "pulled"',
            'tier = "borrowed"',
            "Card card.toml: `tier` is 'borrowed'. It must be 'bundled' or 'pulled'.",
        ),
        (
            "verified_here = true",
            'verified_here = "yes"',
            "Card card.toml: `verified_here` is 'yes'. It must be true or false.",
        ),
        (
            'limits = "no use at all"',
            'limits = "no use at all"\nlimit = "typo"',
            "Card card.toml: nobody knows the key `limit`. Did you mean `limits`?",
        ),
        ("n = 10", "n = -1", "Card card.toml [[metrics]]: `n` is -1. It must be a whole number"),
        ("value = 0.5", "value = 0.7", "`value` is 0.7. It must be between `low` 0.4 and `high`"),
        ('labels = ["anger", ', 'labels = ["angry", ', "the labels of ekman7, in the file's order"),
        ('sha256 = "', 'sha256 = "X', "`sha256` is 'X"),
        ('data = "none"', "", "Card card.toml [licence]: `data` is missing."),
        ("date = 2026-01-31", 'date = "yesterday"', "It must be a date such as 2026-01-31"),
    ],
)
def test_a_wrong_card_names_the_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write_card(tmp_path, b"weights")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as error:
        Card.load(path)
    assert message in str(error.value)


def test_bundled_labels_stand_in_the_order_of_the_space(tmp_path: Path) -> None:
    path = write_card(tmp_path, b"weights", tier="bundled")
    Card.load(path)
    swapped = path.read_text().replace('"anger", "disgust"', '"disgust", "anger"')
    path.write_text(swapped)
    with pytest.raises(ConfigError, match="the labels of ekman7 in their order"):
        Card.load(path)
    path.write_text(swapped.replace('tier = "bundled"', 'tier = "pulled"'))
    assert Card.load(path).labels[:2] == ("disgust", "anger")


def test_a_card_without_any_checksum_is_refused(tmp_path: Path) -> None:
    path = write_card(tmp_path, b"weights")
    lines = [line for line in path.read_text().splitlines() if not line.startswith("sha256")]
    path.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match="the file's SHA-256, or `git_blob` its git blob id"):
        Card.load(path)


LEARNT = """
[thresholds]
ekman7 = 0.2
goemotions = [0.1, 0.3]

[[learned]]
corpus = "ferplus"
split = "train"

[[folds]]
corpus = "ravdess"
held_out = ["01", "02"]

[[folds]]
corpus = "esc10"
group = "fold"
held_out = ["1"]
"""


def test_what_it_learnt_from_and_who_was_held_out(tmp_path: Path) -> None:
    path = write_card(tmp_path, b"weights")
    assert Card.load(path).learned == Card.load(path).folds == ()
    path.write_text(path.read_text() + LEARNT)
    card = Card.load(path)
    assert card.thresholds == {"ekman7": (0.2,), "goemotions": (0.1, 0.3)}
    assert card.learned == (Learned("ferplus", "train"),)
    assert card.folds == (HeldOut("ravdess", ("01", "02")), HeldOut("esc10", ("1",), "fold"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('held_out = ["1"]', "held_out = []", "`held_out` is []. It must be the groups that"),
        ('split = "train"', 'part = "train"', "nobody knows the key `part`"),
        ("ekman7 = 0.2", "ekman7 = []", "`ekman7` is []. It must be a number or a list of numbers"),
    ],
)
def test_what_it_learnt_from_is_checked(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write_card(tmp_path, b"weights")
    path.write_text(path.read_text() + LEARNT.replace(old, new))
    with pytest.raises(ConfigError) as error:
        Card.load(path)
    assert message in str(error.value)


def test_one_net_of_an_ensemble_has_the_card_of_all(tmp_path: Path) -> None:
    write_card(tmp_path, b"weights")
    assert find_card(f"{tmp_path}#2") == find_card(tmp_path)


def test_no_card_and_no_toml(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Cannot read the card"):
        Card.load(tmp_path / "none.toml")
    (tmp_path / "card.toml").write_text("= nonsense")
    with pytest.raises(ConfigError, match="Cannot read the card"):
        Card.load(tmp_path / "card.toml")
    with pytest.raises(UnknownName, match="Did you mean 'whisper-tiny'"):
        find_card("wisper-tiny")
