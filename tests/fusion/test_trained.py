"""Fusions of the laboratory in the pipeline: they say there what the net said when it learnt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from insula import registry
from insula.config import fusion_named
from insula.core.records import Estimate, Observation
from insula.core.space import EKMAN7
from insula.core.time import Span
from insula.core.track import Track
from insula.errors import ConfigError
from insula.fusion.evidence import gather
from insula.learn import laboratory
from insula.learn.card import write_card
from insula.learn.laboratory import LaboratoryTask
from insula.learn.learner import Learner
from insula.learn.material import Material
from insula.learn.paired import as_samples
from insula.learn.pairing import CHANNELS
from insula.learn.recipe import read_recipe
from insula.learn.task import Metric, Report
from insula.methods.description import Method
from insula.testing.contracts import check_fusion

RECIPE = Path(__file__).parents[2] / "recipes/paired.toml"
TIMES = np.arange(0.25, 4, 0.5)
CLOSE = 1e-4
NUMBERS = {"temperature": 1.3}
NOTHING = Metric("accuracy", 0.0, 0.0, 0.0, "made up", "untrained", 0)


def exportable() -> list[str]:
    """Every fusion of single samples that is a net."""
    names = []
    for name in registry.methods:
        method = registry.methods.get(name)
        assert isinstance(method, Method)
        kind = registry.load_object(method.code, needed_by=name)
        if method.id.startswith("F") and isinstance(kind, type) and issubclass(kind, nn.Module):
            names += [name] if method.tasks != ("dialogue",) else []
    return names


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """People of chance in place of the corpora."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    shape = (60, len(CHANNELS))
    scores = rng.dirichlet(np.ones(len(EKMAN7)), shape)
    trust = rng.uniform(0.2, 1, shape) * (rng.random(shape) > 0.2)
    samples = as_samples(scores, trust, rng.integers(0, len(EKMAN7), len(scores)))
    part = np.repeat(["train", "development", "test"], 20)
    material = Material(samples, np.arange(60), part, len(EKMAN7), EKMAN7.labels)
    monkeypatch.setattr(laboratory, "read_material", lambda corpus, data: material)


def shipped(method: str, folder: Path) -> Learner:
    """A fresh net of this method, as training would leave it in the folder."""
    entry = registry.methods.get(method)
    assert isinstance(entry, Method)
    plan = read_recipe(RECIPE, {"method": entry.code, "net.hidden": 16})
    task = LaboratoryTask(plan, folder)
    torch.manual_seed(0)
    net = task.make_net().eval()
    assert isinstance(net, Learner)
    weights = folder / "paired.onnx"
    task.export([net], NUMBERS, weights)
    write_card(folder / "card.toml", weights, plan, task, Report([NOTHING]), NUMBERS)
    shipped.task = task  # type: ignore[attr-defined]
    return net


def observations() -> list[Observation]:
    """Face all the time, voice in the second half, words never."""
    rng = np.random.default_rng(1)
    said = []
    for name, first in (("face", 0), ("voice", 4)):
        times = TIMES[first:]
        values = rng.dirichlet(np.ones(len(EKMAN7)), len(times))
        track = Track(times, values, EKMAN7.labels, width=0.5)
        estimate = Estimate(EKMAN7, track, rng.uniform(0.3, 1, len(times)), name)
        said.append(Observation(name, "p", Span(0, 4), estimate=estimate))
    return said


@pytest.mark.parametrize("method", exportable())
def test_it_says_in_the_pipeline_what_the_net_says(method: str, tmp_path: Path) -> None:
    net = shipped(method, tmp_path)
    fused = fusion_named(str(tmp_path)).fuse(observations(), times=TIMES)
    evidence = gather(observations(), TIMES, EKMAN7)
    scores = np.zeros((len(TIMES), len(CHANNELS), len(EKMAN7)))
    trust = np.zeros((len(TIMES), len(CHANNELS)))
    for row, name in enumerate(evidence.channels):
        scores[:, CHANNELS.index(name)] = evidence.scores[row]
        trust[:, CHANNELS.index(name)] = evidence.trust[row]
    task: LaboratoryTask = shipped.task  # type: ignore[attr-defined]
    batch = as_samples(scores, trust, np.zeros(len(TIMES), int))
    features = {n: (x - task.middle[n]) / task.spread[n] for n, x in batch.features.items()}
    with torch.inference_mode():
        logits = net.net(type(batch)(features, batch.masks)).values / NUMBERS["temperature"]
    expected = logits.softmax(dim=1).numpy()
    assert np.abs(fused.track.values - expected).max() < CLOSE


def test_it_keeps_promises_and_what_no_recording_can_feed_is_refused(tmp_path: Path) -> None:
    shipped("concatenation", tmp_path)
    check_fusion(fusion_named(str(tmp_path)), observations(), TIMES)
    card = tmp_path / "card.toml"
    text = card.read_text()
    card.write_text(text.replace('channels = ["face", "voice", "words"]\n', ""))
    with pytest.raises(ConfigError, match="learnt from features of a corpus"):
        fusion_named(str(tmp_path))
    card.write_text(text.replace("[N,1,8]", "[N,10,11]"))
    with pytest.raises(ConfigError, match="learnt from features of a corpus"):
        fusion_named(str(tmp_path))
    with pytest.raises(ConfigError, match="are of the channel 'voice', not of a fusion"):
        fusion_named("voice-ravdess")
