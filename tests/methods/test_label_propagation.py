"""Labels over graphs: shares stay shares, who has no neighbour keeps the prior."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch

from insula.errors import ConfigError
from insula.methods.batch import Batch
from insula.methods.mid.label_propagation import LabelPropagation, laplacian, near, propagated

WIDTHS = {"audio": 6, "video": 6}
Edges = Literal["graph", "hypergraph"]
Telling = Callable[[int, int], Batch]

every_kind = pytest.mark.parametrize("edges", ["graph", "hypergraph"])


@every_kind
def test_labels_reach_those_who_are_alike(telling: Telling, edges: Edges) -> None:
    net, new = LabelPropagation(WIDTHS, 2, edges=edges).fit(telling(80, 0)), telling(40, 1)
    output = net.predict(new)
    assert (output.values.argmax(dim=1) == new.labels).float().mean() > 0.95
    torch.testing.assert_close(output.aux["shares"].sum(dim=1), torch.ones(120))
    torch.testing.assert_close(output.values.exp().sum(dim=1), torch.ones(40))
    assert output.aux["shares"].min() >= 0
    audio, video = net.weights
    assert audio > 1.5 * video and audio + video == pytest.approx(1)


@every_kind
def test_who_has_no_neighbour_keeps_what_it_had(telling: Telling, edges: Edges) -> None:
    train = telling(30, 0)
    net = LabelPropagation(WIDTHS, 2, edges=edges).fit(train)
    nothing = telling(3, 1).without(*WIDTHS)
    prior = torch.bincount(train.labels, minlength=2) / 30
    torch.testing.assert_close(net.predict(nothing).values.exp(), prior.expand(3, 2))
    one_left = telling(3, 1).without("video")
    assert not torch.allclose(net.predict(one_left).values.exp(), prior.expand(3, 2), atol=0.05)


@every_kind
def test_a_laplacian_is_symmetric_and_its_rows_sum_to_zero(edges: Edges) -> None:
    features = np.random.default_rng(0).normal(size=(20, 3))
    features[4] = np.nan
    found = laplacian(near(features, 3), edges)
    np.testing.assert_allclose(found, found.T)
    np.testing.assert_allclose(found.sum(axis=1), 0, atol=1e-12)
    assert np.linalg.eigvalsh(found).min() > -1e-9
    assert not found[4].any() and not found[:, 4].any()


def test_an_edge_of_many_ties_all_its_members() -> None:
    nearest = np.zeros((4, 4))
    nearest[0, [1, 2]] = 1  # one edge: 0, 1 and 2; of a graph: 0-1 and 0-2
    assert laplacian(nearest, "graph")[1, 2] == 0
    assert laplacian(nearest, "hypergraph")[1, 2] == pytest.approx(-1 / 3)


def test_propagation_of_two_who_are_tied_by_hand() -> None:
    united = laplacian(np.array([[0.0, 1], [1, 0]]), "graph")
    found = propagated(united, np.array([[1.0, 0], [0.5, 0.5]]), smoothness=1.0)
    np.testing.assert_allclose(found, [[5 / 6, 1 / 6], [2 / 3, 1 / 3]])


def test_what_cannot_be_propagated_is_refused(telling: Telling) -> None:
    with pytest.raises(ConfigError, match="only classes"):
        LabelPropagation(WIDTHS, 2).fit(replace(telling(4, 0), kind="axes"))
