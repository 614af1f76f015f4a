"""The Russian words task: sources, lexicon, teacher, and from a recipe to a graph that runs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from insula.channels.words import Words
from insula.channels.words.ngrams import encode
from insula.core.space import EKMAN7, GOEMOTIONS, bridge
from insula.corpora.goemotions import GoEmotions
from insula.corpora.ru_goemotions import RuGoEmotions, read_translations
from insula.corpora.xed import XED
from insula.learn import words_report
from insula.learn.recipe import read_recipe
from insula.learn.ru_lexicon import learn_lexicon
from insula.learn.train import Optimiser, fit
from insula.learn.words_export import rounded, with_rounded_table
from insula.learn.words_ru import Bags, RussianTask
from insula.zoo.card import Card, find_card

PROJECT = Path(__file__).parents[2]
RECIPE = PROJECT / "recipes/words-ru.toml"
SMALL = {
    "net.width": 8,
    "net.hidden": 8,
    "start.rows": 2000,
    "optimiser.epochs": 4,
    "optimiser.batch_size": 32,
    "optimiser.learning_rate": 0.02,
}
REAL = Path(os.environ.get("INSULA_DATA", PROJECT / "../shared/data")) / "text/ru_goemotions"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for name, corpus in (("goemotions", GoEmotions), ("ru_goemotions", RuGoEmotions), ("xed", XED)):
        corpus.make_fixture(folder / "text" / name, groups=6, rng=rng)
    return folder


@pytest.fixture(scope="module")
def task(data: Path) -> RussianTask:
    torch.set_num_threads(1)
    return RussianTask(read_recipe(RECIPE, SMALL), data)


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # torch's exporter, of itself
def test_a_net_learns_and_its_graph_agrees(task: RussianTask, tmp_path: Path) -> None:
    optimiser = read_recipe(RECIPE, SMALL).section("optimiser", Optimiser)
    net, predictions = fit(task, task.folds[0], optimiser, seed=0, log=lambda line: None)
    numbers = task.calibrate(predictions)
    first = task.report(predictions, np.random.default_rng(0)).metrics[0]
    assert first.value > 0.6  # each fixture text names its label; by chance 0.2
    task.export([net], numbers, tmp_path / "words.onnx")

    ids, weights = encode(["Я чувствую гнев!", "совсем незнакомое", ""])
    session = onnxruntime.InferenceSession(tmp_path / "words.onnx")
    names = [output.name for output in session.get_outputs()]
    answers = session.run(None, {"ids": ids, "weights": weights})
    found = dict(zip(names, answers, strict=True))
    assert set(found) == set(task.outputs)
    with torch.inference_mode():
        said = with_rounded_table(net)(torch.from_numpy(ids), torch.from_numpy(weights))
    expected = torch.softmax(said["goemotions"] / numbers["temperature"], dim=1).numpy()
    np.testing.assert_allclose(found["goemotions"], expected, atol=1e-4)
    np.testing.assert_allclose(found["vad"], said["vad"].clamp(-1, 1).numpy(), atol=1e-4)
    groups = bridge(GOEMOTIONS, EKMAN7).matrix
    np.testing.assert_allclose(found["probabilities"], expected @ groups, atol=1e-4)


def test_what_judges_teaches_in_neither_language(task: RussianTask) -> None:
    sentences, fold = task.sentences, task.folds[0]
    judges = np.concatenate([sentences.where("held_out"), sentences.where("tune")])
    assert set(judges) == set(fold.held_out)
    judged = {sentences.original[i] for i in judges} - {""}
    assert judged
    assert not judged & {sentences.original[i] for i in fold.train}
    assert not task.asked[judges].any()


def test_rows_go_to_the_most_frequent() -> None:
    bags = Bags(["a b", "a"])
    rows = bags.frequent(np.array([1, 1]), 3)
    assert sorted(rows[rows > 0]) == [1, 2, 3]
    (letter,) = {int(each) for each in encode(["a"])[0][0]} & {
        int(each) for each in np.flatnonzero(rows == 1)
    } or {-1}
    assert rows[letter] == 1
    assert not bags.frequent(np.array([0, 0]), 3).any()


def test_padding_and_capacity() -> None:
    bags = Bags(["a", "a longer one", ""])
    ids, weights = bags.pad(np.array([2, 0, 1]))
    assert not weights[0].any() and (weights[1] > 0).sum() == 3
    expected = encode(["", "a", "a longer one"])
    np.testing.assert_array_equal(ids, expected[0])
    np.testing.assert_array_equal(weights, expected[1])
    assert bags.pad(np.array([1]), capacity=4)[0].shape == (1, 4)


def test_a_lexicon_finds_who_translates_whom() -> None:
    english = ["the dog sleeps", "the cat sleeps", "the dog runs", "a cat runs"]
    russian = ["собака спит", "кошка спит", "собака бежит", "кошка бежит"]
    lexicon = learn_lexicon(english * 3, russian * 3)
    rng = np.random.default_rng(0)
    said = [lexicon.translate("dog runs", rng) for _ in range(20)]
    assert said.count("собака бежит") > 12
    assert lexicon.translate("unicorn", rng) == ""


def test_rounding_stays_within_half_a_step() -> None:
    table = torch.randn(50, 8, generator=torch.manual_seed(0))
    table[3] = 0
    codes, scales = rounded(table)
    assert codes.dtype == torch.int8 and not codes[3].any()
    error = (codes.float() * scales[:, None] - table).abs()
    assert (error <= scales[:, None] / 2 + 1e-7).all()


@pytest.fixture(scope="module")
def card() -> Card:
    return find_card("words-ru")


def test_card_is_honest_and_the_file_small(card: Card) -> None:
    assert card.size <= 3_400_000
    assert card.labels == EKMAN7.labels
    assert all(each.low <= each.value <= each.high for each in card.metrics)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Я так рада тебя видеть!", "happiness"),
        ("Мне очень грустно и одиноко.", "sadness"),
        ("Убирайся отсюда, придурок!", "anger"),
        ("Я боюсь темноты.", "fear"),
        ("Спасибо тебе большое!", "happiness"),
    ],
)
def test_shipped_net_on_plain_sentences(text: str, label: str) -> None:
    chances = Words().score([text], "ru")["ekman7"][0]
    assert EKMAN7.labels[int(chances.argmax())] == label


@pytest.mark.skipif(not REAL.is_dir(), reason=f"ru_go_emotions is not in {REAL}")
def test_shipped_net_is_as_good_as_its_card_says(card: Card) -> None:
    comments, _ = read_translations(REAL)
    held_out = RuGoEmotions(REAL).split("wording-80-20")[0][1]
    chances = Words().score([comments.texts[i] for i in held_out], "ru")["ekman7"]
    truth = comments.values[list(held_out)] @ bridge(GOEMOTIONS, EKMAN7).matrix > 0
    found = words_report.f1(chances >= np.array(card.thresholds["ekman7"]), truth).mean()
    assert found == pytest.approx(card.metrics[0].value, abs=2e-3)
