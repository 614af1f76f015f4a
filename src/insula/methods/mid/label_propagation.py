"""Labels spread over graphs of alike samples, one graph a modality (`methods.md` F6).

Where it fuses: mid; modalities meet as one graph, before any label is decided.

    mean of the valid steps of each modality -> nearest neighbours -> Laplacian L_m
    -> L = sum of a_m L_m -> F = (I + mu L)^-1 Y -> shares of classes of the unlabelled rows

Y holds the labels of the training samples and, for the others, how frequent classes are in
training. "graph" joins each sample with each of its neighbours; "hypergraph" joins a sample and all
its neighbours by one edge. The rows of L sum to 0, so those of F sum to 1; a sample without any
neighbour keeps what it had.

Sources: Zhou et al., "Learning with local and global consistency", NIPS 2003, for the propagation;
Zhou, Huang and Schoelkopf, "Learning with hypergraphs", NIPS 2006, for the edges of many. No number
belongs to it alone.

What differs here: Laplacians without normalisation, so that shares stay shares; a_m is the more,
the less neighbours in training differ in their labels. What is asked together is decided together:
the graph holds all samples of the batch, so a sample's answer depends on its company.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from insula.errors import ConfigError
from insula.methods import answers
from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method
from insula.methods.early.concatenation import mean_over_steps

METHOD = Method(
    name="label-propagation",
    id="F6",
    title="Label propagation over graphs or hypergraphs",
    stage="mid",
    mechanism="graph",
    modalities=("any",),
    tasks=("classes",),
    source="Zhou et al., Learning with local and global consistency, NIPS 2003",
    code="insula.methods.mid.label_propagation:LabelPropagation",
)

Matrix = NDArray[np.float64]

LEAST = 1e-9  # variance or roughness; nothing is divided by less


class LabelPropagation:
    """Shares of classes for samples that are alike to labelled ones; `fit` before `predict`.

    widths: modality -> D. outputs: C. edges: see above. neighbours: of each sample, in each
    modality. smoothness: mu, how much neighbours should agree.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        outputs: int,
        *,
        edges: Literal["graph", "hypergraph"] = "graph",
        neighbours: int = 10,
        smoothness: float = 1.0,
    ) -> None:
        self.modalities = tuple(widths)
        self.outputs = outputs
        self.edges = edges
        self.neighbours = neighbours
        self.smoothness = smoothness

    def fit(self, batch: Batch) -> LabelPropagation:
        """Remember the training samples and weigh the modalities by them."""
        if batch.labels is None or batch.kind == "axes":
            raise ConfigError("only classes can be propagated, and all training samples have one")
        self._known = self._samples(batch)
        given = answers.truth(batch.labels, batch.kind, self.outputs)
        self._labels = given.double().cpu().numpy()
        roughness = np.array(
            [np.einsum("nc,nk,kc->", self._labels, L, self._labels) for L in self._all(self._known)]
        )
        weights = 1 / np.maximum(roughness, LEAST)
        self.weights = weights / weights.sum()
        return self

    def predict(self, batch: Batch) -> ModelOutput:
        """Logarithms of shares, [B, C]; aux "shares" [n + B, C] of all; weights "modality"."""
        asked = self._samples(batch)
        rows = {name: np.concatenate([self._known[name], asked[name]]) for name in asked}
        prior = np.tile(self._labels.mean(axis=0), (len(batch), 1))
        united = np.einsum("m,mnk->nk", self.weights, np.stack(self._all(rows)))
        shares = propagated(united, np.concatenate([self._labels, prior]), self.smoothness)
        spread = torch.from_numpy(shares).float()
        values = answers.unfinished(spread[-len(batch) :], "single")
        counted = torch.from_numpy(self.weights).float().expand(len(batch), -1)
        return ModelOutput(values, aux={"shares": spread}, weights={"modality": counted})

    def _samples(self, batch: Batch) -> dict[str, Matrix]:
        """Modality -> features [n, D]; not a number where a sample lacks it."""
        found = {}
        for name in self.modalities:
            values = mean_over_steps(batch, name).double().cpu().numpy()
            there = batch.masks[name].any(dim=1).cpu().numpy()
            found[name] = np.where(there[:, None], values, np.nan)
        return found

    def _all(self, rows: Mapping[str, Matrix]) -> list[Matrix]:
        """The Laplacian of each modality, [n, n]."""
        return [laplacian(near(rows[name], self.neighbours), self.edges) for name in rows]


def near(features: Matrix, neighbours: int) -> Matrix:
    """Who is among the nearest of whom: [n, n] of 0 and 1, a row of each sample, not itself.

    Samples without the modality are nobody's neighbours. Features count by their z scores.
    """
    there = ~np.isnan(features).any(axis=1)
    found = np.zeros((len(features), len(features)))
    present = features[there]
    count = min(neighbours, len(present) - 1)
    if count < 1:
        return found
    scaled = (present - present.mean(axis=0)) / np.maximum(present.std(axis=0), LEAST)
    lengths = np.square(scaled).sum(axis=1)
    apart = lengths[:, None] + lengths - 2 * scaled @ scaled.T
    np.fill_diagonal(apart, np.inf)
    nearest = np.argsort(apart, axis=1, kind="stable")[:, :count]
    where = np.flatnonzero(there)
    found[where[:, None], where[nearest]] = 1
    return found


def laplacian(nearest: Matrix, edges: Literal["graph", "hypergraph"]) -> Matrix:
    """Degrees minus ties, [n, n], symmetric; each row sums to 0."""
    if edges == "graph":
        ties = np.maximum(nearest, nearest.T)
    else:
        # One edge a sample that has neighbours: it and all of them, each tied to each by 1 / size.
        members = nearest + np.diag(nearest.any(axis=1).astype(float))  # [edge, sample]
        ties = members.T @ (members / np.maximum(members.sum(axis=1, keepdims=True), 1))
        np.fill_diagonal(ties, 0)
    return np.diag(ties.sum(axis=1)) - ties


def propagated(united: Matrix, given: Matrix, smoothness: float) -> Matrix:
    """(I + mu L)^-1 Y, [n, C]: near what was given, and alike along ties."""
    return np.linalg.solve(np.eye(len(united)) + smoothness * united, given)
