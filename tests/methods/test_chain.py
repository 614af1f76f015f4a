"""Chains of states against all paths written out."""

from __future__ import annotations

from itertools import product

import pytest
import torch

from insula.methods.late.chain import Chain, best_path, chances, path_score, total

T, C = 6, 3


@pytest.fixture
def chain() -> Chain:
    """Two chains: of all six steps, and of four."""
    rng = torch.Generator().manual_seed(0)
    start, transition = torch.randn(C, generator=rng), torch.randn(C, C, generator=rng)
    inside = torch.arange(T) < torch.tensor([[T], [4]])
    return Chain(start, transition, torch.randn(2, T, C, generator=rng), inside)


def every_path(chain: Chain, row: int) -> tuple[torch.Tensor, torch.Tensor]:
    """All paths through the inside of one chain, and their scores, added step by step."""
    steps = int(chain.inside[row].sum())
    paths = torch.tensor(list(product(range(C), repeat=steps)))
    scores = []
    for path in paths.tolist():
        score = chain.start[path[0]] + chain.emission[row, 0, path[0]]
        for step in range(1, steps):
            score = score + chain.transition[path[step - 1], path[step]]
            score = score + chain.emission[row, step, path[step]]
        scores.append(score)
    return paths, torch.stack(scores)


@pytest.mark.parametrize("row", [0, 1])
def test_total_chances_and_best_path_are_those_of_all_paths(chain: Chain, row: int) -> None:
    paths, scores = every_path(chain, row)
    steps = paths.shape[1]
    torch.testing.assert_close(total(chain)[row], scores.logsumexp(dim=0))
    assert best_path(chain)[row, :steps].tolist() == paths[scores.argmax()].tolist()
    shares = scores.softmax(dim=0)
    for step in range(steps):
        expected = torch.stack([shares[paths[:, step] == state].sum() for state in range(C)])
        torch.testing.assert_close(chances(chain)[row, step].exp(), expected)
    whole = torch.nn.functional.pad(paths, (0, T - steps))
    one = Chain(*chain[:2], chain.emission[row : row + 1], chain.inside[row : row + 1])
    found = [path_score(one, path[None])[0] for path in whole[::97]]
    torch.testing.assert_close(torch.stack(found), scores[::97])


def test_what_lies_behind_the_end_changes_nothing(chain: Chain) -> None:
    emission = chain.emission.clone()
    emission[1, 4:] = 99
    other = chain._replace(emission=emission)
    torch.testing.assert_close(total(other), total(chain))
    torch.testing.assert_close(chances(other)[1, :4], chances(chain)[1, :4])
    assert best_path(other)[1, :4].tolist() == best_path(chain)[1, :4].tolist()
