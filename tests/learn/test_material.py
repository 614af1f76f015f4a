"""What a reader of a corpus gives to the laboratory is checked before anything learns from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from insula.corpora.mosei import EMOTIONS, MOSEI
from insula.errors import ConfigError, UnknownName
from insula.learn.made_up import DIALOGUE, PARITY, two_domains
from insula.learn.material import Material, read_material, read_mosei, standardised, using


@pytest.fixture
def parity() -> Material:
    return PARITY(Path())


def test_what_is_made_up_keeps_the_contract(parity: Material) -> None:
    for material in (parity, DIALOGUE(Path()), two_domains(Path())):
        material.check("made up")
    target = two_domains(Path())
    assert set(target.part) == {"train", "target", "test"}


def test_features_without_a_number_are_named(parity: Material) -> None:
    parity.samples.features["audio"][3, 0, 1] = torch.nan
    with pytest.raises(ConfigError, match="xor hold NaN or infinity in the modality 'audio'"):
        parity.check("xor")


def test_what_is_masked_may_be_anything(parity: Material) -> None:
    parity.samples.features["audio"][~parity.samples.masks["audio"]] = torch.nan
    parity.check("xor")


def test_labels_that_the_space_does_not_hold_are_named(parity: Material) -> None:
    assert parity.samples.labels is not None
    parity.samples.labels[5] = 2
    with pytest.raises(ConfigError, match="has the label 2, which its space does not hold"):
        parity.check("xor")
    shares = torch.full((len(parity.samples), 2), 0.5)
    shares[0, 0] = 1.5
    wrong = replace(parity, samples=replace(parity.samples, labels=shares, kind="distribution"))
    with pytest.raises(ConfigError, match=r"has the label 1\.5.* in \[0, 1\]"):
        wrong.check("xor")


def test_an_empty_part_and_a_leak_are_named(parity: Material) -> None:
    empty = parity.take(np.flatnonzero(parity.part == "train"))
    with pytest.raises(ConfigError, match="The part 'test' of xor is empty"):
        empty.check("xor")
    leaking = replace(parity, groups=np.zeros(len(parity.groups)))
    with pytest.raises(ConfigError, match="Groups of xor are in two parts"):
        leaking.check("xor")


def test_a_release_of_several_labels_is_read(tmp_path: Path) -> None:
    MOSEI.make_fixture(tmp_path / "mosei", rng=np.random.default_rng(0))
    material = read_mosei(tmp_path)
    material.check("mosei")
    assert material.samples.kind == "multi"
    assert set(material.part) == {"train", "development", "test"}
    assert material.names == EMOTIONS.labels
    assert {name: x.shape[1:] for name, x in material.samples.features.items()} == {
        "text": (60, 300),
        "audio": (60, 74),
        "video": (60, 35),
    }


def test_other_names_are_not_read() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'paired'"):
        read_material("pared", Path())


def test_standardised_is_what_the_valid_training_steps_are(parity: Material) -> None:
    train = np.flatnonzero(parity.part == "train")
    alone = using(parity, ["video"]).samples
    assert alone.modalities == ("video",)
    samples, _, _ = standardised(alone, train)
    rows = torch.from_numpy(train)
    seen = samples.features["video"][rows][samples.masks["video"][rows]]
    assert seen.mean(dim=0).abs().max() < 1e-5
    assert (seen.std(dim=0) - 1).abs().max() < 1e-4
