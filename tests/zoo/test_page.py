"""docs/models.md says what the cards say."""

from __future__ import annotations

from pathlib import Path

import pytest

from insula.zoo.card import cards
from insula.zoo.page import models_page

PAGE = Path(__file__).parents[2] / "docs" / "models.md"


def test_every_card_has_its_section() -> None:
    page = models_page()
    for card in cards().values():
        assert f"\n## {card.name}\n" in page
        assert card.limits in page
        assert all((file.sha256 or file.git_blob) in page for file in card.files)


def test_the_page_is_fresh() -> None:
    if not PAGE.is_file():
        pytest.skip("docs/models.md is not in this copy of the project")
    assert PAGE.read_text(encoding="utf-8") == models_page(), (
        "Run: python -m insula.zoo.page docs/models.md"
    )
