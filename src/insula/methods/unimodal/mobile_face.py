"""A MobileNet for grey faces that starts as a net which tells people apart.

Where it fuses: nowhere; it is the face channel's own classifier.

    face -> standardised, enlarged -> stem -> blocks: a 3 x 3 convolution of each channel alone,
    then a 1 x 1 of all channels -> mean over the picture (the embedding) -> dropout -> linear
    -> logits

Sources: Howard et al., "MobileNets: efficient convolutional neural networks for mobile vision
applications", 2017, table 1, of which the last blocks are left out; training to tell people apart
before expressions, and the weights to start from: Savchenko, "Efficient facial representations for
age, gender and identity recognition in organizing photo albums using multi-output ConvNet", PeerJ
Computer Science, 2019; soft targets from ten raters' votes: Barsoum et al., "Training deep networks
for facial expression recognition with crowd-sourced label distribution", ICMI 2016, whose VGG13
reaches 84.7 % on the FER+ test part with the cross-entropy over votes.

What differs here: about an eighth of that VGG13's weights; grey instead of coloured faces, each
standardised, so that light and camera gain change nothing; and the norms, which the published
weights have taken into the convolutions, are put back such that they change nothing at first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

STEM = 32  # channels
WIDTHS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512)  # channels that each block gives
HALVING = (2, 4, 6)  # blocks, counted from 1, that halve the side
# Standard deviation of a standardised face, of 255: that of an ordinary picture, chosen and not
# measured; the norms are set after it.
CONTRAST = 60.0
# Added to the standard deviation of a face's grey values ([0, 1]), so that the noise of a nearly
# flat picture is not blown up to a face.
FLAT_FACE = 0.03


class MobileFace(nn.Module):
    """Logits and an embedding for grey faces.

    side: pixels that every face is brought to. blocks: how many are kept, 1 to 11. dropout: share
    of the embedding dropped in training.
    """

    def __init__(self, *, side: int, blocks: int, dropout: float, classes: int) -> None:
        super().__init__()
        self.side = side
        layers, width = [Convolution(1, STEM, size=3, stride=2)], STEM
        for number, channels in enumerate(WIDTHS[:blocks], start=1):
            stride = 2 if number in HALVING else 1
            layers.append(Convolution(width, width, size=3, stride=stride, groups=width))
            layers.append(Convolution(width, channels, size=1))
            width = channels
        self.layers = nn.Sequential(*layers)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, classes)
        self.to(memory_format=torch.channels_last)

    def forward(self, faces: Tensor) -> tuple[Tensor, Tensor]:
        """faces: [B, 1, S, S] grey in [0, 1]. Returns logits [B, C] and embedding [B, D]."""
        features = self.layers(self._enlarged(faces))  # [B, D, side/16, side/16]
        embedding = features.mean(dim=(2, 3))  # [B, D]
        return self.head(self.dropout(embedding)), embedding

    @torch.no_grad()
    def start(self, arrays: Sequence[tuple[np.ndarray, np.ndarray]], faces: Tensor) -> None:
        """Begin as a trained net, with norms that change nothing of what it says of `faces`.

        arrays: of each layer the kernel [outputs, inputs, size, size] and the shift [outputs]; the
        first reads three colours. faces: [B, 1, S, S] grey in [0, 1], which set the norms.
        """
        features = self._enlarged(faces)
        for number, (layer, (kernel, shift)) in enumerate(zip(self.layers, arrays, strict=False)):
            # A grey picture is the same in all three colours.
            kernel = kernel.sum(axis=1, keepdims=True) if number == 0 else kernel
            features = layer.start(torch.from_numpy(kernel), torch.from_numpy(shift), features)

    def _enlarged(self, faces: Tensor) -> Tensor:
        grey = CONTRAST * standardise(faces)
        large = functional.interpolate(grey, size=self.side, mode="bicubic", align_corners=False)
        return large.contiguous(memory_format=torch.channels_last)  # [B, 1, side, side]


def standardise(faces: Tensor) -> Tensor:
    """Each face with mean 0 and, unless it is nearly flat, standard deviation 1."""
    centred = faces - faces.mean(dim=(2, 3), keepdim=True)
    deviation = centred.square().mean(dim=(2, 3), keepdim=True).sqrt()
    return centred / (deviation + FLAT_FACE)


class Convolution(nn.Module):
    """Convolution, norm and a rectifier that ends at 6."""

    def __init__(
        self, inputs: int, outputs: int, *, size: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        # With stride 2 the published net pads at the right and below alone.
        self.after = (0, 1, 0, 1) if stride == 2 else (0, 0, 0, 0)
        padding = size // 2 if stride == 1 else 0
        self.normed = nn.Sequential(
            nn.Conv2d(inputs, outputs, size, stride, padding, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, features: Tensor) -> Tensor:
        """features: [B, inputs, H, W]. Returns [B, outputs, H/stride, W/stride] in [0, 6]."""
        return functional.relu6(self.normed(functional.pad(features, self.after)))

    def start(self, kernel: Tensor, shift: Tensor, features: Tensor) -> Tensor:
        """Take the kernel and the shift, the norm undoing itself on `features`; what follows."""
        convolution, norm = self.normed
        convolution.weight.copy_(kernel)
        found = convolution(functional.pad(features, self.after))
        mean, variance = found.mean(dim=(0, 2, 3)), found.var(dim=(0, 2, 3))
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.copy_(mean + shift)
        return functional.relu6(found + shift.view(1, -1, 1, 1))
