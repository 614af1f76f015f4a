"""Running weights: a card's ONNX file in onnxruntime, on the processor."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import onnxruntime

from insula.errors import WeightsError
from insula.zoo.card import Card, find_card
from insula.zoo.store import checksum, weights_path

# Channels run side by side, one thread each; a session that spread over all cores would only take
# them from the other channels.
THREADS = 1

_ERRORS_ONLY = 3  # onnxruntime's scale: 0 verbose, 1 info, 2 warning, 3 error, 4 fatal


class Model:
    """Weights that are loaded and ready: named arrays in, named arrays out.

    which: a card, its name, or a folder that training wrote. Safe to call from several threads.
    """

    _shared: ClassVar[dict[str, Model]] = {}
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, which: str | Path | Card, *, threads: int = THREADS) -> None:
        self.card = find_card(which)
        path = weights_path(self.card)
        self.sha256 = checksum(path, "sha256")
        self._session = open_session(path, threads=threads)
        self._outputs = [output.name for output in self._session.get_outputs()]

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
        return dict(zip(self._outputs, self._session.run(self._outputs, feed), strict=True))


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
