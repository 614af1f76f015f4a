"""Training a fusion of the laboratory: any net of `methods` on samples of several modalities.

    reader of a corpus -> Material: samples, groups, parts -> net and training methods of the recipe
    -> numbers on the test part: with all modalities, with every subset of them, with each of them
    turned to noise

Where the corpus has no development part, some of the training groups are kept as such: it says
which epoch was best, and how sure the net may be. The test part is judged once, at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from insula.errors import ConfigError
from insula.learn.calibration import fit_temperature, sigmoid, softmax
from insula.learn.export import export_onnx
from insula.learn.feature_material import read_features
from insula.learn.learner import Learner, Loss, check_loss, make_methods
from insula.learn.material import WHOLE, conditions, read_material, standardised, using
from insula.learn.recipe import Recipe
from insula.learn.report import measured_together
from insula.learn.task import Batch, Calibration, Fold, Indices, Predictions, Report, Task
from insula.learn.verdicts import METRIC, measures
from insula.methods.batch import Batch as Samples
from insula.methods.batch import Kind
from insula.methods.training.method import Setting
from insula.registry import load_object
from insula.zoo.card import Learned

AT_ONCE = 512  # samples of a prediction
EXAMPLE = 256  # samples of the training part by which training methods find out about the net


@dataclass(frozen=True)
class Learning:
    """The section [learning] of a recipe."""

    loss: Loss
    """Of classes and labels the first; of axes the mean absolute or squared error."""
    modalities: tuple[str, ...]
    """Those that are used; () for all."""
    development: float
    """Share of the training groups that says which epoch was best, where the corpus has no part
    for that."""
    control: Literal["", "labels"]
    """"labels": learn from labels in random order; what is better than chance then is a leak."""


class LaboratoryTask(Task):
    """Samples in memory, standardised by the training part."""

    def __init__(self, recipe: Recipe, data: Path) -> None:
        if len(recipe.corpora) != 1:
            raise ConfigError(
                f"The recipe {recipe.name!r} names {len(recipe.corpora)} corpora, and a fusion of "
                f"the laboratory learns from one. Choose it: --set corpora='[\"NAME\"]'"
            )
        (corpus,) = recipe.corpora
        self.recipe = recipe
        self.learning = recipe.section("learning", Learning)
        extracted = "features" in recipe.sections
        found = read_features(recipe, data) if extracted else read_material(corpus, data)
        self.material = using(found, self.learning.modalities)
        self.material.check(corpus)
        self.kind: Kind = self.material.samples.kind
        check_loss(self.learning.loss, self.kind, corpus)
        rng = np.random.default_rng(recipe.seed)
        train, development, test = self._parts(rng)
        self.folds = (Fold("all", train, np.concatenate([development, test])),)
        self.development = development
        self.judging = np.isin(np.arange(len(self.material.part)), test)
        self.samples, self.middle, self.spread = standardised(self.material.samples, train)
        labels, annotations = self.samples.labels, self.material.annotations
        assert labels is not None
        if self.learning.control == "labels":
            order = rng.permutation(len(self.samples))
            labels = labels[torch.from_numpy(order)]
            annotations = None if annotations is None else annotations[order]
        self.labels, self.annotations = labels, annotations
        self.learnt = labels.clone()  # as the training methods see them
        self.metric = METRIC[self.kind]
        self.learned = self.material.learned or (Learned(corpus, "train"),)
        shapes = {name: x.shape[1:] for name, x in self.samples.features.items()}
        self.inputs = {name: f"float32 [N,{t},{width}]" for name, (t, width) in shapes.items()}
        self.inputs |= {f"{name}_valid": f"bool [N,{t}]" for name, (t, _) in shapes.items()}
        said = "values" if self.kind == "axes" else "probabilities"
        self.outputs = {said: f"float32 [N,{self.material.outputs}]"}

    def make_net(self) -> nn.Module:
        lines, outputs = self.recipe.mapping("training"), self.material.outputs
        net = self._net(outputs)
        methods = make_methods(lines, self._setting(net))
        wanted = outputs
        for method in methods:
            wanted = method.values(wanted)
        if wanted != outputs:  # a method needs a net of another number of values
            net = self._net(wanted)
            methods = make_methods(lines, self._setting(net))
        rows = torch.from_numpy(self.folds[0].train)
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
        return self._said(net, indices, conditions)

    def judge(self, net: nn.Module, indices: Indices) -> Mapping[str, float]:
        """On the development part, with all modalities."""
        return self.score(self._said(net, self.development, lambda samples: [(WHOLE, samples)]))

    def _said(
        self,
        net: nn.Module,
        indices: Indices,
        changes: Callable[[Samples], Iterable[tuple[str, Samples]]],
    ) -> Predictions:
        device = next(net.parameters()).device

        def moved(samples: Samples) -> Batch:
            return {name: values.to(device) for name, values in flat(samples).items()}

        cast(Learner, net).settle(moved(self._take(self.development)))
        said: dict[str, list[np.ndarray]] = {}
        for start in range(0, len(indices), AT_ONCE):
            chosen = self._take(indices[start : start + AT_ONCE])
            for condition, changed in changes(chosen):
                values, _ = net(moved(changed))
                said.setdefault(f"values {condition}", []).append(values.float().cpu().numpy())
        values = {name: np.concatenate(values) for name, values in said.items()}
        return {**values, **self._truth(indices)}

    def _truth(self, indices: Indices) -> Predictions:
        """What is known of the samples; valid: of dialogues, [N, T]."""
        rows = torch.from_numpy(indices)
        known = {
            "labels": self.labels[rows].numpy(),
            "groups": self.material.groups[indices],
            "judging": self.judging[indices],
        }
        if self.in_dialogues:
            known["valid"] = self._valid()[rows].numpy()
        return known

    @property
    def in_dialogues(self) -> bool:
        """Whether labels are of the steps, [N, T], rather than of the samples."""
        return self.labels.ndim == (2 if self.kind == "single" else 3)

    def _valid(self) -> Tensor:
        """Which steps hold anything, [N, T] bool."""
        return torch.stack(list(self.samples.masks.values())).any(dim=0)

    def score(self, predictions: Predictions) -> Mapping[str, float]:
        """On the development part."""
        return self.measures(predictions, WHOLE, np.flatnonzero(~predictions["judging"]))

    def calibrate(self, predictions: Predictions) -> Calibration:
        """One temperature for all classes, fitted on the development part."""
        if self.kind == "axes":
            return {}
        truth, said = self.labelled(predictions, WHOLE, np.flatnonzero(~predictions["judging"]))
        if self.kind == "single":
            truth = np.eye(self.material.outputs)[truth]
        activation = sigmoid if self.kind == "multi" else softmax
        return {"temperature": fit_temperature(said, truth, activation=activation)}

    def report(self, predictions: Predictions, rng: np.random.Generator) -> Report:
        """On the test part, a line a metric and condition, intervals over groups."""
        judged = {name: values[predictions["judging"]] for name, values in predictions.items()}
        corpus = self.recipe.corpora[0]
        temperature = self.calibrate(predictions).get("temperature", 1.0)
        lines = []
        for name in judged:
            if not name.startswith("values "):
                continue
            judged[name] = judged[name] / temperature
            condition = name.removeprefix("values ")
            lines += measured_together(
                partial(self.measures, judged, condition),
                judged["groups"],
                rng,
                corpus=corpus,
                protocol=condition,
            )
        return Report(lines)

    def measures(
        self, predictions: Predictions, condition: str, rows: Indices
    ) -> Mapping[str, float]:
        """The metrics of these rows of the predictions in one condition."""
        return measures(self.kind, *self.labelled(predictions, condition, rows))

    def labelled(
        self, predictions: Predictions, condition: str, rows: Indices
    ) -> tuple[np.ndarray, np.ndarray]:
        """Truth and answers of these rows of the predictions; of dialogues those of each turn."""
        truth, said = predictions["labels"][rows], predictions[f"values {condition}"][rows]
        if self.in_dialogues:  # [N, T] and [N, T, C]
            valid = predictions["valid"][rows]
            return truth[valid], said[valid]
        return truth, said

    def export(self, nets: Sequence[nn.Module], calibration: Calibration, path: Path) -> None:
        (net,) = nets
        example = self._take(self.folds[0].train[:3])
        inputs = {**example.features}
        inputs |= {f"{name}_valid": mask for name, mask in example.masks.items()}
        axes = {name: {0: "N"} for name in inputs}
        shipped = Shipped(
            cast(Learner, net), self.middle, self.spread, calibration.get("temperature", 1.0)
        )
        export_onnx(shipped, inputs, tuple(self.outputs), path, dynamic=axes)

    def fits(self, method: str) -> bool:
        """Whether the labels, the material and the net allow this training method."""
        try:
            make_methods({method: {}}, self._setting(self._net(self.material.outputs)))
        except ConfigError:
            return False
        return True

    def fitted(self) -> Predictions:
        """What a method that is no net says after it was fitted to the training part at once."""
        kind = load_object(self.recipe.method, needed_by=self.recipe.name)
        machine = kind(self._widths(), self.material.outputs)  # type: ignore[operator]
        machine.fit(self._take(self.folds[0].train))
        indices = self.folds[0].held_out
        chosen = self._take(indices)
        said = {
            f"values {condition}": machine.predict(changed).values.float().numpy()
            for condition, changed in conditions(chosen)
        }
        return {**said, **self._truth(indices)}

    def _net(self, outputs: int) -> nn.Module:
        return self.recipe.make_net(widths=self._widths(), outputs=outputs)

    def _setting(self, net: nn.Module) -> Setting:
        train, part = self.folds[0].train, self.material.part
        some = np.random.default_rng(self.recipe.seed).permutation(train)[:EXAMPLE]
        annotations, target = self.annotations, np.flatnonzero(part == "target")
        labels, sources = self.labels[torch.from_numpy(train)], self.samples.sources
        if self.in_dialogues:
            labels = labels[self._valid()[torch.from_numpy(train)]]
        return Setting(
            net,
            self.material.outputs,
            self.kind,
            labels,
            self.material.names,
            self._take(some),
            target=replace(self._take(target), labels=None) if len(target) else None,
            annotations=None if annotations is None else torch.from_numpy(annotations[train]),
            sources=1 if sources is None else int(sources[torch.from_numpy(train)].max()) + 1,
        )

    def _parts(self, rng: np.random.Generator) -> tuple[Indices, Indices, Indices]:
        """Numbers of the samples to learn from, to choose by, and to judge by."""
        groups, part = self.material.groups, self.material.part
        if (part == "development").any():
            names = ("train", "development", "test")
            train, kept, test = (np.flatnonzero(part == name) for name in names)
            return train, kept, test
        known = np.unique(groups[part == "train"])
        count = max(1, round(self.learning.development * len(known)))
        if count >= len(known):
            raise ConfigError(
                f"Of {len(known)} training groups {count} would be kept for choosing, which leaves "
                f"none to learn from. Get more of the corpus, or lower learning.development."
            )
        kept = np.isin(groups, rng.choice(known, count, replace=False)) & (part == "train")
        train, test = (part == "train") & ~kept, part == "test"
        return np.flatnonzero(train), np.flatnonzero(kept), np.flatnonzero(test)

    def _widths(self) -> dict[str, int]:
        return {name: x.shape[2] for name, x in self.material.samples.features.items()}

    def _take(self, indices: Indices) -> Samples:
        rows = torch.from_numpy(indices)
        return self.samples.map(lambda values: values[rows])


class Shipped(nn.Module):
    """The net with its standardisation, on the features and then the masks of each modality.

    temperature: by which the logits are divided before they become probabilities.
    """

    def __init__(
        self,
        learner: Learner,
        middle: Mapping[str, Tensor],
        spread: Mapping[str, Tensor],
        temperature: float,
    ) -> None:
        super().__init__()
        self.learner, self.modalities = learner, learner.modalities
        self.temperature = temperature
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
        values = self.learner.answer(self.learner.net(samples).values)
        if self.learner.kind == "axes":
            return values
        values = values / self.temperature
        return values.sigmoid() if self.learner.kind == "multi" else values.softmax(dim=-1)


def flat(samples: Samples) -> Batch:
    """The tensors of the samples under names of their own, as the training loop moves them."""
    tensors = {f"features {name}": values for name, values in samples.features.items()}
    tensors |= {f"masks {name}": mask for name, mask in samples.masks.items()}
    if samples.labels is not None:
        tensors["labels"] = samples.labels
    if samples.speakers is not None:
        tensors["speakers"] = samples.speakers
    if samples.sources is not None:
        tensors["sources"] = samples.sources
    return tensors


def build(recipe: Recipe, data: Path) -> Task:
    """The fusion that a recipe of the laboratory trains; `data` holds the corpus's folder."""
    return LaboratoryTask(recipe, data)
