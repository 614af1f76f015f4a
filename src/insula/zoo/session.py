"""Running weights: a card's ONNX file in onnxruntime, on the processor."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import onnxruntime

from insula.errors import WeightsError
from insula.zoo.card import Card, find_card, whole_and_net
from insula.zoo.store import checksum, weights_path

# Channels run side by side, one thread each; a session that spread over all cores would only take
# them from the other channels.
THREADS = 1

# A graph that is an ensemble says beside "probabilities" (N, C) what each of its K nets says alone:
# "fold_probabilities" (N, K, C).
OF_EACH_NET = "fold_"

_ERRORS_ONLY = 3  # onnxruntime's scale: 0 verbose, 1 info, 2 warning, 3 error, 4 fatal


class Model:
    """Weights that are loaded and ready: named arrays in, named arrays out.

    which: a card, its name, or a folder that training wrote. "NAME#2" is net 2 of the ensemble
    NAME, alone: what judges people whom this net never saw. Safe to call from several threads.
    """

    _shared: ClassVar[dict[str, Model]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, which: str | Path | Card, *, threads: int = THREADS) -> None:
        self.card = find_card(which)
        path = weights_path(self.card)
        self.sha256 = checksum(path, "sha256")
        self._session = open_session(path, threads=threads)
        shapes = {output.name: output.shape for output in self._session.get_outputs()}
        self._outputs = list(shapes)
        self._net = None if isinstance(which, Card) else whole_and_net(which)[1]
        nets = min((shapes[OF_EACH_NET + name][1] for name in self._alone()), default=0)
        if self._net is not None and self._net >= nets:
            raise WeightsError(
                f"There are no weights {str(which)!r}: {self.card.name!r} is an ensemble of {nets} "
                f"nets, counted from 0. Leave out what follows the name, or name one of them."
            )

    @classmethod
    def shared(cls, which: str | Path) -> Model:
        """The one model of that name in this process, loaded by the first who asks."""
        with cls._lock:
            if str(which) not in cls._shared:
                cls._shared[str(which)] = cls(which)
            return cls._shared[str(which)]

    def close(self) -> None:
        """Free the session; whoever asks for the shared model next loads it again."""
        with self._lock:
            for name in [name for name, model in self._shared.items() if model is self]:
                del self._shared[name]
        del self._session

    def run(self, **inputs: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        """The outputs by name. inputs: arrays of the types and shapes that the card names."""
        feed = {name: np.ascontiguousarray(value) for name, value in inputs.items()}
        out = dict(zip(self._outputs, self._session.run(self._outputs, feed), strict=True))
        if self._net is not None:
            out |= {name: out[OF_EACH_NET + name][:, self._net] for name in self._alone()}
        return out

    @property
    def notes(self) -> Mapping[str, str]:
        """Texts that travel inside the file, such as the vocabulary of a text model."""
        notes: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        return notes

    def _alone(self) -> list[str]:
        """The outputs that each net of an ensemble also gives alone."""
        return [name for name in self._outputs if OF_EACH_NET + name in self._outputs]


def open_session(path: Path, *, threads: int = THREADS) -> onnxruntime.InferenceSession:
    """A session on the ONNX file at `path`; WeightsError where onnxruntime cannot load it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # It would keep a memory plan for every shape of input, and lengths of speech hardly repeat: an
    # hour of voice peaks at 135 MB without plans, at 160 MB with them, in the same time.
    options.enable_mem_pattern = False
    options.log_severity_level = _ERRORS_ONLY
    try:
        return onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's classes share no public parent
        reason = str(error).strip().splitlines()[0]
        raise WeightsError(
            f"onnxruntime {onnxruntime.__version__} cannot load {str(path)!r}: {reason}. The file "
            f"is not a model it knows; upgrade onnxruntime, or export the model again."
        ) from error
