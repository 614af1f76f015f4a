"""One process or many, on any machine: what the training loop asks of Lightning Fabric.

Each process takes its part of every batch and has a copy of the net; gradients are averaged. Parts
are weighed so that the average is the gradient of the whole batch wherever the loss is a mean over
samples. What looks at several samples at once, such as a batch norm, sees those of its own process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.utilities.exceptions import MisconfigurationException
from torch import nn

from insula.errors import ConfigError
from insula.learn.task import Indices


def make_fabric(
    precision: Literal["32-true", "bf16-mixed"],
    *,
    accelerator: str = "auto",
    devices: int | Literal["auto"] = "auto",
    nodes: int = 1,
) -> Fabric:
    """A Fabric of that many processes: one a device of each node; raises ConfigError.

    devices: "auto" takes every GPU of a machine, or one CPU process where it has none.
    """
    count = devices
    if devices == "auto":
        count = torch.cuda.device_count() if accelerator in ("auto", "cuda", "gpu") else 1
    try:
        return Fabric(
            accelerator=accelerator,
            # Part of a net may get no gradient: a modality that no sample of a batch has.
            strategy="ddp_find_unused_parameters_true" if nodes * int(count) > 1 else "auto",
            devices=devices,
            num_nodes=nodes,
            precision=precision,
        )
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"Cannot train on {devices} devices of kind {accelerator!r} on {nodes} nodes: {error}. "
            f"Ask for devices that each machine has, or leave these options out."
        ) from error


def part_of(indices: Indices, fabric: Fabric) -> tuple[Indices, float]:
    """This process's samples of a batch, and the weight of their loss.

    One that no sample is left for takes part too, or the others would wait for it: weight 0.
    """
    mine = indices[fabric.global_rank :: fabric.world_size]
    weight = len(mine) * fabric.world_size / len(indices)
    return (mine if len(mine) else indices[:1]), weight


def average_gradients(net: nn.Module, fabric: Fabric) -> None:
    """The same gradients in every process, after each has changed its own."""
    if fabric.world_size > 1:
        for weight in net.parameters():
            if weight.grad is not None:
                weight.grad = fabric.all_reduce(weight.grad)


def mean_loss(losses: Sequence[float], fabric: Fabric) -> float:
    """The mean of the weighed losses of all processes."""
    mean = float(np.mean(losses))
    if fabric.world_size > 1:
        mean = float(fabric.all_reduce(torch.tensor(mean, device=fabric.device)))
    return mean
