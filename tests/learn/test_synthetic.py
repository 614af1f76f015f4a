"""Made-up tasks: what can be reached is what they say, and nothing else tells the class."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import torch
from scipy.stats import chi2_contingency
from sklearn.svm import SVC

from insula.learn.synthetic import (
    correlated_views,
    dominant_pair,
    noisy_annotators,
    right_angled,
    two_domains,
    xor,
)
from insula.methods.batch import Batch

Task = Callable[[int, np.random.Generator], Batch]
TASKS: dict[str, Task] = {
    "xor": xor,
    "dominant_pair": dominant_pair,
    "correlated_views": correlated_views,
    "first domain": lambda count, rng: two_domains(count, rng)[0],
    "second domain": lambda count, rng: two_domains(count, rng)[1],
}
every_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


def made(task: Task, count: int = 2000, seed: int = 0) -> Batch:
    return task(count, np.random.default_rng(seed))


def means(batch: Batch, *modalities: str) -> np.ndarray:
    """Each modality's mean over its valid steps, side by side: (B, D)."""
    rows = []
    for name in modalities or batch.modalities:
        mask = batch.masks[name][:, :, None]
        rows.append(((batch.features[name] * mask).sum(dim=1) / mask.sum(dim=1)).numpy())
    return np.hstack(rows)


def nearest(values: np.ndarray, labels: np.ndarray) -> float:
    """How often the nearest centroid of a class is that of the right one."""
    classes = np.unique(labels)
    centroids = np.stack([values[labels == c].mean(axis=0) for c in classes])
    distance = ((values[:, None] - centroids) ** 2).sum(axis=2)
    return float((classes[distance.argmin(axis=1)] == labels).mean())


def learnt(train: Batch, test: Batch, *modalities: str) -> float:
    """Accuracy of a kernel machine that learns from one batch and is judged on another."""
    net = SVC(C=30).fit(means(train, *modalities), train.labels)
    return float(net.score(means(test, *modalities), test.labels))


@every_task
def test_the_same_seed_gives_the_same_bytes(task: Task) -> None:
    one, same, other = made(task), made(task), made(task, seed=1)
    assert torch.equal(one.labels, same.labels)
    for name, values in one.features.items():
        assert torch.equal(values, same.features[name])
        assert torch.equal(one.masks[name], same.masks[name])
        assert not torch.equal(values, other.features[name])


@every_task
def test_nothing_but_what_is_planted_tells_the_class(task: Task) -> None:
    """Neither where a sample stands nor how long it is; and classes are equally frequent."""
    batch = made(task)
    labels = batch.labels.numpy()
    lengths = [values.numpy() for values in batch.lengths.values()]
    for told in (np.arange(2000) // 200, *lengths):
        if np.unique(told).size > 1:
            rows = [labels[told == each] for each in np.unique(told)]
            table = [np.bincount(row, minlength=labels.max() + 1) for row in rows]
            assert chi2_contingency(table).pvalue > 0.01
    counts = np.bincount(labels)
    assert (np.abs(counts - counts.mean()) < 0.1 * counts.mean()).all()


@every_task
def test_steps_that_hold_nothing_are_zero(task: Task) -> None:
    batch = made(task, 50)
    for name, values in batch.features.items():
        assert (values[~batch.masks[name]] == 0).all()
        assert batch.masks[name].any(dim=1).all()


def test_parity_needs_every_modality() -> None:
    train, test = made(xor, 600), made(xor, seed=1)
    assert learnt(train, test) > 0.99
    for name in train.modalities:
        assert abs(learnt(train, test, name) - 0.5) < 0.05


def test_the_dominant_modality_leaves_a_tenth_to_the_weak_one() -> None:
    train, test = made(dominant_pair), made(dominant_pair, seed=1)
    strong, weak = train.modalities
    assert nearest(means(test, strong), test.labels.numpy()) == pytest.approx(0.9, abs=0.02)
    assert nearest(means(test, weak), test.labels.numpy()) < 0.55  # nothing linear helps
    assert learnt(train, test, weak) > 0.98
    told = means(test, strong) @ right_angled(1, 6, seed=0)[0]
    assert (np.abs(told) > 6).mean() == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("modalities", [("audio",), ("video",), ("audio", "video")])
def test_views_add_up_as_the_formula_says(modalities: tuple[str, ...]) -> None:
    """The nearest centroid is the best classifier here: each class is a quadrant."""
    batch = made(correlated_views, 20_000)
    k, v = len(modalities), 0.25
    best = (1 - np.arccos(np.sqrt(k / (k + v))) / np.pi) ** 2
    assert best == pytest.approx({1: 0.727, 2: 0.795}[k], abs=5e-4)
    values = means(batch, *modalities)
    assert nearest(values, batch.labels.numpy()) == pytest.approx(best, abs=0.01)


def test_canonical_correlations_are_as_stated() -> None:
    batch = made(correlated_views, 20_000)
    white = []
    for name in batch.modalities:
        values = means(batch, name)
        values = values - values.mean(axis=0)
        white.append(np.linalg.qr(values)[0])
    found = np.linalg.svd(white[0].T @ white[1], compute_uv=False)
    assert found[:4] == pytest.approx([1 / 1.25] * 4, abs=0.02)
    assert (found[4:] < 0.05).all()


def test_a_second_domain_is_lost_until_it_is_brought_into_line() -> None:
    source, target = two_domains(600, np.random.default_rng(0))
    again, _ = two_domains(600, np.random.default_rng(1))
    assert learnt(source, again) > 0.99
    assert learnt(source, target) < 0.7
    # Without a label: the line of most spread, its end by the mean, its scale by the spread.
    net = SVC(C=30).fit(aligned(source), source.labels)
    assert net.score(aligned(target), target.labels) > 0.99
    spread = [means(batch, "video").std() for batch in (source, target)]
    assert spread[1] == pytest.approx(2 * spread[0], rel=0.05)


def aligned(batch: Batch) -> np.ndarray:
    """The first modality, and how far the second is along its own main line: (B, D + 1)."""
    values = means(batch, "video")
    line = np.linalg.svd(values - values.mean(axis=0))[2][0]
    along = values @ line * np.sign(values.mean(axis=0) @ line)
    return np.column_stack([means(batch, "audio"), along / along.std()])


def test_annotators_err_as_their_confusions_say() -> None:
    told = noisy_annotators(20_000, np.random.default_rng(0))
    assert told.given.shape == (20_000, 5)
    for column, confusion in enumerate(told.confusions):
        assert confusion.sum(axis=1) == pytest.approx(np.ones(4))
        table = np.zeros((4, 4))
        np.add.at(table, (told.truth, told.given[:, column]), 1)
        assert table / table.sum(axis=1, keepdims=True) == pytest.approx(confusion, abs=0.03)
    assert np.diag(told.confusions[0]) == pytest.approx([0.9] * 4)
    assert told.confusions[4][3, 0] == pytest.approx(0.7)  # hostile: the class after, in a circle
    assert np.diag(told.confusions[4]).max() < 0.25


def test_the_best_guess_from_annotators_is_as_good_as_stated() -> None:
    told = noisy_annotators(20_000, np.random.default_rng(0))
    best = majority = 0.0
    for answers in product(range(4), repeat=5):  # all there can be
        each = np.prod([told.confusions[k][:, c] for k, c in enumerate(answers)], axis=0) / 4
        votes = np.bincount(answers, minlength=4)
        best += each.max()
        majority += each[votes == votes.max()].mean()
    assert (best, majority) == pytest.approx((0.950, 0.824), abs=1e-3)
    assert (told.posterior.argmax(axis=1) == told.truth).mean() == pytest.approx(best, abs=0.01)
    assert told.posterior.sum(axis=1) == pytest.approx(np.ones(20_000))


def test_annotations_are_the_same_for_the_same_seed_and_their_order_says_nothing() -> None:
    one, same = (noisy_annotators(2000, np.random.default_rng(3)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    table = [np.bincount(rows, minlength=4) for rows in one.truth.reshape(10, 200)]
    assert chi2_contingency(table).pvalue > 0.01
