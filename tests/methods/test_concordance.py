"""The concordance loss: the metric's own numbers, of the batch as a whole."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from insula.errors import ConfigError
from insula.learn.learner import make_methods
from insula.learn.metrics import ccc
from insula.methods.batch import Batch
from insula.methods.early.concatenation import Concatenation
from insula.methods.training.concordance import Concordance, concordance
from insula.methods.training.method import Setting


def setting() -> Setting:
    features = {"audio": torch.randn(4, 1, 3)}
    example = Batch(features, {"audio": torch.ones(4, 1, dtype=torch.bool)}, torch.randn(4, 2))
    net = Concatenation({"audio": 3}, 2, hidden=4)
    return Setting(net, 2, "axes", torch.randn(4, 2), ("valence", "arousal"), example)


def test_it_is_one_less_the_mean_of_the_metric() -> None:
    rng = np.random.default_rng(0)
    truth, said = rng.normal(size=(50, 2)), rng.normal(size=(50, 2))
    said[:, 0] = 0.5 * truth[:, 0] + 0.3  # shrunk and shifted: correlation 1, concordance less
    loss = Concordance(setting()).criterion(torch.from_numpy(said), torch.from_numpy(truth))
    each = [ccc(truth[:, axis], said[:, axis]) for axis in range(2)]
    assert loss.shape == ()
    assert loss.item() == pytest.approx(1 - np.mean(each))
    assert each[0] < 0.95
    assert concordance(torch.from_numpy(truth), torch.from_numpy(truth)).allclose(
        torch.ones(2, dtype=torch.float64)
    )


def test_it_is_finite_where_nothing_varies() -> None:
    values = torch.full((3, 2), 0.2, requires_grad=True)
    loss = Concordance(setting()).criterion(values, torch.full((3, 2), 0.2))
    loss.backward()
    assert loss == 1
    assert values.grad is not None and values.grad.isfinite().all()


def test_a_method_that_chooses_samples_is_refused_beside_it() -> None:
    with pytest.raises(ConfigError, match="co-teaching weighs samples by their losses, and conc"):
        make_methods({"co-teaching": {}, "concordance": {}}, setting())
    assert len(make_methods({"multi-task": {}, "concordance": {}}, setting())) == 2
