"""Weights: their cards, where they lie, whether they are whole, and how they are run.

    card.py     what is to be known about weights, and the check that it is all there
    store.py    where they lie, and whether they are what the card says
    fetch.py    `insula models pull`
    session.py  running them
    page.py     docs/models.md

Names are loaded when first used: listing cards needs neither onnxruntime nor an HTTP client.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

_HOMES = {
    "Card": "card",
    "cards": "card",
    "find_card": "card",
    "Verification": "store",
    "home": "store",
    "verify": "store",
    "weights_path": "store",
    "pull": "fetch",
    "Model": "session",
    "card_section": "page",
    "models_page": "page",
}

__all__ = [
    "Card",
    "Model",
    "Verification",
    "card_section",
    "cards",
    "find_card",
    "home",
    "models_page",
    "pull",
    "verify",
    "weights_path",
]

if TYPE_CHECKING:
    from insula.zoo.card import Card, cards, find_card
    from insula.zoo.fetch import pull
    from insula.zoo.page import card_section, models_page
    from insula.zoo.session import Model
    from insula.zoo.store import Verification, home, verify, weights_path


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'insula.zoo' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"insula.zoo.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
