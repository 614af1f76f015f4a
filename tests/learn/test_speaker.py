"""The speaker task: what is changed and mixed, who is held out, and a net that learns voices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from insula.corpora.ased import ASED
from insula.corpora.baved import BAVED
from insula.corpora.ravdess import RAVDESS
from insula.errors import MissingDependency
from insula.learn import voice_teacher
from insula.learn.recipe import read_recipe
from insula.learn.speaker import SpeakerTask, _with_margin
from insula.learn.speaker_bank import ROWS, Bank, make_bank
from insula.learn.speaker_changes import VoiceChanges, change_voices, mix_voices
from insula.learn.train import train
from insula.zoo.session import Model

RECIPE = Path(__file__).parents[2] / "recipes/speaker.toml"
NOTHING = VoiceChanges(
    room=0, noise=0, babble=0, ratio=(0, 25), colour=0, narrow=0, mixed=0, instead=0
)


def buzz(pitch: float, rng: np.random.Generator, rows: int = ROWS) -> np.ndarray:
    """A log-mel with ripples as far apart as the harmonics of that pitch."""
    ripples = 2 * np.cos(2 * np.pi * np.arange(64) / pitch)
    return (ripples + rng.normal(0, 0.3, (rows, 64)) - 8).astype(np.float16)


@pytest.fixture
def bank(monkeypatch: pytest.MonkeyPatch) -> Bank:
    """Ten speakers of each corpus, each with a pitch of their own, four clips each."""
    rng = np.random.default_rng(0)
    corpora = ("ravdess", "ased", "baved")
    rows = [(c, s, k) for c in range(3) for s in range(10) for k in range(4)]
    corpus, speaker, _ = map(np.array, zip(*rows, strict=True))
    spectra = [buzz(4 + s + 0.3 * c, rng) for c, s, _ in rows]
    made = Bank(
        spectra,
        spectrum=np.arange(len(rows)),
        row=np.zeros(len(rows), int),
        corpus=np.array(corpora)[corpus],
        speaker=np.char.mod("%02d", speaker),
        sex=np.where(speaker % 2, "male", "female"),
        clip=np.arange(len(rows)),
        speed=np.zeros(len(rows), int),
        teacher=np.zeros((len(rows), 0), np.float32),
    )
    monkeypatch.setattr("insula.learn.speaker.make_bank", lambda *arguments: made)
    return made


def task(**settings: object) -> SpeakerTask:
    small = {"loss.teacher": 0.0, "net.channels": 16, "net.wide": 16, "net.width": 8}
    changed = small | {key.replace("_", ".", 1): value for key, value in settings.items()}
    return SpeakerTask(read_recipe(RECIPE, changed), Path())


def test_the_last_speakers_of_each_corpus_are_held_out(bank: Bank) -> None:
    (fold,) = task().folds
    assert set(bank.speaker[fold.held_out]) == {"08", "09"}
    assert not set(bank.speaker[fold.train]) & {"08", "09"}
    assert set(bank.corpus[fold.held_out]) == set(bank.corpus)


def test_it_learns_to_tell_voices_apart(bank: Bank) -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    made = task(optimiser_epochs=10)
    net, rng = made.make_net(), np.random.default_rng(0)
    optimiser = torch.optim.AdamW(net.parameters(), 3e-3)
    train = made.folds[0].train
    for _ in range(25):
        loss = made.loss(net, made.batch(rng.choice(train, 32), rng))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    net.eval()
    with torch.inference_mode():
        found = made.predict(net, made.folds[0].held_out)
    assert made.score(found)["auc"] > 0.8
    found = {**found, "embedding": rng.permutation(found["embedding"])}
    assert made.score(found)["auc"] < 0.7


def test_without_changes_only_the_level_differs() -> None:
    rng = np.random.default_rng(0)
    heard = torch.from_numpy(np.stack([buzz(7, rng), buzz(9, rng)]).astype(np.float32))
    same = change_voices(heard, heard.flip(0), NOTHING, rng)
    shift = same - heard
    assert shift.std(dim=(1, 2)).max() < 0.05
    assert same.exp().mean(dim=(1, 2)) == pytest.approx(1.0, abs=1e-3)


def test_rooms_ring_on_and_narrow_bands_end() -> None:
    rng = np.random.default_rng(0)
    heard = torch.full((8, 100, 64), -20.0)
    heard[:, 20:40] = 0.0
    ringing = change_voices(heard, heard, NOTHING.__class__(**{**vars(NOTHING), "room": 1.0}), rng)
    after = ringing[:, 45].mean() - ringing[:, 10].mean()
    assert after > 0.5  # before the sound there is only the floor
    narrow = NOTHING.__class__(**{**vars(NOTHING), "narrow": 1.0})
    cut = change_voices(heard, heard, narrow, rng)
    assert (cut[:, 30, -1] < cut[:, 30, 0] - 3).all()


def test_overlap_is_where_both_are_heard() -> None:
    rng = np.random.default_rng(0)
    one, other = torch.full((16, 150, 64), -3.0), torch.full((16, 150, 64), -3.0)
    one[:, :50] = -30.0  # a pause
    mixed, both = mix_voices(one, other, NOTHING, rng)
    assert both.any(dim=1).all() and not both[:, :50].any()
    assert torch.equal(mixed[:, 50:] > one[:, 50:] + 0.1, both[:, 50:, None].expand(-1, -1, 64))
    instead = NOTHING.__class__(**{**vars(NOTHING), "instead": 1.0})
    assert not mix_voices(one, other, instead, rng)[1].any()


def test_the_margin_makes_the_own_speaker_harder_and_no_other() -> None:
    cosines = torch.tensor([[0.5, 0.5]])
    made = _with_margin(cosines, torch.tensor([0]), 0.2)
    assert made[0, 1] == 0.5
    assert made[0, 0] == pytest.approx(np.cos(np.arccos(0.5) + 0.2), abs=1e-6)


@pytest.mark.parametrize("speed", [0.86, 1.0, 1.16])
def test_a_faster_voice_is_a_higher_one(speed: float, tmp_path: Path) -> None:
    """The middle of its power moves with the speed, and it is shorter."""
    RAVDESS.make_fixture(tmp_path / "ravdess", groups=2, rng=np.random.default_rng(0))
    usual = make_bank(("ravdess",), tmp_path, (1.0,), None)
    made = make_bank(("ravdess",), tmp_path, (speed,), None)
    assert set(made.speaker) == {"01", "02"} and set(made.sex) == {"male", "female"}
    assert made.piece(0).shape == (ROWS, 64)
    length = [len(bank.spectra[0]) for bank in (usual, made)]
    assert length[0] / length[1] == pytest.approx(speed, abs=0.05)
    power = [np.exp(np.float32(bank.spectra[0])).mean(axis=0) for bank in (usual, made)]
    centre = [(each * np.arange(64)).sum() / each.sum() for each in power]
    assert np.sign(round(centre[1] - centre[0], 2)) == np.sign(round(speed - 1.0, 2))


def test_the_recipe_makes_a_model_that_the_channel_runs(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    for corpus in (RAVDESS, ASED, BAVED):
        corpus.make_fixture(tmp_path / corpus.name, groups=5, rng=np.random.default_rng(0))
    small = {"optimiser.epochs": 2, "optimiser.batch_size": 8, "pieces.speeds": [1.0]}
    small["loss.teacher"] = 0.0
    net = {"net.channels": 16, "net.wide": 16, "net.width": 8}
    out = train(RECIPE, data=tmp_path, out=tmp_path / "out", settings=small | net)
    model = Model(out)
    assert {each.corpus for each in model.card.learned} == {"ravdess", "ased", "baved"}
    said = model.run(log_mel=np.random.default_rng(0).normal(size=(3, 151, 64)).astype(np.float32))
    assert np.linalg.norm(said["embedding"], axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert said["overlap"].shape == (3, 76)
    assert ((said["overlap"] >= 0) & (said["overlap"] <= 1)).all()


def test_a_missing_teacher_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice_teacher, "PACKAGE", "no_such_teacher")
    with pytest.raises(MissingDependency, match="pip install no_such_teacher"):
        voice_teacher.VoiceTeacher()
