"""Dusha: manifests as parts, raw rows where they are there, features of mel bands."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from insula.corpora.dusha import DUSHA4, MANIFESTS, PARTS, Dusha, read_features, read_part, read_raw
from insula.errors import (
    ConfigError,
    FilesMissing,
    UnexpectedLayout,
    UnknownName,
    UnreadableMedia,
)
from insula.testing import check_corpus

LARGE = "paper_setups/crowd_large.jsonl"


@pytest.fixture
def corpus(tmp_path: Path) -> Dusha:
    Dusha.make_fixture(tmp_path, groups=2, rng=np.random.default_rng(0))
    return Dusha(tmp_path)


def test_fixture_keeps_the_contract(corpus: Dusha) -> None:
    check_corpus(corpus, groups=["source", "clip"])


def test_labels_stand_in_the_order_of_the_sheet(corpus: Dusha) -> None:
    assert DUSHA4.labels == ("anger", "sadness", "neutral", "happiness")
    said = [e.truth["dusha4"].top(1)[0][0] for e in corpus.part("podcast_large")]
    assert tuple(said) == DUSHA4.labels


def test_the_crowd_is_heard_and_read(corpus: Dusha) -> None:
    example = next(iter(corpus))
    assert example.groups == {
        "clip": "crowd_large0000",
        "split": "crowd_large",
        "origin": "crowd",
        "source": "crowd_large 0",
    }
    (said,) = example.recording.text()
    assert (said.text, said.language, example.person) == ("слово 0", "ru", "crowd_large 0")
    assert np.abs(example.recording.audio()).max() > 0.01


def test_podcasts_are_read_only(corpus: Dusha) -> None:
    example = next(iter(corpus.part("podcast_test")))
    assert list(example.recording.streams) == ["text"]
    assert example.recording.span.end == pytest.approx(0.2)


def test_parts_are_the_manifests(corpus: Dusha) -> None:
    assert [e.groups["split"] for e in corpus] == [part for part in PARTS for _ in range(4)]
    assert corpus.protocols == MANIFESTS
    assert corpus.split("crowd_small") == [(range(8, 12), range(20, 24))]
    assert corpus.split("podcast_large") == [(range(16, 20), range(24, 28))]
    with pytest.raises(ConfigError, match="crowd_unconfident, podcast_large"):
        corpus.split("random")
    with pytest.raises(UnknownName, match="crowd_test"):
        read_part(corpus.root, "crowd_dev")


def test_some_manifests_are_enough(corpus: Dusha) -> None:
    setups = Path(corpus.root) / "paper_setups"
    (setups / "crowd_large.jsonl").unlink()
    assert corpus.split("crowd_small") == [(range(4, 8), range(16, 20))]
    examples = list(corpus)
    assert examples[16].groups["split"] == "crowd_test"
    with pytest.raises(FilesMissing, match=r"lacks 1 .*crowd_large\.jsonl\. Get paper_setups"):
        corpus.split("crowd_large")
    (setups / "test/podcast_test.jsonl").unlink()
    with pytest.raises(FilesMissing, match=r"test/podcast_test\.jsonl"):
        corpus.split("podcast_large")
    assert len(list(Dusha(setups))) == 20  # the folder of the manifests itself, and features
    with pytest.raises(FilesMissing, match="lacks 7 expected files"):
        list(Dusha(setups / "test/nowhere"))


def test_features_are_found_from_the_manifest(corpus: Dusha) -> None:
    for part in ("crowd_large", "podcast_test"):
        [clip, *_] = read_part(corpus.root, part)
        levels = read_features(clip)
        assert (levels.shape, levels.dtype) == ((64, 20), np.float32)
        assert -80 <= levels.min() < levels.max() <= 0


@pytest.mark.parametrize(
    "value", [np.zeros((64, 20)), np.zeros((1, 40, 20)), np.full((1, 64, 2), np.nan)]
)
def test_other_features_are_named(corpus: Dusha, value: np.ndarray) -> None:
    [clip, *_] = read_part(corpus.root, "crowd_large")
    np.save(clip.features, value)
    with pytest.raises(UnexpectedLayout, match=r"crowd_large0000\.npy.*\(1, 64, T\)"):
        read_features(clip)


def test_lacking_and_damaged_features_are_named(corpus: Dusha) -> None:
    [clip, *_] = read_part(corpus.root, "crowd_large")
    clip.features.write_bytes(clip.features.read_bytes()[:-9])
    with pytest.raises(UnexpectedLayout, match=r"crowd_large0000\.npy.*no array"):
        read_features(clip)
    clip.features.unlink()
    with pytest.raises(FilesMissing, match=r"crowd_large0000\.npy"):
        read_features(clip)


def test_votes_of_one_clip_come_together(corpus: Dusha) -> None:
    raw = read_raw(corpus.root, "crowd_train")
    assert len(raw) == 4  # of three rows each
    assert raw["crowd_large0001"].votes == {"a": "sad", "b": "sad", "c": "other"}


def test_raw_rows_with_tabs(corpus: Dusha) -> None:
    path = Path(corpus.root) / "crowd_test/raw_crowd_test.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    before = read_raw(corpus.root, "crowd_test")
    lines = ["\t".join(rows[0])] + ["\t".join(row.values()) for row in rows]
    path.unlink()
    path.with_suffix(".tsv").write_text("\n".join(lines), encoding="utf-8")
    assert read_raw(corpus.root, "crowd_test") == before


def test_without_raw_rows_nobody_knows_the_source(corpus: Dusha) -> None:
    (Path(corpus.root) / "crowd_test/raw_crowd_test.jsonl").unlink()
    example = next(iter(corpus.part("crowd_test")))
    assert "source" not in example.groups and example.person == ""
    assert not example.recording.streams
    assert example.recording.id == "crowd_test0000"


@pytest.mark.parametrize(
    "line",
    [
        "no JSON",
        '{"id": "x", "label": 0}',
        '{"id":"x","tensor":"x.npy","wav_length":1,"label":0,"emotion":"sad"}',
        '{"id":"x","tensor":"x.npy","wav_length":1,"label":4,"emotion":"other"}',
        '{"id":"x","tensor":"x.npy","wav_length":0,"label":0,"emotion":"angry"}',
    ],
)
def test_a_broken_line_is_shown(corpus: Dusha, line: str) -> None:
    path = Path(corpus.root) / LARGE
    path.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(UnexpectedLayout) as error:
        list(corpus)
    assert str(path) in str(error.value)


def test_a_damaged_clip_is_named(corpus: Dusha) -> None:
    (Path(corpus.root) / "crowd_train/wavs/crowd_large0000.wav").write_bytes(b"not sound")
    damaged, *others = corpus
    assert len(others) == 27
    with pytest.raises(UnreadableMedia, match=r"crowd_large0000\.wav"):
        damaged.recording.audio()
