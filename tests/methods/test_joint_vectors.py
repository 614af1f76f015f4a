"""Mid-level concatenation: encoders see one modality each, the joint net sees all."""

from __future__ import annotations

from collections.abc import Callable

import torch

from insula.methods.batch import Batch
from insula.methods.mid.joint_vectors import JointVectors

H = 8


def test_each_modality_has_weights_of_its_own_in_the_joint_net(
    telling: Callable[[int, int], Batch],
) -> None:
    torch.manual_seed(0)
    net = JointVectors({"audio": 6, "video": 6}, 3, hidden=H).eval()
    batch, other = telling(4, 0), telling(4, 1)
    changed = {name: {**batch.features, name: other.features[name]} for name in batch.features}
    with torch.no_grad():
        net.joint[0].weight[:, H:] = 0  # nothing of the second, "video", gets through
    said = net(batch).values
    alone = net(Batch(changed["video"], batch.masks)).values
    torch.testing.assert_close(alone, said)
    assert not torch.allclose(net(Batch(changed["audio"], batch.masks)).values, said)


def test_the_order_of_modalities_is_a_matter_of_weights(
    telling: Callable[[int, int], Batch],
) -> None:
    torch.manual_seed(0)
    net = JointVectors({"audio": 6, "video": 6}, 3, hidden=H).eval()
    turned = JointVectors({"video": 6, "audio": 6}, 3, hidden=H).eval()
    turned.load_state_dict(net.state_dict())
    with torch.no_grad():
        turned.joint[0].weight.copy_(net.joint[0].weight.roll(H, dims=1))
    batch = telling(4, 0)
    torch.testing.assert_close(turned(batch).values, net(batch).values)
