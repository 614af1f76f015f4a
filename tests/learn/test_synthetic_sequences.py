"""Made-up dialogues and streams: what context adds is what they say."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby, pairwise

import numpy as np
import pytest
import torch
from scipy.stats import chi2_contingency

from insula.learn.synthetic import right_angled
from insula.learn.synthetic_sequences import (
    CLASSES,
    dialogue,
    emotional_inertia,
    inertia_posterior,
    planted_segments,
)
from insula.methods.batch import Batch

Task = Callable[[int, np.random.Generator], Batch]
TASKS: dict[str, Task] = {
    "dialogue": dialogue,
    "emotional_inertia": emotional_inertia,
    "planted_segments": planted_segments,
}
every_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)


def made(task: Task, count: int = 500, seed: int = 0) -> Batch:
    return task(count, np.random.default_rng(seed))


def valid(batch: Batch) -> np.ndarray:
    return next(iter(batch.masks.values())).numpy()


def side_by_side(batch: Batch) -> np.ndarray:
    """All modalities of a step: (B, T, D)."""
    return torch.cat([*batch.features.values()], dim=2).double().numpy()


def nearest(values: np.ndarray, shows: np.ndarray) -> np.ndarray:
    """The class whose place in `shows`, (C, D), is nearest to each of `values`, (..., D)."""
    return ((values[..., None, :] - shows) ** 2).sum(axis=-1).argmin(axis=-1)


def seen_classes(batch: Batch) -> np.ndarray:
    """What every turn shows by itself, (B, T)."""
    columns = range(len(batch.features))
    shows = np.hstack([right_angled(CLASSES, 6, seed=column) for column in columns])
    return nearest(side_by_side(batch), shows)


@every_task
def test_the_same_seed_gives_the_same_bytes(task: Task) -> None:
    one, same, other = made(task, 20), made(task, 20), made(task, 20, seed=1)
    assert torch.equal(one.labels, same.labels)
    for name, values in one.features.items():
        assert torch.equal(values, same.features[name])
        assert not torch.equal(values, other.features[name])
    assert one.speakers is None or torch.equal(one.speakers, same.speakers)


@every_task
def test_every_step_has_a_label_and_nothing_else_has(task: Task) -> None:
    batch = made(task)
    mask = torch.from_numpy(valid(batch))
    assert batch.labels.shape == mask.shape and batch.labels.dtype == torch.int64
    assert all(torch.equal(each, mask) for each in batch.masks.values())
    assert (batch.labels[~mask] == 0).all() and (~mask).any()
    assert all((values[~mask] == 0).all() for values in batch.features.values())


@every_task
def test_groups_do_not_tell_the_label(task: Task) -> None:
    """Neither which dialogue or stream it is, by tens of them, nor who speaks."""
    batch = made(task)
    mask, labels = valid(batch), batch.labels.numpy()
    if batch.speakers is None:
        # Steps of one segment go together, so whole streams are counted.
        labels = np.array([sum(1 for value, _ in groupby(row) if value) for row in labels])
        tables = [[np.bincount(rows, minlength=4)[1:] for rows in np.array_split(labels, 10)]]
    else:
        # Of emotions that stay, one turn a dialogue counts once; any will do.
        turn = 5
        who = batch.speakers[:, turn].numpy()
        tables = [
            [np.bincount(labels[who == speaker, turn], minlength=CLASSES) for speaker in (0, 1)],
            [np.bincount(rows, minlength=CLASSES) for rows in labels[:, turn].reshape(5, 100)],
        ]
    assert mask[:, 5].all()
    assert all(chi2_contingency(table).pvalue > 0.01 for table in tables)


def test_a_reply_shows_what_the_other_said() -> None:
    batch = made(dialogue)
    mask, labels, speakers = valid(batch), batch.labels.numpy(), batch.speakers.numpy()
    seen = seen_classes(batch)
    answers = np.zeros_like(labels)
    for row in range(len(labels)):
        for turn in range(labels.shape[1]):
            before = np.flatnonzero(speakers[row, :turn] != speakers[row, turn])
            answers[row, turn] = seen[row, before[-1]] if len(before) else 0
    assert (answers == labels)[mask].mean() > 0.99
    assert (seen == labels)[mask].mean() == pytest.approx(1 / CLASSES, abs=0.02)
    assert (labels == 0)[mask].mean() == pytest.approx(0.30, abs=0.01)
    assert (labels == 0)[:, 1:][mask[:, 1:]].mean() == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize(
    ("modalities", "alone", "filtered"), [(("text",), 0.54, 0.69), (("text", "audio"), 0.67, 0.81)]
)
def test_inertia_helps_as_much_as_stated(
    modalities: tuple[str, ...], alone: float, filtered: float
) -> None:
    batch = emotional_inertia(3000, np.random.default_rng(0), modalities=modalities)
    mask, labels = valid(batch), batch.labels.numpy()
    posterior = inertia_posterior(batch).numpy()
    assert (seen_classes(batch) == labels)[mask].mean() == pytest.approx(alone, abs=0.01)
    right = (posterior.argmax(axis=2) == labels)[mask].mean()
    assert right == pytest.approx(filtered, abs=0.01)
    # Whoever knows all knows how sure to be.
    assert right == pytest.approx(posterior.max(axis=2)[mask].mean(), abs=0.01)


def test_emotions_stay_from_own_turn_to_own_turn() -> None:
    batch = made(emotional_inertia, 2000)
    labels, speakers, mask = batch.labels.numpy(), batch.speakers.numpy(), valid(batch)
    pairs = []
    for row in range(len(labels)):
        for speaker in (0, 1):
            own = labels[row, (speakers[row] == speaker) & mask[row]]
            pairs += list(pairwise(own))
    table = np.zeros((CLASSES, CLASSES))
    np.add.at(table, tuple(np.array(pairs).T), 1)
    table /= table.sum(axis=1, keepdims=True)
    expected = np.full((CLASSES, CLASSES), 0.1 / 3) + (0.9 - 0.1 / 3) * np.eye(CLASSES)
    assert table == pytest.approx(expected, abs=0.02)


def test_the_first_turn_is_judged_by_itself() -> None:
    batch = made(emotional_inertia)
    first = inertia_posterior(batch).argmax(dim=2)[:, 0].numpy()
    assert (first == seen_classes(batch)[:, 0]).all()


def test_segments_can_be_found_and_are_apart() -> None:
    batch = made(planted_segments)
    mask, labels = valid(batch), batch.labels.numpy()
    counts, lasting = [], []
    for row, inside in zip(labels, mask, strict=True):
        runs = [(value, len(list(steps))) for value, steps in groupby(row[inside])]
        counts.append(sum(value for value, _ in runs))
        lasting += [steps for value, steps in runs if value]
    assert set(counts) == {1, 2, 3}
    assert (min(lasting), max(lasting)) == (5, 12)
    for count, best in ((1, 0.993), (2, 0.9997)):
        shows = np.hstack([right_angled(1, 6, seed=column) for column in range(count)])
        values = side_by_side(batch)[..., : 6 * count]
        found = nearest(values, np.vstack([np.zeros_like(shows), shows]))
        assert (found == labels)[mask].mean() == pytest.approx(best, abs=2e-3)
