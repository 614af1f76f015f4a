"""`evaluate`: judged as it ships, by weights that never met who judges them, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics as reference
from onnx import TensorProto, helper

from insula import registry
from insula.channels.words import Words
from insula.core.records import Estimate, Observation, Recording
from insula.core.roles import Channel
from insula.core.space import EKMAN7, EKMAN8, GOEMOTIONS, RAVDESS8, Space, bridge
from insula.core.track import Track
from insula.corpora.ferplus import PARTS, FERPlus, read_faces
from insula.corpora.goemotions import GoEmotions, read_part
from insula.corpora.ravdess import RAVDESS
from insula.errors import ConfigError, FilesMissing, Leak, UnknownName
from insula.learn.evaluate import evaluate
from insula.learn.evaluate.panel import Panel
from insula.zoo.session import Model

from ...conftest import Done
from ...zoo.conftest import write_card

ACTORS = ("01", "02", "03")
SHAPE = 'space = "ravdess8"\nlabels = [' + ", ".join(f'"{name}"' for name in RAVDESS8.labels) + "]"
FOLDS = """
[[folds]]
corpus = "ravdess"
held_out = ["01"]

[[folds]]
corpus = "ravdess"
held_out = ["02"]
"""


class Fixed(Channel):
    """Says what its weights say, whatever is to be heard."""

    name = "fixed"
    needs = frozenset({"audio"})
    space = "ravdess8"

    def __init__(self, model: str = "") -> None:
        self.model = model

    @property
    def weights(self) -> tuple[str, ...]:
        return (self.model,)

    def observe(self, recording: Recording) -> list[Observation]:
        said = Model.shared(self.model).run(x=np.ones((1, 1), np.float32))["probabilities"]
        middle, length = recording.span.middle, recording.span.duration
        track = Track([middle], said, RAVDESS8.labels, width=length)
        estimate = Estimate(RAVDESS8, track, np.ones(1), self.name)
        return [Observation(self.name, "voice", recording.span, estimate=estimate)]


@pytest.fixture
def acted(tmp_path: Path) -> Path:
    """RAVDESS of three actors, one clip an emotion."""
    RAVDESS.make_fixture(tmp_path / "ravdess", groups=3, rng=np.random.default_rng(0))
    return tmp_path


@pytest.fixture
def ensemble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """A channel "fixed" whose net 0 always says calm, and net 1 sadness. Takes rows of the card."""
    entries = {**registry.channels._entries, "fixed": Fixed}
    monkeypatch.setattr(registry.channels, "_entries", entries)
    monkeypatch.setattr(registry.channels, "_entry_points_read", True)
    nets = np.stack([0.9 * np.eye(8)[1] + 0.0125, 0.9 * np.eye(8)[3] + 0.0125])
    graph = helper.make_graph(
        [
            helper.make_node("Unsqueeze", ["x", "one"], ["column"]),
            helper.make_node("Mul", ["column", "nets"], ["fold_probabilities"]),
            helper.make_node(
                "ReduceMean", ["fold_probabilities"], ["probabilities"], axes=[1], keepdims=0
            ),
        ],
        "two",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 8]),
            helper.make_tensor_value_info("fold_probabilities", TensorProto.FLOAT, ["N", 2, 8]),
        ],
        [
            helper.make_tensor("one", TensorProto.INT64, [1], [1]),
            helper.make_tensor("nets", TensorProto.FLOAT, [1, 2, 8], nets.ravel().tolist()),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)

    def make(rows: str) -> str:
        folder = tmp_path / "weights"
        folder.mkdir()
        (folder / "tiny.onnx").write_bytes(model.SerializeToString())
        path = write_card(folder, model.SerializeToString())
        text = path.read_text()
        start, end = text.index('space = "'), text.index("trained_on")
        path.write_text(text[:start] + SHAPE + "\n" + text[end:] + rows)
        return str(folder)

    return make


def judged_by(document: dict[str, object]) -> dict[str, int]:
    return {Path(name).name: count for name, count in document["judged_by"].items()}


def test_each_speaker_is_judged_by_the_net_that_never_met_them(
    acted: Path, ensemble: Callable[[str], str]
) -> None:
    weights = ensemble(FOLDS)
    verdict = evaluate("ravdess", acted, channels=["fixed"], protocol="all", model=weights)
    found = verdict.to_dict()
    # Actor 03 nobody met: the whole ensemble answers, with calm as the first of two equals.
    assert judged_by(found) == {"weights": 8, "weights#0": 8, "weights#1": 8}
    said = np.array(found["confusion"]["counts"]).sum(axis=0)
    assert said.tolist() == [0, 16, 0, 8, 0, 0, 0, 0]
    assert found["metrics"]["accuracy"]["value"] == pytest.approx(1 / 8)
    assert found["near_majority"]
    assert any("majority classifier" in note for note in found["notes"])
    assert (found["n"], found["groups"], found["group"]) == (24, 3, "speaker")
    assert not found["transfer"]


@pytest.mark.parametrize(
    ("rows", "learnt"),
    [
        (FOLDS + '\n[[learned]]\ncorpus = "ravdess"\ngroups = ["03"]\n', "ravdess \\(03"),
        ('\n[[learned]]\ncorpus = "ravdess"\n', "from ravdess;"),
    ],
)
def test_who_taught_cannot_judge(
    acted: Path, ensemble: Callable[[str], str], rows: str, learnt: str
) -> None:
    weights = ensemble(rows)
    with pytest.raises(Leak, match=learnt):
        evaluate("ravdess", acted, channels=["fixed"], protocol="all", model=weights)


def test_a_silent_card_that_names_the_corpus(acted: Path, ensemble: Callable[[str], str]) -> None:
    weights = ensemble("")
    path = Path(weights) / "card.toml"
    verdict = evaluate("ravdess", acted, channels=["fixed"], protocol="all", model=weights)
    assert verdict.transfer
    path.write_text(path.read_text().replace('["nothing"]', '["RAVDESS speech"]'))
    with pytest.raises(Leak, match="does not say which part of ravdess"):
        evaluate("ravdess", acted, channels=["fixed"], protocol="all", model=weights)


def test_a_fusion_is_asked_without_leaks_too(acted: Path, ensemble: Callable[[str], str]) -> None:
    weights = ensemble(FOLDS)
    arguments = {"channels": ["fixed"], "fusion": "mean", "protocol": "all", "model": weights}
    found = evaluate("ravdess", acted, **arguments).to_dict()
    assert judged_by(found) == {"weights": 8, "weights#0": 8, "weights#1": 8}
    assert "calm" in found["bridge"]
    assert len(found["labels"]) == 7


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    FERPlus.make_fixture(tmp_path, groups=2, rng=np.random.default_rng(0))
    return tmp_path


def test_faces_are_judged_by_what_ships(faces: Path) -> None:
    found = evaluate("ferplus", faces, channels=["face"], split="valid").to_dict()
    there = read_faces(faces, "valid")
    images = there.images[:, None].astype(np.float32) / 255
    chances = Model.shared("face-ferplus").run(faces=images)["probabilities"]
    top = chances.argmax(axis=1)
    assert found["metrics"]["accuracy"]["value"] == pytest.approx(
        reference.accuracy_score(there.label, top), abs=1e-4
    )
    assert found["metrics"]["f1_macro"]["value"] == pytest.approx(
        reference.f1_score(there.label, top, average="macro", zero_division=0), abs=1e-4
    )
    assert found["labels"] == list(EKMAN8.labels)
    assert found["n"] == found["groups"] == 16


def test_the_same_question_has_the_same_answer(faces: Path) -> None:
    def ask() -> str:
        verdict = evaluate("ferplus", faces, channels=["face"], split="valid", corruptions=True)
        return json.dumps(verdict.to_dict())

    first = ask()
    assert first == ask()
    assert set(json.loads(first)["corruptions"]) == {"blur", "low light", "jpeg", "occlusion"}


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"split": "train"}, Leak, "the part 'train' of ferplus"),
        ({"split": "test"}, FilesMissing, r"FER2013Test\.zip"),
        ({"split": "dev"}, ConfigError, "Splits: train, valid, test; protocols: all, official"),
        ({"protocol": "actor5"}, ConfigError, "knows no protocol 'actor5'.*all, official"),
        ({}, ConfigError, "not neither"),
        ({"split": "valid", "protocol": "all"}, ConfigError, "not both"),
        ({"split": "valid", "channels": ["voice"]}, ConfigError, "the recording has no audio"),
        ({"split": "valid", "channels": ["fase"]}, UnknownName, "Did you mean 'face'"),
        ({"split": "valid", "channels": []}, ConfigError, "0 channels and no fusion"),
        ({"split": "valid", "fusion": "sum"}, UnknownName, "sum"),
        ({"split": "valid", "model": "face-xyz"}, UnknownName, "face-xyz"),
    ],
)
def test_what_makes_no_sense(
    faces: Path, wrong: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        evaluate("ferplus", faces, **{"channels": ["face"], **wrong})


def test_a_protocol_that_shares_its_groups_is_for_training(
    acted: Path, ensemble: Callable[[str], str]
) -> None:
    shared = next(name for name in RAVDESS.protocols if name.startswith("statement"))
    with pytest.raises(ConfigError, match="trains and tests on the same speaker"):
        evaluate("ravdess", acted, channels=["fixed"], protocol=shared, model=ensemble(FOLDS))


def run(command: Callable[..., Done], faces: Path, *more: object) -> Done:
    return command("evaluate", "--corpus", "ferplus", "--data", faces, *more)


def test_the_command(faces: Path, tmp_path: Path, insula_command: Callable[..., Done]) -> None:
    target = tmp_path / "new" / "face.json"
    channel: Sequence[object] = ("--channel", "face", "--split", "valid")
    done = run(insula_command, faces, *channel, "--json", target, "--out", tmp_path / "pictures")
    assert done.code == 0, done.err
    document = json.loads(target.read_text())
    assert document["command"][:2] == ["insula", "evaluate"]
    assert {"accuracy", "uar", "f1_macro", "f1_weighted", "ece", "brier"} <= set(
        document["metrics"]
    )
    assert set(document["metrics"]["uar"]) == {"value", "low", "high"}
    assert "accuracy" in done.out
    pictures = {path.name for path in (tmp_path / "pictures").iterdir()}
    assert pictures == {"confusion.png", "reliability.png", "risk-coverage.png", "verdict.json"}
    printed = run(insula_command, faces, *channel, "--json", "-")
    assert json.loads(printed.out)["metrics"] == document["metrics"]


@pytest.mark.parametrize(
    "wrong",
    [
        ("--channel", "face", "--split", "train"),  # a leak
        ("--channel", "face", "--split", "test"),  # not there
        ("--channel", "face", "--split", "dev"),  # no such part
        ("--channel", "face", "--protocol", "actor5"),
        ("--channel", "fase", "--split", "valid"),
    ],
)
def test_the_command_refuses(
    faces: Path, insula_command: Callable[..., Done], wrong: Sequence[str]
) -> None:
    done = run(insula_command, faces, *wrong)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("insula: ")
    assert len(done.err.strip().splitlines()) == 1


def test_no_folder(tmp_path: Path, insula_command: Callable[..., Done]) -> None:
    done = run(insula_command, tmp_path / "none", "--channel", "face", "--split", "valid")
    assert done.code == 2
    assert PARTS["valid"] in done.err


def test_sentences_are_judged_in_both_sets_of_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    GoEmotions.make_fixture(tmp_path, groups=2, rng=np.random.default_rng(0))
    comments = read_part(tmp_path, "dev")
    rng = np.random.default_rng(1)
    fine = np.clip(0.4 * comments.values + 0.3 * rng.random((len(comments), 28)), 0, 1)
    groups = bridge(GOEMOTIONS, EKMAN7).matrix
    coarse = np.minimum(fine @ groups / groups.sum(axis=0), 1)
    said = {"ekman7": coarse / coarse.sum(axis=1, keepdims=True), "goemotions": fine}

    def score(self: Words, texts: Sequence[str], language: str) -> dict[str, np.ndarray]:
        rows = [comments.texts.index(text) for text in texts]
        return {name: values[rows] for name, values in said.items()}

    def limits(self: Panel, space: Space, language: str) -> dict[str, float]:
        return dict.fromkeys(space.labels, {"ekman7": 0.2, "goemotions": 0.35}[space.name])

    monkeypatch.setattr(Words, "score", score)
    monkeypatch.setattr(Words, "weights", ())
    monkeypatch.setattr(Panel, "limits", limits)
    verdict = evaluate("goemotions", tmp_path, channels=["words"], split="dev")
    metrics = {name: each.value for name, each in verdict.metrics.items()}
    truth = comments.values > 0
    for name, labels, chances, limit in (
        ("f1_macro", truth @ groups > 0, said["ekman7"], 0.2),
        ("f1_macro_goemotions", truth, fine, 0.35),
    ):
        expected = reference.f1_score(labels, chances >= limit, average="macro", zero_division=0)
        assert metrics[name] == pytest.approx(expected)
    assert verdict.to_dict()["labels"] == list(EKMAN7.labels)
