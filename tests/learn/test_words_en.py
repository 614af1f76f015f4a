"""The English words task: sources, batches, and from a recipe to a graph that runs."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from insula.channels.words import Words
from insula.channels.words.pieces import SPECIAL
from insula.core.space import EKMAN7, GOEMOTIONS, bridge
from insula.corpora.emobank import EmoBank
from insula.corpora.goemotions import GoEmotions, read_part
from insula.corpora.xed import XED
from insula.learn import words_en, words_report
from insula.learn.encoder_export import ShippedEncoder
from insula.learn.minilm import SHAPE, MiniLM
from insula.learn.recipe import read_recipe
from insula.learn.train import Optimiser, fit
from insula.learn.words_en import EnglishTask
from insula.zoo.card import Card, find_card

PROJECT = Path(__file__).parents[2]
RECIPE = PROJECT / "recipes/words.toml"
SMALL = {
    "net.layers": 1,
    "start.vocabulary": 400,
    "start.embedded": 0.05,
    "optimiser.epochs": 3,
    "optimiser.learning_rate": 0.002,
    "balance.rare": 1,
}
REAL = Path(os.environ.get("INSULA_DATA", PROJECT / "../shared/data")) / "text/goemotions"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for name, corpus in (("goemotions", GoEmotions), ("xed", XED), ("emobank", EmoBank)):
        corpus.make_fixture(folder / "text" / name, groups=6, rng=rng)
    return folder


def made_up_start() -> MiniLM:
    """A sentence encoder of the real one's shape that knows the fixtures' words and has no sense.

    The real one comes with the extra `train-words` only.
    """
    signs = [chr(number) for number in range(33, 127) if not chr(number).isupper()]
    words = [*GOEMOTIONS.labels, "feel", "number", "sentence"]
    vocabulary = (*SPECIAL, *signs, *(f"##{sign}" for sign in signs), *words)
    width, inner = SHAPE["width"], SHAPE["inner"]
    torch.manual_seed(0)
    arrays = {
        "embeddings.word_embeddings.weight": 0.05 * torch.randn(len(vocabulary), width),
        "embeddings.token_type_embeddings.weight": torch.zeros(2, width),
        "embeddings.position_embeddings.weight": 0.01 * torch.randn(512, width),
    }
    norms, squares = ["embeddings.LayerNorm"], {}
    for place in range(SHAPE["layers"]):
        layer = f"encoder.layer.{place}"
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
        asked = [f"{layer}.attention.self.{name}" for name in ("query", "key", "value")]
        squares |= dict.fromkeys([*asked, f"{layer}.attention.output.dense"], (width, width))
        squares |= {f"{layer}.intermediate.dense": (inner, width)}
        squares |= {f"{layer}.output.dense": (width, inner)}
    for name in norms:
        arrays |= {f"{name}.weight": torch.ones(width), f"{name}.bias": torch.zeros(width)}
    for name, shape in squares.items():
        arrays[f"{name}.weight"] = 0.05 * torch.randn(shape)
        arrays[f"{name}.bias"] = torch.zeros(shape[0])
    return MiniLM(vocabulary, arrays)


def english_task(data: Path, **settings: object) -> EnglishTask:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words_en, "read_minilm", made_up_start)
        return EnglishTask(read_recipe(RECIPE, SMALL | settings), data)


@pytest.fixture(scope="module")
def task(data: Path) -> EnglishTask:
    torch.set_num_threads(1)
    return english_task(data)


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # torch's exporter, of itself
def test_a_net_learns_and_its_graph_agrees(task: EnglishTask, tmp_path: Path) -> None:
    optimiser = read_recipe(RECIPE, SMALL).section("optimiser", Optimiser)
    net, predictions = fit(task, task.folds[0], optimiser, seed=0, log=lambda line: None)
    numbers = task.calibrate(predictions)
    report = task.report(predictions, np.random.default_rng(0))
    first = report.metrics[0]
    assert (first.name, first.corpus) == ("f1_macro", "GoEmotions dev")
    assert first.value > 0.6  # each fixture text names its label; by chance 0.2
    assert {"pcc_valence", "ece", "uar"} <= {each.name for each in report.metrics}
    task.export([net], numbers, tmp_path / "words.onnx")

    session = onnxruntime.InferenceSession(tmp_path / "words.onnx")
    vocabulary = session.get_modelmeta().custom_metadata_map["vocabulary"].split("\n")
    assert tuple(vocabulary) == task.vocabulary and vocabulary[: len(SPECIAL)] == list(SPECIAL)
    ids = task.pieces.encode(["I feel joy number 7!", "I feel grief", ""])
    names = [output.name for output in session.get_outputs()]
    found = dict(zip(names, session.run(None, {"ids": ids}), strict=True))
    assert set(found) == set(task.outputs)
    with torch.inference_mode():
        shipped = ShippedEncoder(net, numbers["temperature"]).eval()(torch.from_numpy(ids))
    for name, expected in zip(names, shipped, strict=True):
        np.testing.assert_allclose(found[name], expected.numpy(), atol=0.02)
    np.testing.assert_allclose(found["probabilities"].sum(axis=1), 1, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(found["embedding"], axis=1), 1, atol=1e-4)


def test_the_development_part_only_judges(task: EnglishTask) -> None:
    sentences, fold = task.sentences, task.folds[0]
    dev = set(read_dev(task))
    assert not {sentences.texts[i] for i in fold.train} & dev
    assert not set(fold.train) & set(fold.held_out)
    assert set(sentences.source) == {"goemotions", "xed_en", "emobank"}


def read_dev(task: EnglishTask) -> list[str]:
    held_out = task.sentences.where("held_out", "goemotions")
    return [task.sentences.texts[i] for i in held_out]


def test_batches_hold_every_sample_once_and_like_lengths(task: EnglishTask) -> None:
    indices = task.folds[0].train
    batches = list(task.batches(indices, 16, np.random.default_rng(0)))
    assert sorted(np.concatenate(batches)) == sorted(indices)
    spread = np.mean([np.ptp(task.lengths[each]) for each in batches])
    assert spread < np.ptp(task.lengths[indices]) / 2


def test_rare_labels_and_emobank_are_seen_more_often(data: Path) -> None:
    often = {"balance.rare": 3, "balance.rare_below": 10**6, "balance.emobank": 2}
    task = english_task(data, **often)
    counts = np.bincount(task.folds[0].train)
    assert set(counts[task.sentences.where("train", "goemotions")]) == {3}
    assert set(counts[task.sentences.where("train", "emobank")]) == {2}
    assert set(counts[task.sentences.where("train", "xed_en")]) == {1}


def test_some_of_a_batch_is_misheard(data: Path) -> None:
    heard = {"augmentation.misheard": 1.0, "augmentation.error_rate": 1.0}
    task = english_task(data, **heard)
    indices = task.folds[0].train[:8]
    ids = task.batch(indices, np.random.default_rng(0))["ids"].numpy()
    clean = task.pieces.encode([task.sentences.texts[i] for i in indices])
    assert ids.shape != clean.shape or (ids != clean).any()


@pytest.fixture(scope="module")
def card() -> Card:
    return find_card("words-goemotions")


def test_card_is_honest_and_the_file_small(card: Card) -> None:
    assert card.size <= 9_000_000
    assert card.labels == EKMAN7.labels
    assert len(card.thresholds["ekman7"]) == 7 and len(card.thresholds["goemotions"]) == 28
    names = {(each.name, each.corpus) for each in card.metrics}
    assert {("f1_macro", "GoEmotions dev"), ("uar", "GoEmotions dev")} <= names
    assert any("misheard" in each.protocol for each in card.metrics)
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
        ("The meeting is at noon.", "neutral"),
    ],
)
def test_shipped_net_on_plain_sentences(text: str, label: str) -> None:
    chances = Words().score([text])["ekman7"][0]
    assert EKMAN7.labels[int(chances.argmax())] == label


def test_a_negation_is_not_missed() -> None:
    glad, not_glad = Words().score(["I am happy with this.", "I am not happy with this."])["ekman7"]
    happiness = EKMAN7.index("happiness")
    assert glad[happiness] > 0.5 > not_glad[happiness]


def test_padding_and_company_change_little() -> None:
    texts = ["Fine.", "", "I really did not expect that anyone would come, did you?", "Yes"]
    together = Words().score(texts)
    for row, text in enumerate(texts):
        for name, values in Words().score([text]).items():
            # What the four-bit matrices meet is rounded to eight bits, row by row.
            np.testing.assert_allclose(values[0], together[name][row], atol=0.02)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"GoEmotions is not in {REAL}")
def test_shipped_net_is_as_good_as_its_card_says(card: Card) -> None:
    dev = read_part(REAL, "dev")
    some = np.random.default_rng(0).permutation(len(dev))[:1500]
    chances = Words().score([dev.texts[i] for i in some])["ekman7"]
    truth = dev.values[some] @ bridge(GOEMOTIONS, EKMAN7).matrix > 0
    found = words_report.f1(chances >= np.array(card.thresholds["ekman7"]), truth).mean()
    stated = next(each.value for each in card.metrics if each.corpus == "GoEmotions dev")
    assert found == pytest.approx(stated, abs=0.035)  # the interval of so few
