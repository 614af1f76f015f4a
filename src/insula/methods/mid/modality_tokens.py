"""A transformer over the tokens of all modalities at once (`methods.md` F11).

Where it fuses: mid; from its first layer on every token may look at every other.

    tokens of each modality + code of the modality + code of the step, one row behind a summary
    token -> transformer layers, each token asking all that are valid -> the summary -> logits

Sources: the common form of multimodal transformers, such as Kim et al., "ViLT: vision-and-language
transformer without convolution or region supervision", ICML 2021. No number on emotions belongs to
it alone.

What differs here: a missing modality is no token at all, so that leaving it out is exact; the
layers have their norms first.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from insula.methods.batch import Batch, ModelOutput
from insula.methods.description import Method
from insula.methods.encoders import Encoders, Tokens
from insula.methods.mid.attention import JointTransformer

METHOD = Method(
    name="modality-tokens",
    id="F11",
    title="Transformer over modality tokens",
    stage="mid",
    mechanism="transformer",
    modalities=("any",),
    tasks=("classes", "labels", "axes"),
    source="Kim et al., ViLT: vision-and-language transformer, ICML 2021",
    code="insula.methods.mid.modality_tokens:ModalityTokens",
)


class ModalityTokens(nn.Module):
    """Logits from the summary token of one row of tokens.

    widths: modality -> D. outputs: C. layers, heads: of the transformer. hidden: H.
    """

    def __init__(
        self,
        widths: Mapping[str, int],
        outputs: int,
        *,
        layers: int = 2,
        heads: int = 4,
        hidden: int = 64,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.encoders = Encoders(widths, hidden, dropout=dropout, stand_in=False)
        self.together = JointTransformer(
            list(widths), hidden, layers=layers, heads=heads, dropout=dropout
        )
        self.joint = nn.Linear(hidden, outputs)

    def forward(self, batch: Batch) -> ModelOutput:
        """Logits [B, C]; weights "summary" [B, 1 + sum of T], what the summary looks at last."""
        return self.answer(self.encoders(batch))

    def answer(self, tokens: Mapping[str, Tokens]) -> ModelOutput:
        """The same of encoded modalities, all or some of them."""
        row, weights = self.together(tokens)  # [B, N, H], [B, heads, N, N]
        summary = weights[:, :, 0].mean(dim=1)
        return ModelOutput(self.joint(row.values[:, 0]), weights={"summary": summary})
