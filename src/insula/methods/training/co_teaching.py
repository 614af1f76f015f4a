"""Co-teaching: two nets pick for each other what to believe (`methods.md` R18).

    batch -> the net  -> its losses -> the smallest share of them: what the peer learns from
          -> its peer -> its losses -> the smallest share of them: what the net learns from

Nets learn what is regular before they learn mistakes by heart, so a label with a large loss is
likely to be wrong. Two nets start apart and do not confirm each other's slips. How much is left out
rises from nothing to the share of labels that are thought wrong.

Sources: Han et al., "Co-teaching: robust training of deep neural networks with extremely noisy
labels", NeurIPS 2018, algorithm 1.

What differs here: the peer is trained beside the net and never ships. It learns by cross-entropy,
or by the squared error of axes, whatever loss the net learns by. It is a copy of which every layer
that can be is drawn anew; vectors that belong to no layer start alike.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from insula.errors import ConfigError
from insula.methods import answers
from insula.methods.batch import Batch
from insula.methods.description import Method
from insula.methods.training.method import Pass, Setting, TrainingMethod

METHOD = Method(
    name="co-teaching",
    id="R18",
    title="Co-teaching of two nets",
    stage="training",
    mechanism="labels",
    modalities=("any",),
    tasks=("classes", "labels", "axes", "dialogue"),
    source="Han et al., Co-teaching: robust training with extremely noisy labels, NeurIPS 2018",
    code="insula.methods.training.co_teaching:CoTeaching",
)


class CoTeaching(TrainingMethod):
    """noise: share of labels that are thought wrong. rise: share of the epochs until all of them
    are left out."""

    judging = True

    def __init__(self, setting: Setting, *, noise: float = 0.2, rise: float = 0.2) -> None:
        super().__init__(setting)
        if not 0 <= noise < 1:
            raise ConfigError(
                f"co-teaching leaves out the share {noise} of the labels. It lies in [0, 1): set "
                f"noise to the share of labels that are thought wrong."
            )
        self.kind, self.noise, self.rise = setting.kind, noise, rise
        self.forgotten = 0.0
        self.peer = drawn_anew(setting.net)

    def begin(self, net: nn.Module, development: Batch, progress: float) -> None:
        """Leave out more, as long as the share rises."""
        rising = progress / self.rise if self.rise > 0 else 1.0
        self.forgotten = self.noise * min(1.0, rising)

    def chosen(self, seen: Pass, losses: Tensor) -> Tensor:
        """Of the samples that the peer believes, [B], with a mean of 1."""
        with torch.no_grad():
            return smallest(self._losses(self.peer, seen), 1 - self.forgotten)

    def losses(self, seen: Pass) -> Mapping[str, Tensor]:
        """What the peer learns by, of the samples that the net believes."""
        values, labels = seen.rows(seen.output.values), self._labels(seen)
        believed = smallest(answers.loss(values.detach(), labels, self.kind), 1 - self.forgotten)
        return {"peer": (believed * self._losses(self.peer, seen)).mean()}

    def _losses(self, net: nn.Module, seen: Pass) -> Tensor:
        values = seen.rows(net(seen.batch).values)
        return answers.loss(values, self._labels(seen), self.kind)

    def _labels(self, seen: Pass) -> Tensor:
        assert seen.batch.labels is not None
        return seen.rows(seen.batch.labels)


def smallest(losses: Tensor, share: float) -> Tensor:
    """Which samples have the smallest losses: [B], 0 or such that their mean is 1.

    share: of the samples, in (0, 1]; at least one is kept.
    """
    count = max(1, round(share * len(losses)))
    kept = torch.zeros_like(losses)
    kept[losses.argsort(stable=True)[:count]] = len(losses) / count
    return kept


def drawn_anew(net: nn.Module) -> nn.Module:
    """A net of the same build with other weights, from torch's generator."""
    peer = copy.deepcopy(net)
    for module in peer.modules():
        if callable(draw := getattr(module, "reset_parameters", None)):
            draw()
    return peer
