"""What a corpus has for a fusion of the laboratory: samples, groups, parts.

reader of a corpus -> Material -> the modalities that are used -> standardised
-> conditions: as it is, with every subset of modalities, with each of them turned to noise
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor

from insula.corpora import mosei
from insula.corpora.mosi import PARTS, read_part
from insula.errors import ConfigError, UnknownName
from insula.learn.task import Indices
from insula.methods.batch import Batch
from insula.registry import load_object
from insula.zoo.card import Learned

WHOLE = "all"  # name of the condition in which nothing is missing


@dataclass(frozen=True, eq=False)
class Material:
    """N labelled samples and how they may be used.

    groups: (N,) who must not be in two parts. part: (N,) "train", "development" or "test", as
    published, or "target": samples of the domain of the test part, whose labels nobody learns from.
    Without a development part, some training groups take its place. outputs:
    classes or axes. names: of these; () where the corpus names none. annotations: (N, K) int64,
    what each annotator says, -1 where nothing; None where only the truth is known. learned: what
    of which corpora the training part is made of, for the card; () for the part of that name.
    """

    samples: Batch
    groups: np.ndarray
    part: np.ndarray
    outputs: int
    names: tuple[str, ...] = ()
    annotations: np.ndarray | None = None
    learned: tuple[Learned, ...] = ()

    def check(self, corpus: str) -> None:
        """ConfigError or ContractError where the reader of the corpus is wrong."""
        of_part = {part: set(self.groups[self.part == part]) for part in np.unique(self.part)}
        if any(one & other for one, other in combinations(of_part.values(), 2)):
            raise ConfigError(f"Groups of {corpus} are in two parts. Mend its reader.")
        for part in PARTS:
            if not (self.part == part).any():
                raise ConfigError(
                    f"The part {part!r} of {corpus} is empty. Both parts need samples: get the "
                    f"whole corpus (insula corpora check {corpus})."
                )
        for name, values in self.samples.features.items():
            if not values[self.samples.masks[name]].isfinite().all():
                raise ConfigError(
                    f"Features of {corpus} hold NaN or infinity in the modality {name!r}. Every "
                    f"valid step must be finite: extract them anew, or mask those steps."
                )
        self._check_labels(corpus)

    def _check_labels(self, corpus: str) -> None:
        labels, kind = self.samples.labels, self.samples.kind
        assert labels is not None
        if kind == "single":
            wrong = labels[(labels < 0) | (labels >= self.outputs)]
        elif kind == "axes":
            wrong = labels[~labels.isfinite()]
        else:
            wrong = labels[~((labels >= 0) & (labels <= 1))]
        if wrong.numel():
            allowed = f"numbers of {self.outputs} classes" if kind == "single" else "in [0, 1]"
            raise ConfigError(
                f"{corpus} has the label {wrong[0].item()}, which its space does not hold. Labels "
                f"of kind {kind!r} are {'finite' if kind == 'axes' else allowed}. Mend its reader."
            )

    def take(self, rows: Indices) -> Material:
        """These samples alone."""
        chosen = torch.from_numpy(rows)
        return replace(
            self,
            samples=self.samples.map(lambda values: values[chosen]),
            groups=self.groups[rows],
            part=self.part[rows],
            annotations=None if self.annotations is None else self.annotations[rows],
        )


def using(material: Material, modalities: Sequence[str]) -> Material:
    """The material with these modalities alone; all of them for ()."""
    samples = material.samples
    if unknown := set(modalities) - set(samples.modalities):
        raise UnknownName("modality", min(unknown), samples.modalities)
    names = modalities or samples.modalities
    features = {name: samples.features[name] for name in names}
    masks = {name: samples.masks[name] for name in names}
    return replace(material, samples=replace(samples, features=features, masks=masks))


def standardised(
    samples: Batch, train: Indices
) -> tuple[Batch, dict[str, Tensor], dict[str, Tensor]]:
    """Features with mean 0 and deviation 1 over the valid steps of the training samples."""
    middle, spread, features = {}, {}, {}
    rows = torch.from_numpy(train)
    for name, values in samples.features.items():
        seen = values[rows][samples.masks[name][rows]]  # [steps, D]
        middle[name], deviation = seen.mean(dim=0), seen.std(dim=0)
        spread[name] = torch.where(deviation > 0, deviation, 1.0)
        features[name] = (values - middle[name]) / spread[name]
    return replace(samples, features=features), middle, spread


def conditions(samples: Batch) -> Iterator[tuple[str, Batch]]:
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
    return Material(Batch(features, masks, labels, "axes"), groups, part, 1, names=("sentiment",))


def read_mosei(data: Path) -> Material:
    """CMU-MOSEI: 60 steps an utterance, the six emotions that may be there at once."""
    parts = {"train": "train", "valid": "development", "test": "test"}
    read = [mosei.read_part(data / "mosei", part) for part in parts]
    features = {
        name: torch.from_numpy(np.concatenate([each.features[name] for each in read]))
        for name in read[0].features
    }
    masks = {name: (x != 0).any(dim=2) for name, x in features.items()}  # padding is zeros
    labels = torch.from_numpy(np.concatenate([each.emotions for each in read]))
    groups = np.concatenate([each.videos for each in read])
    part = np.repeat(list(parts.values()), [len(each.keys) for each in read])
    names = mosei.EMOTIONS.labels
    return Material(Batch(features, masks, labels, "multi"), groups, part, len(names), names)


# Corpora whose samples are made for a fusion; of others the features of channels are read.
READERS: Mapping[str, str] = {
    "mosi": "insula.learn.material:read_mosi",
    "mosei": "insula.learn.material:read_mosei",
    "paired": "insula.learn.paired:read_paired",
    "xor": "insula.learn.made_up:PARITY",
    "dominant-pair": "insula.learn.made_up:DOMINANT",
    "correlated-views": "insula.learn.made_up:VIEWS",
    "two-domains": "insula.learn.made_up:two_domains",
    "three-domains": "insula.learn.made_up:three_domains",
    "dialogue": "insula.learn.made_up:DIALOGUE",
    "emotional-inertia": "insula.learn.made_up:INERTIA",
    "planted-segments": "insula.learn.made_up:SEGMENTS",
}


@functools.cache
def read_material(corpus: str, data: Path) -> Material:
    """The material of that corpus, read once a process; `data` holds the corpus's folder."""
    if corpus not in READERS:
        raise UnknownName("corpus of the laboratory", corpus, READERS)
    read = cast(Callable[[Path], Material], load_object(READERS[corpus], needed_by=corpus))
    return read(data)
