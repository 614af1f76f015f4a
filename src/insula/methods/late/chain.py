"""Exact inference in a chain of states: total, chances of each state, best path; all in logarithms.

    score of a path = start[s_0] + sum of emission[t, s_t] + sum of transition[s_t-1, s_t]

T steps, C states. inside: [B, T] bool, the steps of the chain: the first, and all up to some last;
what lies behind the last changes nothing.

Source: Rabiner, "A tutorial on hidden Markov models", Proceedings of the IEEE 77, 1989, for all
three.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Chain(NamedTuple):
    """Scores of starts [C], of transitions from row to column [C, C], of emissions [B, T, C]."""

    start: Tensor
    transition: Tensor
    emission: Tensor
    inside: Tensor


def forwards(chain: Chain) -> Tensor:
    """The logarithm of the sum of all paths that end in each state at each step, [B, T, C]."""
    ends = chain.start + chain.emission[:, 0]  # [B, C]
    found = [ends]
    for emission, inside in _later(chain):
        longer = torch.logsumexp(ends.unsqueeze(2) + chain.transition, dim=1) + emission
        ends = longer.where(inside, ends)
        found.append(ends)
    return torch.stack(found, dim=1)


def backwards(chain: Chain) -> Tensor:
    """The same of all continuations from each state at each step, [B, T, C]; 0 at the end."""
    rest = torch.zeros_like(chain.emission[:, 0])  # [B, C]
    found = [rest]
    for emission, inside in reversed(_later(chain)):
        onwards = chain.transition + (emission + rest).unsqueeze(1)  # [B, C, C]
        rest = torch.logsumexp(onwards, dim=2).where(inside, rest)
        found.append(rest)
    return torch.stack(found[::-1], dim=1)


def total(chain: Chain) -> Tensor:
    """The logarithm of the sum over all paths, [B]."""
    return torch.logsumexp(forwards(chain)[:, -1], dim=1)


def chances(chain: Chain) -> Tensor:
    """The logarithm of the probability of each state at each step, [B, T, C]."""
    return (forwards(chain) + backwards(chain)).log_softmax(dim=2)


def path_score(chain: Chain, path: Tensor) -> Tensor:
    """The score of one path a row, [B], from states [B, T]."""
    emitted = chain.emission.gather(2, path.unsqueeze(2)).squeeze(2)  # [B, T]
    moved = chain.transition[path[:, :-1], path[:, 1:]]  # [B, T - 1]
    moved = nn.functional.pad(moved, (1, 0)).where(chain.inside, 0.0)
    return chain.start[path[:, 0]] + emitted.where(chain.inside, 0.0).sum(dim=1) + moved.sum(dim=1)


def best_path(chain: Chain) -> Tensor:
    """The states of the path with the highest score, [B, T]; behind its end the last one again."""
    best = chain.start + chain.emission[:, 0]  # [B, C]
    stay = torch.arange(best.shape[1], device=best.device).expand_as(best)
    origins = []
    for emission, inside in _later(chain):
        score, origin = (best.unsqueeze(2) + chain.transition).max(dim=1)  # [B, C]
        best = (score + emission).where(inside, best)
        origins.append(origin.where(inside, stay))
    state = best.argmax(dim=1, keepdim=True)  # [B, 1]
    found = [state]
    for origin in reversed(origins):
        state = origin.gather(1, state)
        found.append(state)
    return torch.cat(found[::-1], dim=1)


def _later(chain: Chain) -> list[tuple[Tensor, Tensor]]:
    """Emission [B, C] and whether it is inside [B, 1], of every step but the first."""
    inside = chain.inside.unsqueeze(2).unbind(1)[1:]
    return list(zip(chain.emission.unbind(1)[1:], inside, strict=True))
