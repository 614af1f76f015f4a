"""Sequences of different lengths on one grid of steps.

valid tokens, spread evenly over 0..1 -> equal parts of 0..1 -> mean of what lies in each part
"""

from __future__ import annotations

import torch
from torch import Tensor

from insula.methods.encoders import Tokens


def resampled(tokens: Tokens, steps: int) -> Tensor:
    """The valid tokens on `steps` steps, [B, steps, H]; zeros where none is valid.

    Token i of n covers [i/n, (i+1)/n) and counts for a step by how much of it it covers. So n equal
    to `steps` changes nothing, and all modalities of one recording, whatever their rates, agree.
    """
    values, valid = tokens
    count = valid.sum(dim=1)[:, None, None]  # [B, 1, 1]
    rank = (valid.cumsum(dim=1) - 1).unsqueeze(1)  # [B, 1, T], the place among the valid ones
    step = torch.arange(steps, device=values.device)[None, :, None]  # [1, steps, 1]
    # In units of 1 / (n * steps) all borders are whole numbers.
    begin = torch.maximum(rank * steps, step * count)
    end = torch.minimum((rank + 1) * steps, (step + 1) * count)
    overlap = (end - begin).clamp(min=0).where(valid.unsqueeze(1), 0)  # [B, steps, T]
    return torch.einsum("bst,bth->bsh", overlap / count.clamp(min=1), values)
