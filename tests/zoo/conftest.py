"""Small cards and weights, and a server on this machine that behaves as badly as asked."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from insula.zoo import card as card_module

CARD = """\
name = "{name}"
title = "Weights for a test"
tier = "{tier}"
format = "onnx"
channel = "face"
preprocessing = "none"
space = "ekman7"
labels = ["anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"]
trained_on = ["nothing"]
recipe = "recipes/none.toml"
made_by = "nobody"
date = 2026-01-31
verified_here = true
intended_use = "tests"
limits = "no use at all"
{files}

[inputs]
x = "float32 [N,7]"

[outputs]
y = "float32 [N,7]"

[licence]
code = "Apache-2.0"
weights = "{licence}"
data = "none"

[[metrics]]
name = "accuracy"
value = 0.5
low = 0.4
high = 0.6
corpus = "none"
protocol = "none"
n = 10
date = 2026-01-31
"""


def write_card(
    folder: Path,
    content: bytes,
    *,
    name: str = "tiny",
    tier: str = "pulled",
    licence: str = "MIT",
    url: str = "http://127.0.0.1:9/tiny.onnx",
    more: str = "",
) -> Path:
    """A complete card for one file of that content."""
    digest = hashlib.sha256(content).hexdigest()
    files = f'file = "tiny.onnx"\nsize = {len(content)}\nsha256 = "{digest}"\nurl = "{url}"\n{more}'
    path = folder / "card.toml"
    path.write_text(CARD.format(name=name, tier=tier, licence=licence, files=files))
    return path


@pytest.fixture
def content() -> bytes:
    """One megabyte and a bit: several blocks."""
    return np.random.default_rng(0).bytes(1_100_000)


@dataclass
class Server:
    """How it behaves. cut: bytes after which each connection breaks. fail: status to answer."""

    content: bytes
    url: str = ""
    cut: int | None = None
    fail: int | None = None
    failures: int = 1_000_000
    ranges: bool = True
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def server(content: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Serves `content` at any address under `server.url`."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    state = Server(content)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            state.asked.append(asked)
            if state.fail is not None and len(state.asked) <= state.failures:
                return self.send_error(state.fail)
            start = int(asked[len("bytes=") : -1]) if asked and state.ranges else 0
            if start >= len(state.content):
                return self.send_error(416)
            self.send_response(206 if asked and state.ranges else 200)
            self.send_header("Content-Length", str(len(state.content) - start))
            self.end_headers()
            body = state.content[start:]
            self.wfile.write(body if state.cut is None else body[: state.cut])
            return None

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        state.url = f"http://127.0.0.1:{http.server_port}/tiny.onnx"
        yield state
        http.shutdown()
        thread.join()


@pytest.fixture
def built_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server, content: bytes
) -> card_module.Card:
    """A pulled card that counts as insula's own, with an empty cache folder."""
    cards = tmp_path / "cards"
    cards.mkdir()
    monkeypatch.setattr(card_module, "CARDS", cards)
    monkeypatch.setenv("INSULA_HOME", str(tmp_path / "home"))
    return card_module.Card.load(write_card(cards, content, url=server.url))
