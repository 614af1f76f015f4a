"""Linear judges of voices, fitted in closed form.

    bank of statistics, one-hot answers -> ridge regression -> `LinearJudge`

Gradient descent on a thousand clips hardly moves along the many directions in which statistics
vary little; a solved equation weighs them all. Source: ridge regression onto indicators, Hastie,
Tibshirani and Friedman, "The Elements of Statistical Learning", 2009, sections 3.4.1 and 4.2.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from insula.methods.unimodal.voice_judge import LARGEST, LinearJudge

LEAST_SPREAD = 1e-3  # of a statistic, so that what never varies says nothing


def fit_linear(
    bank: Tensor, answers: np.ndarray, weights: np.ndarray, *, ridge: float
) -> LinearJudge:
    """The linear judge with the least squared error on clips and their changed copies.

    bank: (copies, N, F). answers: (N, A), one-hot. weights: (N,), how often each clip counts, all
    its copies together. ridge: what a squared weight costs, in errors of one clip.
    """
    mean = bank.mean(dim=(0, 1))
    spread = bank.std(dim=(0, 1)) + LEAST_SPREAD
    usual = ((bank - mean) / spread).clamp(-LARGEST, LARGEST).double().flatten(0, 1)
    count = torch.from_numpy(np.tile(weights / len(bank), len(bank))).unsqueeze(1)
    truth = torch.from_numpy(np.tile(answers, (len(bank), 1))).double()
    bias = (count * truth).sum(dim=0) / count.sum()
    gram = usual.T @ (count * usual) + ridge * torch.eye(usual.shape[1], dtype=torch.float64)
    weight = torch.linalg.solve(gram, usual.T @ (count * (truth - bias)))
    return LinearJudge(mean, spread, weight.float(), bias.float())
