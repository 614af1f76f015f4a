"""A support vector machine on a weighted sum of kernels, one a modality (`methods.md` F5).

Where it fuses: late by the survey (it works on features too); each modality says how alike two
samples are, and the sum of what they say is all that the machine sees.

    mean of the valid steps of each modality -> z scores -> Gaussian kernel K_m [n, n]
    -> weights b by how well K_m agrees with the labels -> K = sum of b_m K_m -> SVM -> scores

The weights maximise the alignment of the centred K with the centred kernel of the labels, Y Y':
minimise b M b - 2 b a over b >= 0, where M_kl = <K_k, K_l> and a_k = <K_k, Y Y'>, then divide by
the sum.

Sources: Cortes, Mohri and Rostamizadeh, "Algorithms for learning kernels based on centered
alignment", JMLR 13, 2012, proposition 9 for the weights. No number belongs to it alone.

What differs here: more than two classes; between two samples only modalities that both have count,
and K is divided by the roots of its diagonal: it stays positive semidefinite, with ones there.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import nnls
from sklearn.svm import SVC

from insula.errors import ConfigError
from insula.methods import answers
from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method
from insula.methods.early.concatenation import mean_over_steps

METHOD = Method(
    name="multiple-kernels",
    id="F5",
    title="Support vector machine on a sum of kernels",
    stage="late",
    mechanism="kernel",
    modalities=("any",),
    tasks=("classes",),
    source="Cortes et al., Learning kernels based on centered alignment, JMLR 2012",
    code="insula.methods.late.multiple_kernels:MultipleKernels",
)

Matrix = NDArray[np.float64]

NEVER = -1e3  # score of a class that no training sample has
LEAST = 1e-9  # variance, norm or share; nothing is divided by less


class MultipleKernels:
    """Scores of classes from kernels; `fit` before `predict`.

    widths: modality -> D. outputs: C. penalty: of a training sample on the wrong side, the C of
    support vector machines. `weights` holds b after `fit`.
    """

    def __init__(self, widths: Mapping[str, int], outputs: int, *, penalty: float = 1.0) -> None:
        self.modalities = tuple(widths)
        self.outputs = outputs
        self.penalty = penalty

    def fit(self, batch: Batch) -> MultipleKernels:
        """Learn from all training samples at once. They have one class each."""
        if batch.labels is None or batch.kind != "single":
            raise ConfigError("kernels are weighed by labels of one class a sample")
        self._known = samples(batch, self.modalities)
        self._scale = {n: scale_of(x, there) for n, (x, there) in self._known.items()}
        kernels = self._kernels(self._known)
        right = answers.truth(batch.labels, "single", self.outputs).double().cpu().numpy()
        self.weights = aligned(kernels, right)
        self._machine = SVC(C=self.penalty, kernel="precomputed", decision_function_shape="ovr")
        self._machine.fit(self.kernel(batch), batch.labels.cpu().numpy())
        return self

    def predict(self, batch: Batch) -> ModelOutput:
        """Scores [B, C], the greatest of the likeliest class; weights "modality" [B, M]."""
        found = np.asarray(self._machine.decision_function(self.kernel(batch)))
        if found.ndim == 1:  # of two classes it gives one number, for the second
            found = np.stack([-found, found], axis=1)
        values = torch.full((len(batch), self.outputs), NEVER)
        values[:, self._machine.classes_] = torch.from_numpy(found).float()
        shares = torch.from_numpy(self.weights).float().expand(len(batch), -1)
        return ModelOutput(values, weights={"modality": shares})

    def kernel(self, batch: Batch) -> Matrix:
        """How alike samples are to those of `fit`, [B, n]; in [0, 1], and 1 to themselves."""
        new = samples(batch, self.modalities)
        total = np.einsum("m,mbn->bn", self.weights, self._kernels(new))
        return total / np.sqrt(np.outer(self._own(new), self._own(self._known)))

    def _own(self, rows: Samples) -> Matrix:
        """What the sum of kernels is between a sample and itself: the weights of what it has."""
        there = np.stack([there for _, there in rows.values()], axis=1)  # [B, M]
        return np.maximum(there @ self.weights, LEAST)

    def _kernels(self, rows: Samples) -> Matrix:
        """exp(-distance^2 / width) of each modality, 0 where either lacks it: [M, B, n]."""
        found = []
        for name, (values, there) in rows.items():
            known, known_there = self._known[name]
            middle, spread, width = self._scale[name]
            apart = squared_distances((values - middle) / spread, (known - middle) / spread)
            found.append(np.exp(-apart / width) * np.outer(there, known_there))
        return np.stack(found)


Samples = dict[str, tuple[Matrix, NDArray[np.bool_]]]
"""Modality -> features [n, D] and which samples have it [n]."""


def samples(batch: Batch, modalities: tuple[str, ...]) -> Samples:
    """The mean of the valid steps of each modality, and where there is any."""
    return {
        name: (
            mean_over_steps(batch, name).double().cpu().numpy(),
            batch.masks[name].any(dim=1).cpu().numpy(),
        )
        for name in modalities
    }


def scale_of(values: Matrix, there: NDArray[np.bool_]) -> tuple[Matrix, Matrix, float]:
    """Mean and standard deviation of each feature, and the median squared distance after these."""
    present = values[there] if there.any() else values
    middle, spread = present.mean(axis=0), np.maximum(present.std(axis=0), LEAST)
    scaled = (present - middle) / spread
    apart = squared_distances(scaled, scaled)[np.triu_indices(len(scaled), k=1)]
    return middle, spread, max(float(np.median(apart)) if apart.size else 1.0, LEAST)


def squared_distances(rows: Matrix, others: Matrix) -> Matrix:
    """[B, n] from [B, D] and [n, D]."""
    lengths = np.square(rows).sum(axis=1)[:, None] + np.square(others).sum(axis=1)
    return np.maximum(lengths - 2 * rows @ others.T, 0)


def aligned(kernels: Matrix, right: Matrix) -> Matrix:
    """The weights of kernels [M, n, n] that fit one-hot labels [n, C] best: >= 0, their sum 1."""
    flat = np.stack([centred(kernel).ravel() for kernel in kernels], axis=1)  # [n * n, M]
    weights, _ = nnls(flat, centred(right @ right.T).ravel())
    if weights.sum() < LEAST:  # no modality agrees with the labels at all
        return np.full(len(kernels), 1 / len(kernels))
    return weights / weights.sum()


def centred(kernel: Matrix) -> Matrix:
    """The kernel of the same samples after their mean is taken away."""
    return kernel - kernel.mean(axis=0) - kernel.mean(axis=1)[:, None] + kernel.mean()
