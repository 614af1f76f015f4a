"""Training a fusion of the laboratory: any net of `methods` on samples of several modalities.

    reader of a corpus -> Material: samples, groups, parts -> net of the recipe -> numbers on the
    test part: with all modalities, with every subset of them, with each of them turned to noise

A part of the training groups is kept as development part: it says which epoch was best. The test
part is judged once, at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from insula.corpora.mosi import PARTS, read_part
from insula.errors import ConfigError, UnknownName
from insula.learn.export import export_onnx
from insula.learn.metrics import accuracy, ccc, f1_weighted, pcc, uar
from insula.learn.recipe import Recipe
from insula.learn.report import measured
from insula.learn.synthetic import xor
from insula.learn.task import Batch, Calibration, Fold, Indices, Predictions, Report, Task
from insula.methods.batch import Batch as Samples
from insula.methods.batch import Kind
from insula.zoo.card import Learned

AT_ONCE = 512  # samples of a prediction
WHOLE = "all"  # name of the condition in which nothing is missing
SYNTHETIC = 1000  # samples of a made-up task


@dataclass(frozen=True, eq=False)
class Material:
    """What a corpus has for a fusion.

    samples: N of them, labelled. groups: (N,) who must not be in two parts. part: (N,) "train" or
    "test", as published. outputs: classes or axes.
    """

    samples: Samples
    groups: np.ndarray
    part: np.ndarray
    outputs: int


@dataclass(frozen=True)
class Learning:
    """The section [learning] of a recipe."""

    loss: Literal["cross-entropy", "absolute", "squared"]
    """Of classes the first; of axes the mean absolute or squared error."""
    modalities: tuple[str, ...]
    """Those that are used; () for all."""
    development: float
    """Share of the training groups that says which epoch was best."""
    absent: float
    """Chance that a modality of a training sample is left out (`methods.md` R19)."""
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
        self.kind: Kind = self.material.samples.kind
        if (self.kind == "axes") == (self.learning.loss == "cross-entropy"):
            raise ConfigError(
                f"The loss {self.learning.loss!r} does not fit {corpus}, whose labels are "
                f"{self.kind!r}. Set learning.loss to 'cross-entropy' for classes, to 'absolute' "
                f"or 'squared' for axes."
            )
        rng = np.random.default_rng(recipe.seed)
        train, development, test = self._parts(rng)
        self.folds = (Fold("all", train, np.concatenate([development, test])),)
        self.judging = np.isin(np.arange(len(self.material.part)), test)
        self.samples, self.middle, self.spread = standardised(self.material.samples, train)
        if self.learning.control == "labels":
            shuffled = self.samples.labels[torch.from_numpy(rng.permutation(len(self.samples)))]
            self.samples = replace(self.samples, labels=shuffled)
        self.metric = "pcc" if self.kind == "axes" else "uar"
        self.learned = (Learned(corpus, "train"),)
        widths = self._widths()
        self.inputs = {name: f"float32 [N,T,{width}]" for name, width in widths.items()}
        self.inputs |= {f"{name}_valid": "bool [N,T]" for name in widths}
        self.outputs = {"values": f"float32 [N,{self.material.outputs}]"}

    def make_net(self) -> nn.Module:
        net = self.recipe.make_net(widths=self._widths(), outputs=self.material.outputs)
        return OnTensors(net, self.samples.modalities, self.kind)

    def batch(self, indices: Indices, rng: np.random.Generator) -> Batch:
        chosen = self._take(indices)
        if self.learning.absent:
            kept = rng.random((len(chosen), len(chosen.modalities))) >= self.learning.absent
            for column, name in enumerate(chosen.modalities):
                chosen.masks[name][~kept[:, column]] = False
        return flat(chosen)

    def loss(self, net: nn.Module, batch: Batch) -> Tensor:
        values, further = net(batch)
        labels = batch["labels"]
        if self.learning.loss == "cross-entropy":
            return functional.cross_entropy(values, labels) + further
        if self.learning.loss == "absolute":
            return functional.l1_loss(values, labels) + further
        return functional.mse_loss(values, labels) + further

    def predict(self, net: nn.Module, indices: Indices) -> Predictions:
        """What it says in each condition, "values CONDITION" (N, C), and the truth."""
        said: dict[str, list[np.ndarray]] = {}
        for start in range(0, len(indices), AT_ONCE):
            chosen = self._take(indices[start : start + AT_ONCE])
            for condition, changed in conditions(chosen):
                values, _ = net(flat(changed))
                values = values.float().cpu().numpy()
                said.setdefault(f"values {condition}", []).append(values)
        return {
            **{name: np.concatenate(values) for name, values in said.items()},
            "labels": self.samples.labels[torch.from_numpy(indices)].numpy(),
            "groups": self.material.groups[indices],
            "judging": self.judging[indices],
        }

    def score(self, predictions: Predictions) -> Mapping[str, float]:
        """On the development part."""
        return self.measures(predictions, WHOLE, ~predictions["judging"])

    def report(self, predictions: Predictions, rng: np.random.Generator) -> Report:
        """On the test part, a line a metric and condition, intervals over groups."""
        judged = {name: values[predictions["judging"]] for name, values in predictions.items()}
        lines = []
        corpus = self.recipe.corpora[0]
        for name in judged:
            if not name.startswith("values "):
                continue
            condition = name.removeprefix("values ")
            kinds = self.measures(judged, condition, np.ones(len(judged["labels"]), bool))
            measures = {
                kind: lambda rows, kind=kind, condition=condition: self.measures(
                    judged, condition, rows
                )[kind]
                for kind in kinds
            }
            lines += measured(measures, judged["groups"], rng, corpus=corpus, protocol=condition)
        return Report(lines)

    def export(self, nets: Sequence[nn.Module], calibration: Calibration, path: Path) -> None:
        (net,) = nets
        example = self._take(self.folds[0].train[:3])
        inputs = {**example.features}
        inputs |= {f"{name}_valid": mask for name, mask in example.masks.items()}
        axes = {name: {0: "N"} for name in inputs}
        shipped = Shipped(net.net, example.modalities, self.middle, self.spread)
        export_onnx(shipped, inputs, tuple(self.outputs), path, dynamic=axes)

    def _parts(self, rng: np.random.Generator) -> tuple[Indices, Indices, Indices]:
        """Numbers of the samples to learn from, to choose by, and to judge by."""
        groups, part = self.material.groups, self.material.part
        known = np.unique(groups[part == "train"])
        count = max(1, round(self.learning.development * len(known)))
        kept = np.isin(groups, rng.choice(known, count, replace=False)) & (part == "train")
        if set(groups[part == "train"]) & set(groups[part == "test"]):
            raise ConfigError(
                f"Groups of {self.recipe.corpora[0]} are in two parts. Mend its reader."
            )
        return tuple(
            np.flatnonzero(rows) for rows in ((part == "train") & ~kept, kept, part == "test")
        )

    def _widths(self) -> dict[str, int]:
        return {name: x.shape[2] for name, x in self.material.samples.features.items()}

    def _take(self, indices: Indices) -> Samples:
        rows = torch.from_numpy(indices)
        return self.samples.map(lambda values: values[rows])

    def measures(
        self, predictions: Predictions, condition: str, rows: np.ndarray
    ) -> dict[str, float]:
        """The metrics of these rows, (N,) numbers or bool, in one condition of `conditions`."""
        said, truth = predictions[f"values {condition}"][rows], predictions["labels"][rows]
        if self.kind == "single":
            top = said.argmax(axis=1)
            return {"accuracy": accuracy(truth, top), "uar": uar(truth, top)}
        said, truth = said[:, 0], truth[:, 0]
        clear = truth != 0
        signs = (truth[clear] > 0).astype(int), (said[clear] > 0).astype(int)
        return {
            "mae": float(np.abs(truth - said).mean()),
            "pcc": pcc(truth, said),
            "ccc": ccc(truth, said),
            "accuracy": accuracy(*signs),
            "f1_weighted": f1_weighted(*signs),
        }


def using(material: Material, modalities: Sequence[str]) -> Material:
    """The material with these modalities alone; all of them for ()."""
    samples = material.samples
    if unknown := set(modalities) - set(samples.modalities):
        raise UnknownName("modality", min(unknown), samples.modalities)
    names = modalities or samples.modalities
    features = {name: samples.features[name] for name in names}
    masks = {name: samples.masks[name] for name in names}
    return replace(material, samples=replace(samples, features=features, masks=masks))


class OnTensors(nn.Module):
    """A net of the laboratory on the flat batches of the training loop.

    Lightning Fabric looks into what nets take and give, and refuses frozen dataclasses there. Only
    a net that learns is shown labels.
    """

    def __init__(self, net: nn.Module, modalities: Sequence[str], kind: Kind) -> None:
        super().__init__()
        self.net, self.modalities, self.kind = net, tuple(modalities), kind

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Values [B, C] and the sum of the net's further losses."""
        features = {name: batch[f"features {name}"] for name in self.modalities}
        masks = {name: batch[f"masks {name}"] for name in self.modalities}
        labels = batch["labels"] if self.training else None
        output = self.net(Samples(features, masks, labels, self.kind))
        return output.values, sum(output.losses.values(), output.values.new_zeros(()))


class Shipped(nn.Module):
    """The net with its standardisation, on the features and then the masks of each modality."""

    def __init__(
        self,
        net: nn.Module,
        modalities: Sequence[str],
        middle: Mapping[str, Tensor],
        spread: Mapping[str, Tensor],
    ) -> None:
        super().__init__()
        self.net, self.modalities = net, tuple(modalities)
        for name in modalities:
            self.register_buffer(f"middle_{name}", middle[name])
            self.register_buffer(f"spread_{name}", spread[name])

    def forward(self, *tensors: Tensor) -> Tensor:
        count = len(self.modalities)
        features, masks = tensors[:count], tensors[count:]
        changed = {
            name: (values - getattr(self, f"middle_{name}")) / getattr(self, f"spread_{name}")
            for name, values in zip(self.modalities, features, strict=True)
        }
        return self.net(Samples(changed, dict(zip(self.modalities, masks, strict=True)))).values


def conditions(samples: Samples) -> Iterator[tuple[str, Samples]]:
    """The samples as they are, with every subset of modalities, and each turned to noise."""
    names = samples.modalities
    yield WHOLE, samples
    for size in range(1, len(names)):
        for chosen in combinations(names, size):
            missing = [name for name in names if name not in chosen]
            yield f"only {' + '.join(chosen)}", samples.without(*missing)
    for name in names:
        # Drawn anew from the same numbers each time, so that nothing depends on what came before.
        noise = torch.randn(
            samples.features[name].shape, generator=torch.Generator().manual_seed(0)
        )
        yield f"{name} is noise", replace(samples, features={**samples.features, name: noise})


def standardised(
    samples: Samples, train: Indices
) -> tuple[Samples, dict[str, Tensor], dict[str, Tensor]]:
    """Features with mean 0 and deviation 1 over the valid steps of the training samples."""
    middle, spread, features = {}, {}, {}
    rows = torch.from_numpy(train)
    for name, values in samples.features.items():
        seen = values[rows][samples.masks[name][rows]]  # [steps, D]
        middle[name], deviation = seen.mean(dim=0), seen.std(dim=0)
        spread[name] = torch.where(deviation > 0, deviation, 1.0)
        features[name] = (values - middle[name]) / spread[name]
    return replace(samples, features=features), middle, spread


def flat(samples: Samples) -> Batch:
    """The tensors of the samples under names of their own, as the training loop moves them."""
    tensors = {f"features {name}": values for name, values in samples.features.items()}
    tensors |= {f"masks {name}": mask for name, mask in samples.masks.items()}
    return {**tensors, "labels": samples.labels}


def read_mosi(data: Path) -> Material:
    """CMU-MOSI: one step an utterance, its sentiment as an axis."""
    parts = [read_part(data / "mosi", part) for part in PARTS]
    features = {
        name: torch.from_numpy(np.concatenate([part.features[name] for part in parts]))[:, None]
        for name in parts[0].features
    }
    masks = {name: torch.ones(x.shape[:2], dtype=torch.bool) for name, x in features.items()}
    labels = torch.from_numpy(np.concatenate([part.sentiment for part in parts]))[:, None]
    groups = np.array([video for part in parts for video in part.videos])
    part = np.repeat(PARTS, [len(each.keys) for each in parts])
    return Material(Samples(features, masks, labels, "axes"), groups, part, 1)


def read_xor(data: Path) -> Material:
    """Made up: the parity of three modalities. Reads nothing from `data`."""
    samples = xor(SYNTHETIC, np.random.default_rng(0), modalities=("text", "audio", "video"))
    part = np.repeat(PARTS, SYNTHETIC // 2)
    return Material(samples, np.arange(SYNTHETIC), part, 2)


READERS: Mapping[str, Callable[[Path], Material]] = {"mosi": read_mosi, "xor": read_xor}


def build(recipe: Recipe, data: Path) -> Task:
    """The fusion that a recipe of the laboratory trains; `data` holds the corpus's folder."""
    return LaboratoryTask(recipe, data)
