"""Changes to training samples stay in range, are reproducible, and switched off change nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from insula.learn.augment import FaceChanges, SoundChanges, change_faces, change_sound, change_voice

NO_SOUND_CHANGES = SoundChanges(
    copies=1, shortest=9.0, pace=0, shift=0, colour=0, noise=0, telephone=0, room=0
)


def faces() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).random((16, 1, 48, 48), np.float32))


def test_faces_stay_in_range_and_follow_the_seed() -> None:
    changes = FaceChanges(0.1, 0.2, turn=20, light=0.3, erase=1.0, coarse=1.0, dark=1.0)
    before = faces()
    one, two = (change_faces(before, changes, np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(one, two)
    assert one.shape == before.shape
    assert 0 <= one.min() <= one.max() <= 1
    assert torch.equal(before, faces())
    assert not torch.allclose(one, before, atol=0.1)


def test_faces_with_all_switched_off_are_only_mirrored() -> None:
    before = faces()
    after = change_faces(before, FaceChanges(0, 0, 0, 0, 0, 0, 0), np.random.default_rng(0))
    mirrored = [
        torch.allclose(new, old.flip(-1), atol=1e-4) for new, old in zip(after, before, strict=True)
    ]
    same = [torch.allclose(new, old, atol=1e-4) for new, old in zip(after, before, strict=True)]
    assert all(a != b for a, b in zip(mirrored, same, strict=True))
    assert any(mirrored)
    assert any(same)


def test_a_turn_does_not_shear() -> None:
    """A disc is a disc at any angle, mirrored or not."""
    axis = torch.linspace(-1, 1, 48)
    disc = ((axis[:, None] ** 2 + axis**2) < 0.5).float()
    turned = change_faces(
        disc.expand(32, 1, 48, 48), FaceChanges(0, 0, 45, 0, 0, 0, 0), np.random.default_rng(0)
    )
    assert (turned - disc).abs().mean() < 0.03


def test_what_is_dark_is_darker_and_grainy() -> None:
    before = torch.full((16, 1, 48, 48), 0.8)
    after = change_faces(before, FaceChanges(0, 0, 0, 0, 0, 0, 1.0), np.random.default_rng(0))
    assert ((after.mean(dim=(1, 2, 3)) > 0.07) & (after.mean(dim=(1, 2, 3)) < 0.41)).all()
    assert (after.std(dim=(1, 2, 3)) > 0).all()


def test_sounds_with_all_switched_off_are_the_same() -> None:
    clip = np.random.default_rng(0).normal(-5, 2, (120, 64)).astype(np.float32)
    after = change_sound(clip, NO_SOUND_CHANGES, np.random.default_rng(0))
    assert np.allclose(after, clip, atol=1e-5)


@pytest.mark.parametrize("switch", ["pace", "shift", "colour", "noise", "telephone", "room"])
def test_each_sound_change_does_something(switch: str) -> None:
    clip = np.random.default_rng(0).normal(-5, 2, (120, 64)).astype(np.float32)
    clip[:40] -= 12  # a pause, in which noise is heard
    changes = SoundChanges(**{**vars(NO_SOUND_CHANGES), switch: 1.0})
    after = change_sound(clip, changes, np.random.default_rng(1))
    assert np.isfinite(after).all()
    assert after.dtype == np.float32
    assert after.shape != clip.shape or np.abs(after - clip).mean() > 0.05


def test_a_room_rings_after_a_click() -> None:
    click = np.full((100, 64), -18.0, np.float32)
    click[10] = 0
    changes = SoundChanges(**{**vars(NO_SOUND_CHANGES), "room": 1.0})
    rings = change_sound(click, changes, np.random.default_rng(0))[:, 0]
    assert rings[5] == pytest.approx(-18, abs=1.0)  # it rings a little itself
    assert (np.diff(rings[11:30]) < 0).all()
    assert rings[15] > -12


def test_a_changed_voice_keeps_its_pitch_track_beside_it() -> None:
    clip = np.random.default_rng(0).normal(-5, 2, (120, 64)).astype(np.float32)
    pitch = np.zeros((120, 13), np.float32)
    pitch[40:, 0], pitch[40:, 1] = 20.0, 1.0
    same, track = change_voice(clip, pitch, NO_SOUND_CHANGES, np.random.default_rng(0))
    assert np.allclose(same, clip, atol=1e-5)
    assert np.allclose(track, pitch)
    changes = SoundChanges(**{**vars(NO_SOUND_CHANGES), "pace": 0.3, "shift": 0.2})
    other, track = change_voice(clip, pitch, changes, np.random.default_rng(2))
    assert len(other) == len(track) != 120
    voiced = track[:, 1] > 0
    assert voiced.mean() == pytest.approx(2 / 3, abs=0.02)
    assert 0.1 < np.abs(track[voiced, 0] - 20).min() <= 12 * 0.2 / np.log(2)
    assert not track[~voiced, 0].any()
