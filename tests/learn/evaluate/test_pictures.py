"""Pictures of a verdict: those that its kind has, and readable as PNG."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from insula.core.space import EKMAN7, GOEMOTIONS, VA, Space
from insula.errors import OutputError
from insula.learn.evaluate.judging import judge
from insula.learn.evaluate.matching import match
from insula.learn.evaluate.verdict import Asked, Verdict

ASKED = Asked("made-up", "test", "", ("face",), "", "")


def verdict(space: Space) -> Verdict:
    rng = np.random.default_rng(0)
    truth = (rng.random((40, len(space))) < 0.2).astype(float)
    if space.kind == "exclusive":
        truth = np.eye(len(space))[rng.integers(0, len(space), 40)]
    said = rng.dirichlet(np.ones(len(space)), 40)
    keys = [{"clip": str(row)} for row in range(40)]
    matched = match(space, truth, space, said)
    judged = judge(matched, [k["clip"] for k in keys], keys, rng=rng)
    return Verdict(ASKED, "A made-up corpus", "clip", judged)


@pytest.mark.parametrize(
    ("space", "names"),
    [
        (EKMAN7, {"confusion.png", "reliability.png", "risk-coverage.png"}),
        (GOEMOTIONS, {"labels.png", "reliability.png", "risk-coverage.png"}),
        (VA, set()),
    ],
    ids=lambda value: value.name if isinstance(value, Space) else "",
)
def test_each_kind_has_its_pictures(tmp_path: Path, space: Space, names: set[str]) -> None:
    paths = verdict(space).draw(tmp_path / "new")
    assert {path.name for path in paths} == names
    for path in paths:
        picture = cv2.imread(str(path))
        assert min(picture.shape[:2]) > 400
        assert picture.std() > 10


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"):
        verdict(EKMAN7).draw(tmp_path / "file")
    with pytest.raises(OutputError, match="file"):
        verdict(EKMAN7).save(tmp_path / "file" / "verdict.json")
