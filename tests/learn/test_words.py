"""The words task: sources, losses, numbers, and from a recipe to a graph that runs."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from sklearn.metrics import f1_score

from insula.channels.words.ngrams import encode
from insula.core.space import EKMAN7, GOEMOTIONS, bridge
from insula.corpora.emobank import EmoBank
from insula.corpora.goemotions import GoEmotions, read_part
from insula.corpora.ru_goemotions import RuGoEmotions
from insula.corpora.xed import XED
from insula.learn import words, words_report
from insula.learn.recipe import read_recipe
from insula.learn.texts import Bags, read_sources
from insula.learn.train import Optimiser, fit
from insula.learn.words_export import rounded
from insula.zoo.card import Card, find_card
from insula.zoo.session import Model

PROJECT = Path(__file__).parents[2]
RECIPE = PROJECT / "recipes/words.toml"
SMALL = {
    "net.width": 8,
    "net.hidden": 8,
    "optimiser.epochs": 4,
    "optimiser.batch_size": 32,
    "optimiser.learning_rate": 0.02,
}
REAL = Path(os.environ.get("INSULA_DATA", PROJECT / "../shared/data")) / "text/goemotions"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for name, corpus in (
        ("goemotions", GoEmotions),
        ("ru_goemotions", RuGoEmotions),
        ("xed", XED),
        ("emobank", EmoBank),
    ):
        corpus.make_fixture(folder / "text" / name, groups=6, rng=rng)
    return folder


@pytest.fixture(scope="module")
def task(data: Path) -> words.WordsTask:
    return words.WordsTask(read_recipe(RECIPE, SMALL), data)


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # torch's exporter, of itself
def test_a_net_learns_and_its_graph_agrees(task: words.WordsTask, tmp_path: Path) -> None:
    recipe = read_recipe(RECIPE, SMALL)
    epochs: list[object] = []
    net, predictions = fit(
        task, task.folds[0], recipe.section("optimiser", Optimiser), seed=0, log=epochs.append
    )
    numbers = task.calibrate(predictions)
    report = task.report(predictions, np.random.default_rng(0))
    value = {(each.name, each.corpus): each for each in report.metrics}[
        "f1_macro", "GoEmotions dev"
    ]
    assert epochs
    assert value.value > 0.6  # each fixture text names its label; by chance 0.2
    task.export(net, numbers, tmp_path / "words.onnx")

    ids, weights = encode(["I feel joy number 7!", "Я чувствую гнев!", ""])
    session = onnxruntime.InferenceSession(tmp_path / "words.onnx")
    found = dict(
        zip(
            [output.name for output in session.get_outputs()],
            session.run(None, {"ids": ids, "weights": weights}),
            strict=True,
        )
    )
    assert set(found) == set(task.outputs)
    with torch.inference_mode():
        shipped = words.with_rounded_table(net)(torch.from_numpy(ids), torch.from_numpy(weights))
    expected = torch.softmax(shipped["goemotions"] / numbers["temperature"], dim=1).numpy()
    np.testing.assert_allclose(found["goemotions"], expected, atol=1e-4)
    np.testing.assert_allclose(found["vad"], shipped["vad"].clamp(-1, 1).numpy(), atol=1e-4)
    groups = bridge(GOEMOTIONS, EKMAN7).matrix
    np.testing.assert_allclose(found["probabilities"], expected @ groups, atol=1e-4)
    np.testing.assert_allclose(found["probabilities"].sum(axis=1), 1, atol=1e-5)


def test_sources_do_not_leak(task: words.WordsTask, data: Path) -> None:
    sentences = task.sentences
    _, held_out = (
        set(GoEmotions(data / "text/goemotions").split("train-dev")[0][i]) for i in (0, 1)
    )
    assert set(sentences.where("held_out", "goemotions")) == held_out
    assert not set(task.folds[0].train) & set(task.folds[0].held_out)
    assert set(task.everything) == set(sentences.where("train"))
    assert set(sentences.where("tune")) <= set(range(len(sentences.source)))
    assert (sentences.source[sentences.where("tune")] == "goemotions").all()


def test_a_wording_that_judges_is_not_learnt_from(data: Path, tmp_path: Path) -> None:
    for name in ("goemotions", "ru_goemotions", "xed", "emobank"):
        (tmp_path / "text").mkdir(exist_ok=True)
        (tmp_path / "text" / name).symlink_to(data / "text" / name)
    (tmp_path / "text/goemotions").unlink()
    GoEmotions.make_fixture(tmp_path / "text/goemotions", rng=np.random.default_rng(0))
    twice = "Thank you!\t15\tx1\n"
    for part in ("train", "dev"):
        (tmp_path / f"text/goemotions/original/{part}.tsv").write_text(twice, encoding="utf-8")
    sentences = read_sources(tmp_path)
    assert sentences.part[:2].tolist() == ["unused", "held_out"]


def test_original_of_a_learnt_translation_is_not_clean(task: words.WordsTask) -> None:
    sentences = task.sentences
    assert (sentences.mate >= 0).sum() == (sentences.source == "ru_goemotions").sum()
    assert sentences.clean[sentences.source == "xed_en"].all()


def test_padding_and_capacity() -> None:
    bags = Bags(["a", "a longer one", ""])
    ids, weights = bags.pad(np.array([2, 0, 1]))
    assert not weights[0].any() and (weights[1] > 0).sum() == 3
    expected = encode(["", "a", "a longer one"])
    np.testing.assert_array_equal(ids, expected[0])
    np.testing.assert_array_equal(weights, expected[1])
    assert bags.pad(np.array([1]), capacity=4)[0].shape == (1, 4)
    assert bags.pad(np.array([2]))[0].shape == (1, 1)


def test_lines_without_neutral_say_nothing_about_neutral() -> None:
    logits = torch.randn(1, 28, generator=torch.manual_seed(0))
    joy = torch.zeros(1, 8)
    joy[0, 4] = 1
    neutral = torch.zeros(1, 28)
    neutral[0, GOEMOTIONS.index("neutral")] = 2.0
    one, other, wrong = (
        words._shared_emotions_loss({"goemotions": each}, {"plutchik8": joy}).item()
        for each in (logits, logits + neutral, logits.roll(-1, dims=1))
    )
    assert one == pytest.approx(other, abs=1e-4)
    assert one != pytest.approx(wrong, abs=1e-2)


def test_a_faithful_translation_costs_nothing(task: words.WordsTask) -> None:
    generator = torch.manual_seed(0)
    said = {"goemotions": torch.randn(3, 28, generator=generator), "bag": torch.randn(3, 4)}
    batch = {"mate_rows": torch.tensor([0, 2])}
    original = {name: table[[0, 2]] for name, table in said.items()}
    assert words._translation_loss(said, original, batch).item() == pytest.approx(0, abs=1e-5)
    assert words._translation_bag_loss(said, original, batch).item() == 0
    swapped = {name: table[[1, 2]] for name, table in said.items()}
    assert words._translation_loss(said, swapped, batch).item() > 0.1
    assert words._translation_bag_loss(said, swapped, batch).item() > 0.1
    assert words._translation_loss(said, None, batch).item() == 0


def test_rounding_stays_within_half_a_step() -> None:
    table = torch.randn(50, 8, generator=torch.manual_seed(0))
    table[3] = 0
    codes, scales = rounded(table)
    assert codes.dtype == torch.int8 and not codes[3].any()
    error = (codes.float() * scales[:, None] - table).abs()
    assert (error <= scales[:, None] / 2 + 1e-7).all()


def test_macro_f1_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    said, truth = rng.random((50, 7)) > 0.6, rng.random((50, 7)) > 0.7
    assert words_report.f1(said, truth).mean() == pytest.approx(
        f1_score(truth, said, average="macro")
    )


def _judged(chances: np.ndarray, truth: np.ndarray, vad: np.ndarray) -> words_report.Judged:
    return words_report.Judged(
        {"ekman7": chances}, vad, {"ekman7": truth, "vad": vad}, np.ones(len(vad), bool)
    )


def test_calibration_error_of_a_hand_worked_case() -> None:
    """Ten answers at 0.8, six of them right: the gap is 0.2."""
    chances = np.full((10, 7), 0.2 / 6)
    chances[:, 0] = 0.8
    truth = np.zeros((10, 7))
    truth[:6, 0], truth[6:, 1] = 1, 1
    part = _judged(chances, truth, np.zeros((10, 3)))
    (metric,) = words_report._certainty(part, "made up", np.random.default_rng(0))
    assert metric.value == pytest.approx(0.2)
    assert metric.low <= metric.value <= metric.high and metric.n == 10


def test_correlation_of_a_hand_worked_case() -> None:
    said = np.repeat([[1.0], [2.0], [3.0]], 3, axis=1)
    truth = np.repeat([[1.0], [3.0], [2.0]], 3, axis=1)
    part = dataclasses.replace(
        _judged(np.ones((3, 7)), np.ones((3, 7)), said), truth={"vad": truth}
    )
    metrics = words_report._affect(part, np.random.default_rng(0))
    assert [each.name for each in metrics] == ["pcc_valence", "pcc_arousal", "pcc_dominance"]
    assert metrics[1].value == pytest.approx(0.5)


@pytest.fixture(scope="module")
def card() -> Card:
    return find_card("words-goemotions")


def test_card_is_honest_and_the_file_small(card: Card) -> None:
    assert card.size <= 9_000_000
    assert card.licence.weights and card.licence.data and card.licence.code
    assert card.labels == EKMAN7.labels
    assert 0 < (card.threshold or 0) < 1
    names = {(each.name, each.corpus) for each in card.metrics}
    assert ("f1_macro", "GoEmotions dev") in names
    assert all(each.low <= each.value <= each.high for each in card.metrics)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("I love this so much, thank you!", "happiness"),
        ("I'm so scared right now.", "fear"),
        ("This is disgusting.", "disgust"),
        ("Get out of my house, you idiot!", "anger"),
        ("I can't stop crying, I miss her.", "sadness"),
        ("What? Really? I had no idea!", "surprise"),
        ("Я так рада тебя видеть!", "happiness"),
        ("Мне очень грустно и одиноко.", "sadness"),
        ("Убирайся отсюда, придурок!", "anger"),
        ("Я боюсь темноты.", "fear"),
    ],
)
def test_shipped_net_on_plain_sentences(text: str, label: str) -> None:
    ids, weights = encode([text])
    chances = Model.shared("words-goemotions").run(ids=ids, weights=weights)["probabilities"][0]
    assert EKMAN7.labels[int(chances.argmax())] == label


def test_padding_and_company_change_nothing() -> None:
    texts = ["Fine.", "", "I really did not expect that anyone would come, did you?", "Да"]
    model = Model.shared("words-goemotions")
    together = model.run(**dict(zip(("ids", "weights"), encode(texts), strict=True)))
    for row, text in enumerate(texts):
        alone = model.run(**dict(zip(("ids", "weights"), encode([text]), strict=True)))
        for name, values in together.items():
            np.testing.assert_allclose(alone[name][0], values[row], atol=1e-5)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"GoEmotions is not in {REAL}")
def test_shipped_net_is_as_good_as_its_card_says(card: Card) -> None:
    dev = read_part(REAL, "dev")
    model = Model.shared("words-goemotions")
    chances = []
    for start in range(0, len(dev), 500):
        ids, weights = encode(dev.texts[start : start + 500])
        chances.append(model.run(ids=ids, weights=weights)["probabilities"])
    truth = dev.values @ bridge(GOEMOTIONS, EKMAN7).matrix > 0
    found = words_report.f1(np.concatenate(chances) >= card.threshold, truth).mean()
    stated = next(each.value for each in card.metrics if each.corpus == "GoEmotions dev")
    assert found >= 0.54
    assert found == pytest.approx(stated, abs=2e-3)
