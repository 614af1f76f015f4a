"""The speaker task: what is changed and mixed, who is held out, and a net that learns voices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from insula.errors import MissingDependency
from insula.learn import voice_teacher
from insula.learn.recipe import read_recipe
from insula.learn.speaker import SpeakerTask, _with_margin
from insula.learn.speaker_bank import ROWS, Bank
from insula.learn.speaker_changes import VoiceChanges, change_voices, mix_voices

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


def test_a_missing_teacher_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice_teacher, "PACKAGE", "no_such_teacher")
    with pytest.raises(MissingDependency, match="pip install no_such_teacher"):
        voice_teacher.VoiceTeacher()
