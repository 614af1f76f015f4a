"""The cards that ship: complete, honest, and true to their files."""

from __future__ import annotations

import numpy as np
import pytest

from insula.core.space import get_space
from insula.registry import spaces
from insula.zoo.card import CARDS, WEIGHTS, Card, cards
from insula.zoo.session import Model
from insula.zoo.store import weights_path

# The wheel must stay a quick download: all bundled weights together.
MOST_BUNDLED = 24_000_000  # bytes

everything = pytest.mark.parametrize("card", cards().values(), ids=cards())
bundled = pytest.mark.parametrize(
    "card",
    [card for card in cards().values() if card.tier == "bundled"],
    ids=lambda card: card.name,
)


@everything
def test_the_file_is_named_after_the_card(card: Card) -> None:
    assert (CARDS / f"{card.name}.toml").is_file()


@everything
def test_it_says_enough(card: Card) -> None:
    assert len(card.limits) > 40
    assert len(card.intended_use) > 20
    assert card.trained_on
    assert all(file.sha256 or file.git_blob for file in card.files)


@bundled
def test_it_says_what_it_costs(card: Card) -> None:
    assert " ms for " in card.cost, "run: python benchmarks/accuracy.py --only costs"


@everything
def test_labels_are_those_of_the_space(card: Card) -> None:
    if card.space in spaces:
        assert sorted(card.labels) == sorted(get_space(card.space).labels)


@everything
def test_pulled_weights_come_over_https(card: Card) -> None:
    if card.tier == "pulled":
        assert all(file.url.startswith("https://") for file in card.files)


@bundled
def test_bundled_weights_are_whole_and_load(card: Card) -> None:
    assert weights_path(card).stat().st_size == card.size
    model = Model(card)
    assert {each.name for each in model._session.get_inputs()} == set(card.inputs)
    assert {each.name for each in model._session.get_outputs()} == set(card.outputs)


@bundled
def test_bundled_probabilities_have_the_labels_columns(card: Card) -> None:
    if not card.labels:
        assert "probabilities" not in card.outputs
        return
    kinds = {"tensor(float)": np.float32, "tensor(int64)": np.int64}
    model = Model(card)
    inputs = {
        each.name: np.ones(
            [
                side if isinstance(side, int) else (1 if place == 0 else 100)
                for place, side in enumerate(each.shape)
            ],
            kinds[each.type],
        )
        for each in model._session.get_inputs()
    }
    probabilities = model.run(**inputs)["probabilities"]
    assert probabilities.shape == (1, len(card.labels))
    assert np.isfinite(probabilities).all()
    assert probabilities.min() >= 0
    if card.space in spaces:
        assert probabilities.sum() == pytest.approx(1, abs=1e-4)


@bundled
def test_bundled_cards_carry_numbers_with_intervals(card: Card) -> None:
    assert card.verified_here
    assert card.metrics
    assert all(metric.n > 0 for metric in card.metrics)


def test_bundled_weights_are_small() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) < MOST_BUNDLED


def test_every_bundled_file_has_a_card() -> None:
    described = {file.name for card in cards().values() for file in card.files}
    assert {path.name for path in WEIGHTS.glob("*.onnx")} <= described
