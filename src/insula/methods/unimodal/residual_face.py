"""A small residual network for 48 x 48 grey faces.

Where it fuses: nowhere; it is the face channel's own classifier.

    face -> standardise -> stem -> stages of residual blocks -> mean over the picture (the
    embedding) -> dropout -> linear -> logits

Sources: the residual block of He et al., "Deep residual learning for image recognition", CVPR
2016, figure 2 left; weighing of the channels after Hu et al., "Squeeze-and-excitation networks",
CVPR 2018, figure 3; soft targets from ten raters' votes after Barsoum et al., "Training deep
networks for facial expression recognition with crowd-sourced label distribution", ICMI 2016,
whose VGG13 reaches 84.7 % on the FER+ test part with the cross-entropy over votes.

What differs here: about a seventh of that VGG13's weights, and every face is standardised inside
the network, so that light and camera gain change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

# Added to the standard deviation of a face's grey values ([0, 1]), so that the noise of a nearly
# flat picture is not blown up to a face.
FLAT_FACE = 0.03
SQUEEZE = 8  # channels of a block for each one of its bottleneck


class ResidualFace(nn.Module):
    """Logits and an embedding for grey faces.

    stem: channels of the first convolution, 5 x 5, which halves the side.
    stages: channels of each stage; every stage but the first begins by halving the side.
    blocks: residual blocks of each stage.
    dropout: share of the embedding dropped in training.
    """

    def __init__(
        self,
        *,
        stem: int,
        stages: Sequence[int],
        blocks: Sequence[int],
        dropout: float,
        classes: int,
    ) -> None:
        super().__init__()
        self.stem = _convolution(1, stem, stride=2, size=5)
        layers: list[nn.Module] = []
        width = stem
        for stage, (channels, count) in enumerate(zip(stages, blocks, strict=True)):
            for index in range(count):
                halves = stage > 0 and index == 0
                layers.append(ResidualBlock(width, channels, stride=2 if halves else 1))
                width = channels
        self.stages = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, classes)
        self.to(memory_format=torch.channels_last)  # twice as fast on CPUs with matrix tiles

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """faces: [B, 1, S, S] grey in [0, 1]. Returns logits [B, C] and embedding [B, D]."""
        features = self.stem(standardise(faces).contiguous(memory_format=torch.channels_last))
        features = self.stages(functional.relu(features))  # [B, D, S/8, S/8] of three stages
        embedding = features.mean(dim=(2, 3))  # [B, D]
        return self.head(self.dropout(embedding)), embedding


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions, their channels weighed by what all of the picture holds, beside a
    shortcut.
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.first = _convolution(inputs, outputs, stride=stride)
        self.second = _convolution(outputs, outputs, stride=1)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else _convolution(inputs, outputs, stride, size=1)
        self.squeeze = nn.Linear(outputs, outputs // SQUEEZE)
        self.excite = nn.Linear(outputs // SQUEEZE, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """inputs: [B, inputs, H, W]. Returns [B, outputs, H/stride, W/stride]."""
        residual = self.second(functional.relu(self.first(inputs)))
        found = functional.relu(self.squeeze(residual.mean(dim=(2, 3))))  # [B, outputs/SQUEEZE]
        weight = torch.sigmoid(self.excite(found))[:, :, None, None]
        return functional.relu(residual * weight + self.shortcut(inputs))


def standardise(faces: Tensor) -> Tensor:
    """Each face with mean 0 and, unless it is nearly flat, standard deviation 1."""
    centred = faces - faces.mean(dim=(2, 3), keepdim=True)
    deviation = centred.square().mean(dim=(2, 3), keepdim=True).sqrt()
    return centred / (deviation + FLAT_FACE)


def _convolution(inputs: int, outputs: int, stride: int, size: int = 3) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs))
