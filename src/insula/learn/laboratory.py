"""Training a fusion of the laboratory: any net of `methods` on samples of several modalities.

    reader of a corpus -> Material: samples, groups, parts -> net and training methods of the recipe
    -> numbers on the test part: with all modalities, with every subset of them, with each of them
    turned to noise

A part of the training groups is kept as development part: it says which epoch was best. The test
part is judged once, at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from insula.errors import UnknownName
from insula.learn.export import export_onnx
from insula.learn.learner import Learner, Loss, check_loss, make_methods
from insula.learn.material import READERS, WHOLE, conditions, standardised, using
from insula.learn.recipe import Recipe
from insula.learn.report import measured
from insula.learn.task import Batch, Calibration, Fold, Indices, Predictions, Report, Task
from insula.learn.verdicts import METRIC, measures
from insula.methods.batch import Batch as Samples
from insula.methods.batch import Kind
from insula.methods.training.method import Setting
from insula.zoo.card import Learned

AT_ONCE = 512  # samples of a prediction
EXAMPLE = 8  # samples by which training methods find out about the net


@dataclass(frozen=True)
class Learning:
    """The section [learning] of a recipe."""

    loss: Loss
    """Of classes and labels the first; of axes the mean absolute or squared error."""
    modalities: tuple[str, ...]
    """Those that are used; () for all."""
    development: float
    """Share of the training groups that says which epoch was best."""
    control: Literal["", "labels"]
    """"labels": learn from labels in random order; what is better than chance then is a leak."""


class LaboratoryTask(Task):
    """Samples in memory, standardised by the training part."""

    def __init__(self, recipe: Recipe, data: Path) -> None:
        (corpus,) = recipe.corpora
        if corpus not in READERS:
            raise UnknownName("corpus of the laboratory", corpus, READERS)
        self.recipe = recipe
        self.learning = recipe.section("learning", Learning)
        self.material = using(READERS[corpus](data), self.learning.modalities)
        self.material.check(corpus)
        self.kind: Kind = self.material.samples.kind
        check_loss(self.learning.loss, self.kind, corpus)
        rng = np.random.default_rng(recipe.seed)
        train, development, test = self._parts(rng)
        self.folds = (Fold("all", train, np.concatenate([development, test])),)
        self.development = development
        self.judging = np.isin(np.arange(len(self.material.part)), test)
        self.samples, self.middle, self.spread = standardised(self.material.samples, train)
        labels = self.samples.labels
        assert labels is not None
        if self.learning.control == "labels":
            labels = labels[torch.from_numpy(rng.permutation(len(self.samples)))]
        self.labels = labels
        self.learnt = labels.clone()  # as the training methods see them
        self.metric = METRIC[self.kind]
        self.learned = (Learned(corpus, "train"),)
        widths = self._widths()
        self.inputs = {name: f"float32 [N,T,{width}]" for name, width in widths.items()}
        self.inputs |= {f"{name}_valid": "bool [N,T]" for name in widths}
        self.outputs = {"values": f"float32 [N,{self.material.outputs}]"}

    def make_net(self) -> nn.Module:
        lines, train = self.recipe.mapping("training"), self.folds[0].train
        outputs = self.material.outputs
        net = self.recipe.make_net(widths=self._widths(), outputs=outputs)
        methods = make_methods(lines, self._setting(net))
        wanted = outputs
        for method in methods:
            wanted = method.values(wanted)
        if wanted != outputs:  # a method needs a net of another number of values
            net = self.recipe.make_net(widths=self._widths(), outputs=wanted)
            methods = make_methods(lines, self._setting(net))
        rows = torch.from_numpy(train)
        for method in methods:
            self.learnt[rows] = method.relabel(self.learnt[rows])
        modalities, loss = self.samples.modalities, self.learning.loss
        return Learner(net, methods, modalities=modalities, kind=self.kind, loss=loss)

    def batch(self, indices: Indices, rng: np.random.Generator) -> Batch:
        labels = self.learnt[torch.from_numpy(indices)]
        return flat(replace(self._take(indices), labels=labels))

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        _, loss = net(batch)
        return cast(Tensor, loss)

    def begin(self, net: nn.Module, epoch: int, epochs: int) -> None:
        device = next(net.parameters()).device
        development = self._take(self.development).map(lambda values: values.to(device))
        cast(Learner, net).begin(flat(development), (epoch - 1) / epochs)

    def adjust(self, net: nn.Module, again: Callable[[], None]) -> None:
        cast(Learner, net).adjust(again)

    def stepped(self, net: nn.Module) -> None:
        cast(Learner, net).stepped()

    def predict(self, net: nn.Module, indices: Indices) -> Predictions:
        """What it says in each condition, "values CONDITION" (N, C), and the truth."""
        said: dict[str, list[np.ndarray]] = {}
        device = next(net.parameters()).device
        for start in range(0, len(indices), AT_ONCE):
            chosen = self._take(indices[start : start + AT_ONCE])
            for condition, changed in conditions(chosen):
                values, _ = net({name: x.to(device) for name, x in flat(changed).items()})
                values = values.float().cpu().numpy()
                said.setdefault(f"values {condition}", []).append(values)
        rows = torch.from_numpy(indices)
        valid = torch.stack(list(self.samples.masks.values())).any(dim=0)[rows]
        return {
            **{name: np.concatenate(values) for name, values in said.items()},
            "labels": self.labels[rows].numpy(),
            "valid": valid.numpy(),
            "groups": self.material.groups[indices],
            "judging": self.judging[indices],
        }

    def score(self, predictions: Predictions) -> Mapping[str, float]:
        """On the development part."""
        return self.measures(predictions, WHOLE, np.flatnonzero(~predictions["judging"]))

    def report(self, predictions: Predictions, rng: np.random.Generator) -> Report:
        """On the test part, a line a metric and condition, intervals over groups."""
        judged = {name: values[predictions["judging"]] for name, values in predictions.items()}
        everyone, corpus = np.arange(len(judged["labels"])), self.recipe.corpora[0]
        lines = []
        for name in judged:
            if not name.startswith("values "):
                continue
            condition = name.removeprefix("values ")
            kinds = self.measures(judged, condition, everyone)
            measure = {
                kind: lambda rows, kind=kind, condition=condition: self.measures(
                    judged, condition, rows
                )[kind]
                for kind in kinds
            }
            lines += measured(measure, judged["groups"], rng, corpus=corpus, protocol=condition)
        return Report(lines)

    def measures(
        self, predictions: Predictions, condition: str, rows: Indices
    ) -> Mapping[str, float]:
        """The metrics of these rows of the predictions in one condition."""
        said, truth = predictions[f"values {condition}"][rows], predictions["labels"][rows]
        if said.ndim == 3:  # dialogues, [N, T, C]
            valid = predictions["valid"][rows]
            said, truth = said[valid], truth[valid]
        return measures(self.kind, truth, said)

    def export(self, nets: Sequence[nn.Module], calibration: Calibration, path: Path) -> None:
        (net,) = nets
        example = self._take(self.folds[0].train[:3])
        inputs = {**example.features}
        inputs |= {f"{name}_valid": mask for name, mask in example.masks.items()}
        axes = {name: {0: "N"} for name in inputs}
        shipped = Shipped(cast(Learner, net), self.middle, self.spread)
        export_onnx(shipped, inputs, tuple(self.outputs), path, dynamic=axes)

    def _setting(self, net: nn.Module) -> Setting:
        train, part = self.folds[0].train, self.material.part
        annotations, target = self.material.annotations, np.flatnonzero(part == "target")
        return Setting(
            net,
            self.material.outputs,
            self.kind,
            self.labels[torch.from_numpy(train)],
            self.material.names,
            self._take(train[:EXAMPLE]),
            target=replace(self._take(target), labels=None) if len(target) else None,
            annotations=None if annotations is None else torch.from_numpy(annotations[train]),
        )

    def _parts(self, rng: np.random.Generator) -> tuple[Indices, Indices, Indices]:
        """Numbers of the samples to learn from, to choose by, and to judge by."""
        groups, part = self.material.groups, self.material.part
        known = np.unique(groups[part == "train"])
        count = max(1, round(self.learning.development * len(known)))
        kept = np.isin(groups, rng.choice(known, count, replace=False)) & (part == "train")
        train, test = (part == "train") & ~kept, part == "test"
        return np.flatnonzero(train), np.flatnonzero(kept), np.flatnonzero(test)

    def _widths(self) -> dict[str, int]:
        return {name: x.shape[2] for name, x in self.material.samples.features.items()}

    def _take(self, indices: Indices) -> Samples:
        rows = torch.from_numpy(indices)
        return self.samples.map(lambda values: values[rows])


class Shipped(nn.Module):
    """The net with its standardisation, on the features and then the masks of each modality."""

    def __init__(
        self, learner: Learner, middle: Mapping[str, Tensor], spread: Mapping[str, Tensor]
    ) -> None:
        super().__init__()
        self.learner, self.modalities = learner, learner.modalities
        for name in self.modalities:
            self.register_buffer(f"middle_{name}", middle[name])
            self.register_buffer(f"spread_{name}", spread[name])

    def forward(self, *tensors: Tensor) -> Tensor:
        count = len(self.modalities)
        features, masks = tensors[:count], tensors[count:]
        changed = {
            name: (values - getattr(self, f"middle_{name}")) / getattr(self, f"spread_{name}")
            for name, values in zip(self.modalities, features, strict=True)
        }
        samples = Samples(changed, dict(zip(self.modalities, masks, strict=True)))
        return self.learner.answer(self.learner.net(samples).values)


def flat(samples: Samples) -> Batch:
    """The tensors of the samples under names of their own, as the training loop moves them."""
    tensors = {f"features {name}": values for name, values in samples.features.items()}
    tensors |= {f"masks {name}": mask for name, mask in samples.masks.items()}
    if samples.labels is not None:
        tensors["labels"] = samples.labels
    if samples.speakers is not None:
        tensors["speakers"] = samples.speakers
    return tensors


def build(recipe: Recipe, data: Path) -> Task:
    """The fusion that a recipe of the laboratory trains; `data` holds the corpus's folder."""
    return LaboratoryTask(recipe, data)
