"""Prototypes: a class is where its examples are, so that few of them will do (`methods.md` R17).

    representation of the batch -> of each class half the samples are support, half are queries
    -> prototype of a class: mean of its support
    -> a query's class by minus its squared distances to the prototypes; cross-entropy
    loss = the usual one + weight * this

A class that training never saw needs a few examples later (`prototypes`), or only a vector of its
name in a geometry that embeddings share (`shares_by_name`): of words, or valence and arousal.

Sources: Snell et al., "Prototypical networks for few-shot learning", NeurIPS 2017.

What differs here: episodes are cut from the batch as it comes, with as many classes and shots as it
holds, and not drawn as five classes with five shots; a class with one sample sits out. The net
keeps its last layer, and prototypes shape what that decides on.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from insula.methods.description import Method
from insula.methods.training.method import Pass, Setting, TrainingMethod

METHOD = Method(
    name="prototypes",
    id="R17",
    title="Prototypes of few shots",
    stage="training",
    mechanism="few shots",
    modalities=("any",),
    tasks=("classes", "dialogue"),
    source="Snell et al., Prototypical networks for few-shot learning, NeurIPS 2017",
    code="insula.methods.training.prototypes:Prototypes",
)


class Prototypes(TrainingMethod):
    """weight: of the loss of the queries."""

    kinds = ("single",)

    def __init__(self, setting: Setting, *, weight: float = 1.0) -> None:
        super().__init__(setting)
        self.weight = weight
        setting.width("prototypes")  # refuses nets without a representation

    def losses(self, seen: Pass) -> Mapping[str, Tensor]:
        """The cross-entropy of the queries; 0 where no class has two samples."""
        assert seen.representation is not None and seen.batch.labels is not None
        vectors, labels = seen.rows(seen.representation), seen.rows(seen.batch.labels)
        support, queries = episode(labels)
        if not queries.any():
            return {"queries": 0.0 * vectors.sum()}
        classes, middles = prototypes(vectors[support], labels[support])
        distances = torch.cdist(vectors[queries], middles).square()
        place = torch.searchsorted(classes, labels[queries])  # class numbers of the episode
        return {"queries": self.weight * functional.cross_entropy(-distances, place)}


def episode(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Which samples are support and which are queries, at random: [B] bool each.

    labels: [B]. Of each class half are support, rounded down; of one with a single sample none is
    either.
    """
    order = torch.randperm(len(labels), device=labels.device)
    same = labels[order].unsqueeze(0) == labels[order].unsqueeze(1)
    earlier = same.tril(diagonal=-1).sum(dim=1)  # of the same class, before it in that order
    count = same.sum(dim=1)
    support = torch.empty_like(labels, dtype=torch.bool)
    support[order] = earlier < count // 2
    queries = torch.empty_like(support)
    queries[order] = (earlier >= count // 2) & (count > 1)
    return support, queries


def prototypes(vectors: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The classes that occur, [C] rising, and the mean vector of each, [C, D].

    vectors: [N, D]. labels: [N].
    """
    classes, place = labels.unique(return_inverse=True)
    members = functional.one_hot(place, len(classes)).to(vectors.dtype)  # [N, C]
    return classes, members.T @ vectors / members.sum(dim=0).unsqueeze(1)


def shares_by_name(vectors: Tensor, names: Tensor, *, temperature: float = 0.1) -> Tensor:
    """How alike each vector is to the name of each class, as shares: [N, C].

    vectors: [N, D] embeddings. names: [C, D], a vector of each class's name in the same geometry,
    of classes that training saw or did not see. By the cosine.
    """
    units = functional.normalize(vectors, dim=1) @ functional.normalize(names, dim=1).T
    return (units / temperature).softmax(dim=1)
