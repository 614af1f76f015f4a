"""How good the bundled weights are: `insula evaluate` for every target, and what each net costs.

    python benchmarks/accuracy.py [--data ../shared/data] [--only face] [--quick]

Writes benchmarks/results/accuracy.json: `runs`, one a command, `rows`, one a target, each with the
command that made it, and `costs` of the nets, which their cards then state. --only judges the
commands that hold that word and keeps the other runs; --quick leaves out the corruptions, which are
tried on one corpus of each channel. A run that fails, say because its corpus is not here, is a row
that is not met, with the reason.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
from material import DATA, RESULTS, ROOT, conditions

from insula.channels.sounds import Sounds
from insula.channels.voice import Voice
from insula.channels.words import Words
from insula.media.audio import SAMPLE_RATE
from insula.media.spectral import log_mel
from insula.zoo.card import Card, find_card
from insula.zoo.session import Model

RUNS, WARM_UP = 50, 5  # of a timing: methods.md E.5
WINDOW_ROWS = 150  # rows of a spectrogram that the speaker net reads at once
SAID = "I never thought that I would be so glad to see this place again."
SAID_IN_RUSSIAN = "Никогда бы не подумал, что так обрадуюсь, увидев это место снова."
CORRUPTIONS = "--corruptions"


@dataclass(frozen=True)
class Target:
    """A number that some command gives, and what it should be: at least, or at most `limit`."""

    what: str
    command: str
    metric: str
    limit: float | None
    least: bool = True


FACE = "--channel face --corpus ferplus --split valid"
# Face weights that learnt the majority's label instead of the votes, where somebody trained them:
# insula train recipes/face.toml --set learning.targets=majority --out runs/face-majority
SINGLE_LABEL = f"{FACE} --model runs/face-majority"
VOICE = "--channel voice --corpus ravdess --protocol actor5"
ASED = "--channel voice --corpus ased --protocol speaker5"
BAVED = "--channel voice --corpus baved --protocol speaker5"
WORDS = "--channel words --corpus goemotions --split dev"
RUSSIAN = "--channel words --corpus ru_goemotions --split held-out"
AFFECT = "--channel words --corpus emobank --split dev"
SOUNDS = "--channel sounds --corpus esc10 --protocol folds"
CORRUPTED = (FACE, VOICE, WORDS, SOUNDS)
SURE = "expected calibration error"

TARGETS = (
    Target("Face, FER+ Valid: accuracy", FACE, "accuracy", 0.86),
    Target("Face, FER+ Valid: UAR", FACE, "uar", 0.71),
    Target(f"Face, FER+ Valid: {SURE}", FACE, "ece", 0.03, least=False),
    Target("Face, FER+ Valid: KL to the votes, nats", FACE, "kl_votes", None, least=False),
    Target("Voice, RAVDESS by actor: UAR", VOICE, "uar", 0.62),
    Target(f"Voice, RAVDESS by actor: {SURE}", VOICE, "ece", 0.05, least=False),
    Target("Voice, ASED by speaker: UAR", ASED, "uar", 0.75),
    Target(f"Voice, ASED by speaker: {SURE}", ASED, "ece", 0.05, least=False),
    Target("Voice, BAVED by speaker: CCC of arousal", BAVED, "ccc_arousal", 0.5),
    Target("Words, GoEmotions dev: macro F1, Ekman", WORDS, "f1_macro", 0.62),
    Target("Words, GoEmotions dev: macro F1, 28", WORDS, "f1_macro_goemotions", 0.48),
    Target(f"Words, GoEmotions dev: {SURE}", WORDS, "ece", 0.03, least=False),
    Target("Words, Russian GoEmotions: macro F1, Ekman", RUSSIAN, "f1_macro", 0.45),
    Target(f"Words, Russian GoEmotions: {SURE}", RUSSIAN, "ece", 0.03, least=False),
    Target("Words, EmoBank dev: r of valence", AFFECT, "pcc_valence", 0.70),
    Target("Words, EmoBank dev: r of arousal", AFFECT, "pcc_arousal", 0.52),
    Target("Words, EmoBank dev: r of dominance", AFFECT, "pcc_dominance", 0.36),
    Target("Sounds, ESC-10 by fold: accuracy", SOUNDS, "accuracy", 0.90),
    Target(f"Sounds, ESC-10 by fold: {SURE}", SOUNDS, "ece", 0.05, least=False),
)


def main() -> None:
    """Judge, time, and write both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--only", default="", help="commands that hold this word, or costs")
    parser.add_argument("--quick", action="store_true", help="no corruptions")
    arguments = parser.parse_args()
    commands = dict.fromkeys([SINGLE_LABEL, *(target.command for target in TARGETS)])
    for command in commands:
        if command == SINGLE_LABEL and not (ROOT / "runs/face-majority").is_dir():
            continue
        if arguments.only in command:
            print(command, flush=True)
            write({command: judged(command, arguments.data, quick=arguments.quick)})
    if arguments.only in ("", "costs"):
        write({}, list(costs()))


def write(
    fresh: Mapping[str, Mapping[str, object]], timed: Sequence[Mapping[str, object]] = ()
) -> None:
    """Put fresh runs and costs in the place of old ones; the others stay."""
    path = RESULTS / "accuracy.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    runs = {**before.get("runs", {}), **fresh}
    # Its "kl" is of what it says as it is; its "kl_votes" after a temperature fitted to
    # votes, which a model of single labels does not have.
    single = runs.get(SINGLE_LABEL, {}).get("metrics", {}).get("kl", {}).get("value")
    rows = [row(target, runs.get(target.command, {}), single) for target in TARGETS]
    document = {
        "benchmark": "accuracy",
        **conditions(),
        "rows": rows,
        "costs": list(timed) or before.get("costs", []),
        "runs": runs,
    }
    RESULTS.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    for each in rows:
        if any(command in str(each["command"]) for command in fresh):
            print(f"{each['what']}: {each['value']}, target {each['target']}, met: {each['met']}")


def judged(command: str, data: Path, *, quick: bool) -> Mapping[str, object]:
    """What `insula evaluate` says, or why it says nothing."""
    insula = Path(sys.executable).with_name("insula")
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "verdict.json"
        words = [*command.split(), "--data", str(data.resolve()), "--json", str(result)]
        words += [CORRUPTIONS] if command in CORRUPTED and not quick else []
        done = subprocess.run(
            [insula, "evaluate", *words], cwd=ROOT, capture_output=True, text=True
        )
        if done.returncode:
            return {"failed": done.stderr.strip()}
        verdict = json.loads(result.read_text(encoding="utf-8"))
    del verdict["command"], verdict["reliability"], verdict["risk_coverage"]
    return verdict


def row(target: Target, run: Mapping[str, object], single: float | None) -> dict[str, object]:
    """One line of the table; a limit of None is a fifth below `single`, the single-label twin's."""
    metrics = run.get("metrics", {})
    assert isinstance(metrics, Mapping)
    limit = target.limit
    if limit is None and single is not None:
        limit = round(0.8 * single, 4)
    value = metrics.get(target.metric)
    sign = ">=" if target.least else "<="
    return {
        "what": target.what,
        "command": f"insula evaluate {target.command} --data DIR",
        "metric": target.metric,
        **(value or {"value": None, "low": None, "high": None}),
        "n": run.get("n", 0),
        "target": f"{sign} {limit}" if limit is not None else "",
        "met": value is not None
        and limit is not None
        and (value["value"] >= limit if target.least else value["value"] <= limit),
        "note": str(run.get("failed", "")) or "; ".join(run.get("notes", ())),  # type: ignore[arg-type]
    }


def costs() -> Iterator[dict[str, object]]:
    """Size of each net against its limit, and its time on one core, which its card then says."""
    rng = np.random.default_rng(0)
    face = rng.random((1, 1, 48, 48), np.float32)
    clip = (0.1 * rng.standard_normal(3 * SAMPLE_RATE)).astype(np.float32)
    spectrogram = log_mel(clip)[None, :WINDOW_ROWS]
    scores = rng.dirichlet(np.ones(7), (1, 3)).astype(np.float32)
    trust = np.ones((1, 3), np.float32)
    voice, sounds, words = Voice(), Sounds(), Words()
    faces, speakers = Model.shared("face-ferplus"), Model.shared("speaker-embedding")
    pool = Model.shared("fusion-pool")
    works: tuple[tuple[str, float | None, str, Callable[[], object], float | None], ...] = (
        ("face-ferplus", 2.5, "a face", lambda: faces.run(faces=face), 4.0),
        (voice.model, 3.0, "3 s of speech", lambda: voice.score([clip]), 3000 / 50),
        (words.model, 9.0, "a sentence", lambda: words.score([SAID]), None),
        (words.russian, None, "a sentence", lambda: words.score([SAID_IN_RUSSIAN], "ru"), None),
        (sounds.model, None, "3 s of sound", lambda: sounds.score([clip]), None),
        ("speaker-embedding", None, "1.5 s", lambda: speakers.run(log_mel=spectrogram), None),
        ("fusion-pool", None, "a moment", lambda: pool.run(scores=scores, trust=trust), None),
    )
    for name, most, unit, work, slowest in works:
        card = find_card(name)
        yield _cost(f"{name}: MB", card.size / 1e6, most)
        took = 1000 * seconds(work)
        yield _cost(f"{name}: ms for {unit}, one core", took, slowest)
        state_cost(card, f"{took:.2g} ms for {unit} on one core")


def state_cost(card: Card, cost: str) -> None:
    """Put the cost into the card's file, after the line of its limits."""
    path = card.folder / f"{card.name}.toml"
    lines = [
        line
        for line in path.read_text(encoding="utf-8").splitlines()
        if not line.startswith("cost = ")
    ]
    after = next(n for n, line in enumerate(lines) if line.startswith("limits = "))
    lines.insert(after + 1, f'cost = "{cost}"')
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def seconds(work: Callable[[], object]) -> float:
    """Median time of a call."""
    for _ in range(WARM_UP):
        work()
    times = []
    for _ in range(RUNS):
        began = perf_counter()
        work()
        times.append(perf_counter() - began)
    return float(np.median(times))


def _cost(what: str, value: float, most: float | None) -> dict[str, object]:
    return {
        "what": what,
        "command": "python benchmarks/accuracy.py --only costs",
        "value": round(value, 3),
        "target": "" if most is None else f"<= {most:g}",
        "met": None if most is None else value <= most,
        "n": RUNS,
    }


if __name__ == "__main__":
    main()
