"""insula: what face, voice, words and sounds together say of how someone appears to feel.

    import insula
    analysis = insula.analyze("clip.mp4")
    analysis.people[0].top(3)

Names are loaded when first used, so importing insula loads numpy at most.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HOMES = {
    "Analysis": "core.records",
    "ChannelReport": "core.records",
    "Estimate": "core.records",
    "Frames": "core.records",
    "Observation": "core.records",
    "Recording": "core.records",
    "Channel": "core.roles",
    "Corpus": "core.roles",
    "Example": "core.roles",
    "Fusion": "core.roles",
    "Space": "core.space",
    "bridge": "core.space",
    "get_space": "core.space",
    "reaches": "core.space",
    "Mark": "core.time",
    "Span": "core.time",
    "Track": "core.track",
    "InsulaError": "errors",
    "fusion_named": "config",
    "Pipeline": "pipeline",
    "analyze": "pipeline",
    "presets": "pipeline",
    "open": "media.recording",
    "from_arrays": "media.recording",
    "Card": "zoo.card",
    "open_corpus": "corpora",
    "verify_corpus": "corpora.checking",
    "evaluate": "learn.evaluate",
    "train": "learn.train",
    "load_plugin": "registry",
    "schema": "outputs.document",
    "phrases": "outputs.phrases",
    "registry": "registry",
    "zoo": "zoo",
}

_MODULES = ("phrases", "registry", "zoo")

__all__ = sorted([*_HOMES, "__version__"])

if TYPE_CHECKING:
    from insula import registry, zoo
    from insula.config import fusion_named
    from insula.core.records import (
        Analysis,
        ChannelReport,
        Estimate,
        Frames,
        Observation,
        Recording,
    )
    from insula.core.roles import Channel, Corpus, Example, Fusion
    from insula.core.space import Space, bridge, get_space, reaches
    from insula.core.time import Mark, Span
    from insula.core.track import Track
    from insula.corpora import open_corpus
    from insula.corpora.checking import verify_corpus
    from insula.errors import InsulaError
    from insula.learn.evaluate import evaluate
    from insula.learn.train import train
    from insula.media.recording import from_arrays, open
    from insula.outputs import phrases
    from insula.outputs.document import schema
    from insula.pipeline import Pipeline, analyze, presets
    from insula.registry import load_plugin
    from insula.zoo.card import Card


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'insula' has no attribute {name!r}")
    home = importlib.import_module(f"insula.{_HOMES[name]}")
    value = home if name in _MODULES else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
