"""Features once: what is stored, under which key, and what the laboratory makes of it."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from insula.channels.face import Face
from insula.channels.sounds import Sounds
from insula.channels.toy import Toy
from insula.channels.voice import Voice
from insula.channels.words import Words
from insula.core.records import Estimate, Observation, Recording
from insula.core.roles import Example
from insula.core.space import EKMAN7, Space
from insula.core.time import Mark, Span
from insula.core.track import Track
from insula.corpora.emobank import EmoBank
from insula.corpora.ferplus import FERPlus
from insula.corpora.goemotions import GoEmotions
from insula.corpora.ravdess import RAVDESS
from insula.errors import (
    ConfigError,
    CorpusError,
    Leak,
    MissingDependency,
    OutputError,
    UnreadableMedia,
)
from insula.learn import features
from insula.learn.feature_content import content_of
from insula.learn.feature_material import columns, material, pooled, read_features
from insula.learn.feature_store import make_store
from insula.learn.features import Observers, extract, read
from insula.learn.recipe import read_recipe
from insula.media.recording import MediaRecording, from_arrays
from insula.testing.samples import sample_analysis
from insula.zoo.card import Learned

CLIPS = 16  # of the fixture: eight of each of two actors


class Counting(Toy):
    """Counts what it observes; `mishap` may spoil one recording."""

    name = "counting"
    seen: list[str] = []
    mishap: Callable[[Recording], None] | None = None

    def observe(self, recording: Recording) -> list[Observation]:
        if Counting.mishap is not None:
            Counting.mishap(recording)
        Counting.seen.append(recording.id)
        return [replace(each, channel=self.name) for each in super().observe(recording)]


@pytest.fixture(autouse=True)
def nothing_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Counting, "seen", [])
    monkeypatch.setattr(Counting, "mishap", None)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "ravdess"
    RAVDESS.make_fixture(folder, groups=2, rng=np.random.default_rng(0))
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def same(one: Track, other: Track) -> bool:
    pairs = [(one.times, other.times), (one.values, other.values), (one.mask, other.mask)]
    return all(np.array_equal(left, right) for left, right in pairs) and (one.names, one.width) == (
        other.names,
        other.width,
    )


def test_what_is_stored_comes_back_as_it_was(store: Path) -> None:
    found = list(sample_analysis().observations)
    said = next(each for each in found if each.channel == "voice")
    assert said.estimate is not None
    track = said.estimate.track
    axes = Track(track.times, np.zeros((len(track), 1)), ("calm",), track.mask, track.width)
    space = Space("mine", ("calm",), "independent", "made up")
    asked = Estimate(space, axes, 0.5, "voice", parts={"a": np.full(len(axes), 0.25)})
    opinion = replace(said.estimate.withholding(0.6), affect=asked)
    found.append(replace(said, estimate=opinion, asked=asked, notes=("one", "two")))
    kept = make_store(store)
    kept.write("abcd", found, {"example": "sample.mp4"})
    again = kept.read("abcd")
    assert len(again) == len(found)
    for one, other in zip(found, again, strict=True):
        assert (one.channel, one.person, one.span, one.notes) == (
            *(other.channel, other.person, other.span),
            other.notes,
        )
        assert one.marks == other.marks
        assert all(same(track, other.tracks[name]) for name, track in one.tracks.items())
        left, right = one.estimate, other.estimate
        while left is not None and right is not None:
            assert (left.space, left.basis, left.person) == (right.space, right.basis, right.person)
            assert same(left.track, right.track)
            assert np.array_equal(left.confidence, right.confidence)
            assert np.array_equal(left.withheld, right.withheld)
            left, right = left.affect, right.affect
        assert left is right is None
    assert again[-1].asked is not None
    assert again[-1].asked.parts["a"].tolist() == [0.25] * len(axes)
    assert again[-1].estimate is not None and again[-1].estimate.withheld.any()


def test_nothing_is_done_twice(clips: Path, store: Path) -> None:
    corpus, told = RAVDESS(clips), []
    first = extract(corpus, [Counting()], store=store, progress=lambda *said: told.append(said))
    assert (first.examples, first.observed, first.kept, first.failures) == (CLIPS, CLIPS, 0, ())
    assert [said[:2] for said in told] == [(done, CLIPS) for done in range(CLIPS + 1)]
    assert told[-1][2] > 0
    again = extract(corpus, [Counting()], store=store)
    assert (again.observed, again.kept) == (0, CLIPS)
    assert len(Counting.seen) == CLIPS
    found = list(read(store, corpus, [Counting()]))
    fresh = [Counting().observe(each.example.recording)[0] for each in found]
    for each, observation in zip(found, fresh, strict=True):
        assert same(
            each.observations["counting"][0].tracks["progress"], observation.tracks["progress"]
        )


def test_only_what_changed_is_observed_anew(tmp_path: Path, store: Path) -> None:
    RAVDESS.make_fixture(tmp_path / "a", groups=1, rng=np.random.default_rng(0))
    corpus = RAVDESS(tmp_path / "a")
    extract(corpus, [Counting()], store=store)
    assert extract(corpus, [Counting("fear")], store=store).observed == 8  # another configuration
    paths = sorted((tmp_path / "a" / "Actor_01").iterdir())
    paths[0].rename(paths[0].with_name("03-01-01-01-02-02-01.flac"))  # another name only
    assert extract(corpus, [Counting()], store=store).observed == 0
    paths[1].write_bytes(paths[2].read_bytes())  # another content, but one that is known
    assert extract(corpus, [Counting()], store=store).observed == 0
    RAVDESS.make_fixture(tmp_path / "b", groups=1, rng=np.random.default_rng(1))
    other = sorted((tmp_path / "b" / "Actor_01").iterdir())[0]
    paths[1].write_bytes(other.read_bytes())
    assert extract(corpus, [Counting()], store=store).observed == 1


def test_a_recording_says_which_file_holds_it(clips: Path) -> None:
    recording = next(iter(RAVDESS(clips))).recording
    assert isinstance(recording, MediaRecording)
    assert recording.file("audio") == clips / "Actor_01" / recording.id
    assert recording.file("video") is None
    in_memory = from_arrays("one", audio=np.zeros(1600))
    assert isinstance(in_memory, MediaRecording)
    assert in_memory.file("audio") is None


def test_content_is_what_can_be_observed() -> None:
    rng = np.random.default_rng(0)
    audio, frames = rng.normal(0, 0.1, 1600), rng.integers(0, 255, (2, 8, 8, 3), dtype=np.uint8)
    given = {"audio": audio, "frames": frames, "frame_times": np.array([0.0, 0.5])}
    given["text"] = [Mark(Span(0, 1), "sentence", "Hello.")]
    whole = content_of(from_arrays("one", **given))
    assert whole == content_of(from_arrays("two", **given))
    darker = frames.copy()
    darker[1, 0, 0, 0] ^= 255
    changes = {
        "audio": audio * 0.5,
        "frames": darker,
        "frame_times": np.array([0.0, 0.25]),
        "text": [Mark(Span(0, 1), "sentence", "Hello!")],
        "span": Span(0, 3),
    }
    found = {content_of(from_arrays("one", **{**given, key: new})) for key, new in changes.items()}
    assert len(found | {whole}) == 1 + len(changes)


def test_a_run_that_was_stopped_goes_on(clips: Path, store: Path) -> None:
    def stop(recording: Recording) -> None:
        if len(Counting.seen) == 5:
            raise KeyboardInterrupt

    Counting.mishap = stop
    with pytest.raises(KeyboardInterrupt):
        extract(RAVDESS(clips), [Counting()], store=store)
    Counting.mishap = None
    done = extract(RAVDESS(clips), [Counting()], store=store)
    assert (done.observed, done.kept) == (CLIPS - 5, 5)
    assert len(Counting.seen) == len(set(Counting.seen)) == CLIPS


def test_a_full_disk_leaves_the_store_usable(
    clips: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if len(Counting.seen) <= 5:
            return write(path, data)
        write(path, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match="No space left on device"):
        extract(RAVDESS(clips), [Counting()], store=store)
    assert len(Counting.seen) == 6
    files = [path for path in store.rglob("*") if path.is_file()]
    assert len(files) == 1 + 5  # half a file is none
    monkeypatch.undo()
    assert extract(RAVDESS(clips), [Counting()], store=store).kept == 5
    assert len(list(read(store, RAVDESS(clips), [Counting()]))) == CLIPS


def test_one_that_fails_is_told_of_and_stops_nobody(clips: Path, store: Path) -> None:
    def spoil(recording: Recording) -> None:
        if recording.id.startswith("03-01-05") and recording.id.endswith("-02.flac"):
            raise RuntimeError("no such luck")

    Counting.mishap = spoil
    done = extract(RAVDESS(clips), [Counting(), Toy()], store=store)
    (failure,) = done.failures
    assert done.observed == 2 * CLIPS - 1
    assert str(failure) == f"counting failed on {failure.example}: RuntimeError: no such luck"
    (note,) = store.glob("*/*.failed.json")
    assert json.loads(note.read_text(encoding="utf-8"))["example"] == failure.example
    found = [set(each.observations) for each in read(store, RAVDESS(clips), [Counting(), Toy()])]
    assert found.count({"toy"}) == 1 and found.count({"counting", "toy"}) == CLIPS - 1
    made = material(RAVDESS(clips), [Counting(), Toy()], store, "actor5")
    assert made.samples.present.sum(dim=0).tolist() == [CLIPS - 1, CLIPS]
    Counting.mishap = None
    assert extract(RAVDESS(clips), [Counting(), Toy()], store=store).observed == 1
    assert not list(store.glob("*/*.failed.json"))


def test_a_file_that_cannot_be_read_stops_nobody(clips: Path, store: Path) -> None:
    class Broken:
        def samples(self, first: int, last: int) -> np.ndarray:
            raise UnreadableMedia("broken.flac", "it is empty", "Copy it again.")

    class Damaged(RAVDESS):
        def __iter__(self) -> Iterator[Example]:
            for number, example in enumerate(super().__iter__()):
                if number == 3:
                    silent = MediaRecording(
                        "broken.flac", Span(0, 1), {"audio": ""}, audio=Broken()
                    )
                    example = replace(example, recording=silent)
                yield example

    done = extract(Damaged(clips), [Toy()], store=store)
    assert (done.examples, done.observed) == (CLIPS, CLIPS - 1)
    assert [str(each) for each in done.failures] == [
        "toy failed on broken.flac: Cannot read 'broken.flac': it is empty. Copy it again."
    ]
    made = material(Damaged(clips), [Toy()], store, "actor5")
    assert made.samples.present[:, 0].tolist() == [True] * 3 + [False] + [True] * 12


@pytest.mark.parametrize("place", ["values", "confidence"])
def test_nan_is_refused_with_its_channel_and_file(
    clips: Path, store: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def observe(self: Toy, recording: Recording) -> list[Observation]:
        values = np.full((1, 7), np.nan if place == "values" else 1 / 7)
        track = Track([recording.span.middle], values, EKMAN7.labels)
        confidence = np.full(1, np.nan if place == "confidence" else 0.5)
        estimate = Estimate(EKMAN7, track, confidence, "toy")
        return [Observation("toy", "", recording.span, estimate=estimate)]

    monkeypatch.setattr(Toy, "observe", observe)
    done = extract(RAVDESS(clips), [Toy()], store=store)
    assert (done.observed, len(done.failures)) == (0, CLIPS)
    assert str(done.failures[0]).startswith(f"toy failed on {done.failures[0].example}: ")
    assert "finite" in done.failures[0].reason


def test_a_channel_that_cannot_observe_says_why(store: Path, clips: Path) -> None:
    done = extract(RAVDESS(clips), [Face()], store=store)
    assert len(done.failures) == CLIPS
    assert done.failures[0].reason.startswith("the recording has no video.")


def test_several_processes_find_the_same(clips: Path, store: Path, tmp_path: Path) -> None:
    done = extract(RAVDESS(clips), [Toy()], store=store, workers=2)
    assert (done.observed, done.failures) == (CLIPS, ())
    extract(RAVDESS(clips), [Toy()], store=tmp_path / "alone")
    names = [sorted(path.name for path in s.glob("*/*")) for s in (store, tmp_path / "alone")]
    assert names[0] == names[1] and len(names[0]) == CLIPS


def test_stores_of_another_version_and_other_folders_are_refused(
    clips: Path, store: Path, tmp_path: Path
) -> None:
    extract(RAVDESS(clips), [Toy()], store=store)
    about = store / "store.json"
    about.write_text(about.read_text().replace("1", "7"))
    with pytest.raises(ConfigError) as raised:
        extract(RAVDESS(clips), [Toy()], store=store)
    assert str(raised.value) == (
        f"The feature store {str(store)!r} is of version 7; this insula reads and writes version "
        f"1. Name another folder, or delete this one and extract again."
    )
    with pytest.raises(ConfigError, match="no feature store"):
        extract(RAVDESS(clips), [Toy()], store=clips)
    with pytest.raises(ConfigError, match="no feature store"):
        next(read(tmp_path / "none", RAVDESS(clips), [Toy()]))


def test_what_is_not_in_the_store_is_said_with_the_command(clips: Path, store: Path) -> None:
    extract(RAVDESS(clips), [Toy()], store=store)
    with pytest.raises(ConfigError) as raised:
        list(read(store, RAVDESS(clips), [Toy(), Counting()]))
    assert "does not hold what 'counting' observes of '03-01-01" in str(raised.value)
    assert f"insula features ravdess --channel toy --channel counting --data {clips}" in str(
        raised.value
    )
    next(store.glob("*/*.parquet")).write_bytes(b"PAR1 and nothing else")
    with pytest.raises(CorpusError, match="Delete it and run"):
        list(read(store, RAVDESS(clips), [Toy()]))


def test_arguments_that_make_no_sense(clips: Path, store: Path) -> None:
    for channels in ([], [Toy(), Toy("fear")]):
        with pytest.raises(ConfigError, match="each name once"):
            extract(RAVDESS(clips), channels, store=store)
    with pytest.raises(ConfigError, match="workers is 0"):
        extract(RAVDESS(clips), [Toy()], store=store, workers=0)


def test_without_pyarrow_there_is_advice(
    clips: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "insula.learn.feature_store")
    with pytest.raises(MissingDependency, match=r"pip install \"insula\[tables\]\""):
        extract(RAVDESS(clips), [Toy()], store=store)


def test_other_weights_are_another_key(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = next(iter(RAVDESS(clips)))
    before = Observers(RAVDESS(clips), [Voice(), Toy()]).keys(example)
    monkeypatch.setattr(features, "checksum", lambda path, algorithm: "other weights")
    after = Observers(RAVDESS(clips), [Voice(), Toy()]).keys(example)
    assert before["voice"] != after["voice"] and before["toy"] == after["toy"]


def test_nets_of_an_ensemble_observe_whom_they_never_met(clips: Path) -> None:
    observers = Observers(RAVDESS(clips), [Voice(), Words()])
    nets = {
        each.groups["speaker"]: observers.channel("voice", each).config()["model"]
        for each in RAVDESS(clips)
    }
    assert nets == {"01": "voice-ravdess#0", "02": "voice-ravdess#1"}
    example = next(iter(RAVDESS(clips)))
    assert observers.channel("words", example) == Words()
    assert len(set(observers.keys(example).values())) == 2


def test_faces_that_are_cut_out_are_read_as_they_are(tmp_path: Path, store: Path) -> None:
    FERPlus.make_fixture(tmp_path / "faces", groups=1, rng=np.random.default_rng(0))
    corpus = FERPlus(tmp_path / "faces")
    assert not extract(corpus, [Face()], store=store).failures
    found = next(read(store, corpus, [Face()])).observations["face"]
    assert len(found) == 1 and found[0].estimate is not None and found[0].quality > 0
    made = material(corpus, [Face()], store)
    assert tuple(made.samples.features["face"].shape) == (16, 1, 8 + 1)
    assert made.part.tolist() == ["train"] * 8 + ["test"] * 8


def test_material_is_features_labels_groups_and_parts(clips: Path, store: Path) -> None:
    extract(RAVDESS(clips), [Toy(quality=0.25)], store=store)
    made = material(RAVDESS(clips), [Toy(quality=0.25)], store, "actor5")
    values = made.samples.features["toy"]
    assert values.shape == (CLIPS, 1, 7 + 1)  # one second, the opinion and its quality
    assert values[0, 0].tolist() == pytest.approx([0.5 / 6] * 6 + [0.5, 0.25])
    assert made.samples.masks["toy"].all()
    assert made.samples.kind == "single" and made.outputs == 8
    assert made.samples.labels.tolist() == list(range(8)) * 2
    assert made.groups.tolist() == ["01"] * 8 + ["02"] * 8
    assert made.part.tolist() == ["test"] * 8 + ["train"] * 8  # the first of five folds
    assert made.learned == (Learned("ravdess", groups=("02",)),)
    made.check("ravdess")


def test_kinds_of_labels_follow_the_space(tmp_path: Path, store: Path) -> None:
    GoEmotions.make_fixture(tmp_path / "go", groups=1, rng=np.random.default_rng(0))
    EmoBank.make_fixture(tmp_path / "bank", groups=1, rng=np.random.default_rng(0))
    comments, ratings = GoEmotions(tmp_path / "go"), EmoBank(tmp_path / "bank")
    for corpus in (comments, ratings):
        extract(corpus, [Toy()], store=store)
    many = material(comments, [Toy()], store, "train-dev").samples
    assert many.kind == "multi" and many.labels[:28].tolist() == np.eye(28).tolist()
    axes = material(ratings, [Toy()], store).samples
    assert axes.kind == "axes" and axes.labels.shape[1] == 3
    expected = [example.truth["vad"].mean() for example in ratings]
    assert axes.labels[0].tolist() in [each.tolist() for each in expected]
    published = material(comments, [Toy()], store)  # the copy has no test part, so dev judges
    assert published.part.tolist() == ["train"] * 28 + ["test"] * 28
    assert published.learned == (Learned("goemotions", "train"),)


def test_no_published_parts_ask_for_a_protocol(clips: Path, store: Path) -> None:
    extract(RAVDESS(clips), [Toy()], store=store)
    with pytest.raises(ConfigError, match=r"no examples for train and test.*actor5, statement2"):
        material(RAVDESS(clips), [Toy()], store)
    with pytest.raises(ConfigError, match=r"the same speaker \(01, 02, ...\)"):
        material(RAVDESS(clips), [Toy()], store, "statement2")


def test_weights_do_not_judge_what_they_learnt_from(tmp_path: Path, store: Path) -> None:
    class Turned(GoEmotions):
        def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
            return [pair[::-1] for pair in super().split(protocol)]

    class Learnt(Toy):
        weights = ("words-goemotions",)

    GoEmotions.make_fixture(tmp_path / "go", groups=1, rng=np.random.default_rng(0))
    extract(GoEmotions(tmp_path / "go"), [Learnt()], store=store)
    material(GoEmotions(tmp_path / "go"), [Learnt()], store, "train-dev")
    with pytest.raises(Leak):
        material(Turned(tmp_path / "go"), [Learnt()], store, "train-dev")


def test_long_tracks_are_pooled_by_the_mean_over_equal_spans() -> None:
    times = np.arange(10) + 0.5
    track = Track(times, np.arange(10.0)[:, None], ("a",), times != 8.5, 1.0)
    (five,) = pooled([track], Span(0, 10), hop=1.0, steps=5)
    assert five.values[:, 0].tolist() == [0.5, 2.5, 4.5, 6.5, 9.0]
    (all_of_it,) = pooled([track], Span(0, 10), hop=1.0, steps=32)
    assert all_of_it.values[:, 0].tolist() == track.values[:, 0].tolist()
    assert all_of_it.mask.tolist() == track.mask.tolist()


def test_columns_are_opinion_affect_quality_and_embedding() -> None:
    span, times = Span(0, 2), np.array([0.5, 1.5])
    opinion = Track(times, np.full((2, 7), 1 / 7), EKMAN7.labels, width=1.0)
    far = Observation("x", "a", span, estimate=Estimate(EKMAN7, opinion, 0.1, "x"))
    near = Observation(
        *("x", "b", span),
        {"embedding": Track(times, np.ones((2, 2)), ("0", "1")), "box": opinion},
        estimate=Estimate(EKMAN7, opinion, 0.9, "x"),
    )
    tracks = columns(Toy(), [far, near], span)
    assert [len(track.names) for track in tracks] == [7, 1, 2]
    assert tracks[1].values[:, 0].tolist() == pytest.approx([0.9, 0.9])
    assert tracks[2].names == ("embedding 0", "embedding 1")
    marks = (Mark(Span(0, 1), "sound", "rain", 0.8), Mark(Span(1, 2), "sound", "dog bark", 0.6))
    (heard,) = columns(Sounds(), [Observation("sounds", "", span, marks=marks)], span)
    assert heard.names == ("dog bark", "rain")
    assert heard.values.tolist() == pytest.approx(np.array([[0, 0.8], [0.6, 0]]), abs=1e-6)
    assert columns(Words(), [Observation("words", "", span, marks=marks)], span) == []


def test_a_recipe_names_its_features(clips: Path, store: Path, tmp_path: Path) -> None:
    extract(RAVDESS(clips), [Toy()], store=store)
    text = (Path(__file__).parents[2] / "recipes/mosi.toml").read_text(encoding="utf-8")
    section = f'channels = ["toy"]\nprotocol = "actor5"\nstore = "{store.as_posix()}"\nsteps = 4\n'
    path = tmp_path / "recipe.toml"
    path.write_text(f"{text}\n[features]\n{section}", encoding="utf-8")
    recipe = read_recipe(path, {"corpora": ["ravdess"]})
    made = read_features(recipe, clips.parent)
    assert made.samples.modalities == ("toy",)
    assert read_features(recipe, clips.parent) is made  # trials of a sweep read it once
