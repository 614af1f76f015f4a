"""Emotions of a dialogue as a chain: neighbours help, exactly as often as they agree."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Literal

import pytest
import torch
from torch import Tensor, nn

from insula.methods.batch import Batch
from insula.methods.late.emotion_chain import EmotionChain

WIDTHS = {"text": 4, "audio": 5}
C, U = 3, 10
Model = Literal["hmm", "crf"]
every_model = pytest.mark.parametrize("model", ["hmm", "crf"])


def dialogues(count: int, *, seed: int = 0, stay: float = 0.9) -> Batch:
    """Emotions mostly stay as they are; both modalities show them in much noise."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, C, (count, U), generator=rng)
    for step in range(1, U):
        same = torch.rand(count, generator=rng) < stay
        labels[:, step] = torch.where(same, labels[:, step - 1], labels[:, step])
    features = {}
    for name, width in WIDTHS.items():
        shown = torch.randn(C, width, generator=torch.Generator().manual_seed(width))
        features[name] = shown[labels] + 1.5 * torch.randn(count, U, width, generator=rng)
    lengths = torch.randint(6, U + 1, (count, 1), generator=rng)
    masks = {name: torch.arange(U) < lengths for name in WIDTHS}
    return Batch(features, masks, labels)


def learnt(net: nn.Module, steps: int) -> None:
    optimiser = torch.optim.AdamW(net.parameters(), 2e-2)
    for step in range(steps):
        optimiser.zero_grad()
        sum(net(dialogues(32, seed=step)).losses.values()).backward()
        optimiser.step()


def accuracy(said: Tensor, batch: Batch) -> float:
    return float((said == batch.labels)[batch.masks["text"]].float().mean())


@every_model
def test_neighbours_help_where_emotions_stay(model: Model) -> None:
    torch.manual_seed(0)
    net = EmotionChain(WIDTHS, C, model=model, hidden=16)
    learnt(net, 40)
    batch = dialogues(100, seed=1000)
    output = net.eval()(batch)
    alone = replace(
        batch,
        features={n: x.flatten(0, 1).unsqueeze(1) for n, x in batch.features.items()},
        masks={n: m.flatten(0, 1).unsqueeze(1) for n, m in batch.masks.items()},
        labels=None,
    )
    single = net(alone).values.argmax(dim=2).view(100, U)
    together = accuracy(output.values.argmax(dim=2), batch)
    assert together > accuracy(single, batch) + 0.05
    assert accuracy(output.aux["path"], batch) > accuracy(single, batch) + 0.03
    transition = net.scores()[1]
    assert (transition.diagonal() > transition.max(dim=1).values - 1e-6).all()


@every_model
def test_an_utterance_without_a_record_is_bridged(model: Model) -> None:
    torch.manual_seed(0)
    net = EmotionChain(WIDTHS, C, model=model, hidden=16)
    learnt(net, 40)
    batch = dialogues(100, seed=1000)
    for mask in batch.masks.values():
        mask[:, 3] = False
    bridged = (net.eval()(batch).values[:, 3].argmax(dim=1) == batch.labels[:, 3]).float().mean()
    assert bridged > 0.6  # of three classes


@every_model
def test_padding_rubbish_and_missing_modalities(model: Model) -> None:
    torch.manual_seed(0)
    net, batch = EmotionChain(WIDTHS, C, model=model).eval(), dialogues(5)
    if model == "crf":
        nn.init.normal_(net.transition)
    inside = batch.masks["text"]
    longer = Batch(
        {n: nn.functional.pad(x, (0, 0, 0, 7), value=9.0) for n, x in batch.features.items()},
        {n: nn.functional.pad(m, (0, 7)) for n, m in batch.masks.items()},
        nn.functional.pad(batch.labels, (0, 7), value=-100),
    )
    said, other = net(batch), net(longer)
    torch.testing.assert_close(other.values[:, :U][inside], said.values[inside])
    for name, loss in said.losses.items():
        torch.testing.assert_close(other.losses[name], loss)
    one = net(batch.map(lambda x: x[2:3]))
    torch.testing.assert_close(one.values[0][inside[2]], said.values[2][inside[2]])
    for hidden in (["text"], ["audio"], ["text", "audio"]):
        less = net(batch.without(*hidden))
        assert less.values.isfinite().all() and all(x.isfinite() for x in less.losses.values())
        assert not torch.allclose(less.values, said.values)


@every_model
def test_every_weight_learns_from_the_loss_of_its_own(model: Model) -> None:
    net, batch = EmotionChain(WIDTHS, C, model=model), dialogues(8)
    output = net(batch)
    assert not output.values.requires_grad
    sum(output.losses.values()).backward()
    assert all(weight.grad.any() and weight.grad.isfinite().all() for weight in net.parameters())


def test_the_markov_model_counts_what_follows_what() -> None:
    net, batch = EmotionChain(WIDTHS, C, model="hmm"), dialogues(8)
    net(batch)
    moves, starts = torch.ones(C, C), torch.ones(C)
    for labels, inside in zip(batch.labels, batch.masks["text"], strict=True):
        said = labels[inside].tolist()
        starts[said[0]] += 1
        for before, after in pairwise(said):
            moves[before, after] += 1
    torch.testing.assert_close(net.moves, moves)
    torch.testing.assert_close(net.starts, starts)
    net.eval()(batch)
    torch.testing.assert_close(net.moves, moves)


def test_how_frequent_an_emotion_is_counts_once_however_many_modalities() -> None:
    """One utterance: by Bayes' rule the prior times p(state | modality) / p(state) of each."""
    torch.manual_seed(0)
    net = EmotionChain(WIDTHS, C, model="hmm").eval()
    net.starts.copy_(torch.tensor([20.0, 3, 1]))
    batch = dialogues(4).map(lambda values: values[:, :1])
    opinions = [
        net.heads[name](values[:, 0]).softmax(dim=1)
        for name, (values, _) in net.encoders(batch).items()
    ]
    frequency = torch.tensor([23.0, 6, 4]) / 33  # of starts, and three of each kind of move
    expected = net.starts / 24 * opinions[0] / frequency * opinions[1] / frequency
    said = net(batch).values[:, 0].exp()
    torch.testing.assert_close(said, expected / expected.sum(dim=1, keepdim=True))
