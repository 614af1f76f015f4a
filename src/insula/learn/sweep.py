"""Which settings of a recipe are best: a search over what its section [sweep] names.

    [sweep]
    optimiser.learning_rate = { low = 1e-4, high = 1e-2, log = true }     a range
    net.hidden = [32, 64, 128]                                            a choice

    choose settings -> train, as a trial -> the task's metric in its log -> choose better ones
    OUT: study.db (all trials), trial-1/ trial-2/ ..., best.toml, best/ (the best, trained to ship)

The metric is that of `Task.judge`: in the laboratory of a part that is kept for choosing, elsewhere
of the part that judges, after which the best must be judged on other samples.
Optuna chooses, by its tree-structured Parzen estimator (Bergstra and others, "Algorithms for
Hyper-Parameter Optimization", NIPS 2011).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias, cast

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from insula.errors import ConfigError, OutputError
from insula.learn.checkpoint import SWEEP, check_same, write_whole
from insula.learn.machines import make_fabric
from insula.learn.optimiser import Optimiser, best_of
from insula.learn.recipe import Recipe, Value, read_recipe
from insula.learn.run import Steps
from insula.learn.train import learn, train

Row: TypeAlias = "dict[str, object]"
"""A trial: its number, the settings, and its metric or why it failed."""

RANGE = ("low", "high", "log")  # keys of a range; `log` may be left out
DIGITS = 4  # of numbers in a row


def sweep(
    recipe: Path,
    *,
    data: Path,
    out: Path,
    trials: int,
    timeout: float | None = None,
    seed: int = 0,
    progress: Callable[[Mapping[str, object]], None] | None = None,
    steps: Steps | None = None,
) -> list[Row]:
    """Search until there are so many trials, train the best into out/best; all of them, best first.

    A sweep that was stopped goes on where it was, in the middle of a trial too. timeout: seconds
    after which no new trial begins. seed: of the choice of settings. progress: told of every trial.
    steps: told of every step. Raises ConfigError for a recipe without [sweep], for a setting that
    it has not, and where no trial came to a result.
    """
    plan, began = read_recipe(recipe), time.monotonic()
    space = search_space(plan)
    if (out / "recipe.toml").is_file():
        check_same(out / "recipe.toml", plan, advice="name another folder")
    write_whole(out / "recipe.toml", plan.to_toml().encode())
    with _opened(out / "study.db", plan.name) as study:
        while (ended := len(_ended(study))) < trials:
            # A sampler of its own for each trial, so that a sweep that goes on repeats none.
            study.sampler = optuna.samplers.TPESampler(seed=seed + ended)
            number, settings = _next(study, space)
            folder = out / f"trial-{number + 1}"
            try:
                value = _tried(read_recipe(recipe, settings), data, folder, steps)
            except (ValueError, RuntimeError) as error:
                # Settings that do not go together, or that this machine cannot hold.
                write_whole(folder / "failed.txt", f"{error}\n".encode())
                value = math.nan
            if math.isfinite(value):
                study.tell(number, value)
            else:
                study.tell(number, state=TrialState.FAIL)
            if progress is not None:
                progress(_row(study.trials[number], out))
            if timeout is not None and time.monotonic() - began > timeout:
                break
        found = sorted(_ended(study), key=_rank)
    best = found[0]
    if best.value is None:
        raise ConfigError(
            f"No trial of {str(out)!r} came to a result; {_row(best, out)}. Mend what [sweep] "
            f"allows, and name another folder."
        )
    settings = dict(best.params)
    write_whole(out / "best.toml", read_recipe(recipe, settings).to_toml().encode())
    _ship_best(recipe, settings, data, out, steps)
    return [_row(each, out) for each in found]


def search_space(plan: Recipe) -> dict[str, BaseDistribution]:
    """What [sweep] allows, by the name of the setting; raises ConfigError for what makes no sense.

    A list is a choice. A table with low and high is a range, of whole numbers where both are;
    with log = true, a tenth is as likely as a tenth of that.
    """
    space = {}
    for key, allowed in _searched(plan.sections.get(SWEEP, {})):
        read_recipe(plan.path, {key: allowed})  # raises where there is no such setting
        try:
            space[key] = _distribution(allowed)
        except (ValueError, TypeError) as error:
            raise ConfigError(
                f"[sweep] of the recipe {plan.name!r} does not say what {key!r} may be: {error}. "
                f"Give a range, {{ low = 1e-4, high = 1e-2, log = true }}, or a list of choices."
            ) from error
    if not space:
        raise ConfigError(
            f"The recipe {plan.name!r} names no settings to search. Give it a section [sweep] with "
            f"lines such as: optimiser.learning_rate = {{ low = 1e-4, high = 1e-2, log = true }}."
        )
    return space


def _searched(table: Mapping[str, Value], prefix: str = "") -> Iterator[tuple[str, Value]]:
    for key, value in table.items():
        if isinstance(value, Mapping) and not value.keys() & set(RANGE):
            yield from _searched(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _distribution(allowed: Value) -> BaseDistribution:
    if isinstance(allowed, Mapping):
        if not {"low", "high"} <= allowed.keys() <= set(RANGE):
            raise ValueError(f"a range has low, high and log, not {', '.join(allowed)}")
        low, high, log = allowed["low"], allowed["high"], bool(allowed.get("log", False))
        if isinstance(low, int) and isinstance(high, int):
            return IntDistribution(low, high, log=log)
        return FloatDistribution(float(cast(float, low)), float(cast(float, high)), log=log)
    if not isinstance(allowed, Sequence) or isinstance(allowed, str) or not allowed:
        raise ValueError(f"found {allowed!r}")
    if not all(isinstance(each, (str, int, float)) for each in allowed):
        raise ValueError("choices are numbers or words")
    return CategoricalDistribution(cast("Sequence[str | int | float]", allowed))


@contextmanager
def _opened(path: Path, name: str) -> Iterator[optuna.Study]:
    """The study in that file, made where there is none; Optuna tells only of trouble meanwhile."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        storage = RDBStorage(f"sqlite:///{path}")
        try:
            yield optuna.create_study(
                storage=storage, study_name=name, direction="maximize", load_if_exists=True
            )
        finally:
            storage.remove_session()
            storage.engine.dispose()
    except (SQLAlchemyError, StorageInternalError) as error:
        raise OutputError(path, str(error).splitlines()[0]) from error
    finally:
        optuna.logging.set_verbosity(before)


def _ended(study: optuna.Study) -> list[FrozenTrial]:
    return [trial for trial in study.trials if trial.state.is_finished()]


def _next(
    study: optuna.Study, space: Mapping[str, BaseDistribution]
) -> tuple[int, dict[str, object]]:
    """Number and settings of the trial that was stopped, or else of a new one."""
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        if trial.params.keys() == space.keys():
            return trial.number, trial.params
        study.tell(trial.number, state=TrialState.FAIL)
    asked = study.ask(dict(space))
    return asked.number, asked.params


def _tried(plan: Recipe, data: Path, folder: Path, steps: Steps | None) -> float:
    """Train in `folder` and return the metric of the epoch that would ship, the mean of folds."""
    optimiser = plan.section("optimiser", Optimiser)
    fabric = make_fabric(optimiser.precision, devices=1)
    write_whole(folder / "recipe.toml", plan.to_toml().encode())
    learnt = learn(plan, data=data, out=folder, fabric=fabric, steps=steps)
    scores: dict[str, list[float]] = {}
    for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        scores.setdefault(told["fold"], []).append(told[learnt.task.metric])
    learnt.kept.remove()
    shipping = [each[best_of(each) if optimiser.keep == "best" else -1] for each in scores.values()]
    return sum(shipping) / len(shipping)


def _ship_best(
    recipe: Path, settings: Mapping[str, object], data: Path, out: Path, steps: Steps | None
) -> None:
    """Train the best into out/best, unless that has been done."""
    there = out / "best" / "recipe.toml"
    wanted = (out / "best.toml").read_text(encoding="utf-8")
    if not there.is_file() or there.read_text(encoding="utf-8") != wanted:
        train(
            recipe,
            data=data,
            out=out / "best",
            settings=settings,
            steps=steps,
            restart=True,
            devices=1,
        )


def _rank(trial: FrozenTrial) -> tuple[float, int]:
    return (math.inf if trial.value is None else -trial.value, trial.number)


def _row(trial: FrozenTrial, out: Path) -> Row:
    """The trial in one line."""
    reason = out / f"trial-{trial.number + 1}" / "failed.txt"
    result: object = "failed"
    if trial.value is not None:
        result = round(trial.value, DIGITS)
    elif reason.is_file():
        result = f"failed: {reason.read_text(encoding='utf-8').strip()}"
    settings = {
        key: float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
        for key, value in trial.params.items()
    }
    return {"trial": trial.number + 1, **settings, "metric": result}
