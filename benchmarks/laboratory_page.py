"""docs/benchmarks.md and its picture, from benchmarks/results/laboratory.json and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, pstdev

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from insula import registry

ROOT = Path(__file__).parents[1]
RESULT = ROOT / "benchmarks" / "results" / "laboratory.json"
PICTURE = ROOT / "docs" / "benchmarks.png"
METRIC = {"axes": "pcc", "single": "uar", "multi": "f1_macro", "distribution": "intersection"}
NAMES = {"pcc": "Pearson r", "uar": "UAR", "accuracy": "accuracy", "f1_weighted": "weighted F1"}
NAMES |= {"mae": "MAE", "ece": "ECE"}
# Corpus -> heading, what it is, and the further metrics that its field reports.
CORPORA: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "mosi": (
        "CMU-MOSI: real recordings",
        "Sentiment from -1 to 1 of utterances in film reviews; the released split, 752 utterances "
        "of 31 videos to judge. Real people, all three modalities of the same moment. The features "
        "of text and video were made with the labels of the training part, which favours text and "
        "hides from the development part what fits too well. Accuracy and weighted F1 are those of "
        "the sign.",
        ("accuracy", "f1_weighted", "mae"),
    ),
    "paired": (
        "Face, voice and words: synthetic pairing of real samples",
        "Seven emotions, equally frequent. Each made-up person is a face of FER+, a voice of "
        "RAVDESS and a comment of GoEmotions that carry the same label and that their channels "
        "never learnt from; what is fused is what the channels say of them. Three strangers agree "
        "by construction and err independently, so a fusion gains far more here than on "
        "recordings. ECE is that of the nets as they come from training; a temperature, which "
        "`insula train` fits, comes after.",
        ("accuracy", "ece"),
    ),
    "xor": (
        "Parity of two modalities: synthetic",
        "Each modality shows one bit; the class is whether they differ. Either alone leaves it at "
        "even odds (0.5), both give it away (1.0). Fusion of finished answers and sums of kernels "
        "cannot find it, whatever else they can do.",
        (),
    ),
    "dominant-pair": (
        "A dominant and a weak modality: synthetic",
        "The first modality shows the class loudly in four samples of five (at best 0.90 alone); "
        "the second shows it always, faintly and not linearly (0.98 alone). A net that is content "
        "with the first never learns the second.",
        (),
    ),
    "correlated-views": (
        "Correlated views: synthetic",
        "Two noisy views of the same four numbers; the best that any classifier reaches with one "
        "is 0.727, with two 0.795.",
        (),
    ),
    "emotional-inertia": (
        "Emotions that last: synthetic dialogues",
        "Two speakers whose emotions mostly stay from turn to turn, under noise. The best that can "
        "be said of a turn alone is 0.67, with the turns before it 0.81.",
        (),
    ),
    "dialogue": (
        "Replies: synthetic dialogues",
        "A turn has the class that the *other* speaker showed last: 0.25 for whoever looks at the "
        "turn alone. A chain of labels (F7) knows only one label's successor, not who said what, "
        "and cannot find this; systems that model speakers can.",
        (),
    ),
    "planted-segments": (
        "Segments in a stream: synthetic",
        "One to three segments of emotion in a stream of noise, step by step; 1.0 can be reached.",
        (),
    ),
}


@dataclass(frozen=True)
class Line:
    """One way on one corpus, over its seeds."""

    name: str
    id: str
    group: str
    metric: str
    tests: Sequence[Mapping[str, Mapping[str, float]]]
    weights: int
    seconds: float
    compared: Mapping[str, float] | None

    @property
    def value(self) -> float:
        """The metric with everything there, mean over seeds."""
        return mean(test["all"][self.metric] for test in self.tests)

    @property
    def without_one(self) -> float | None:
        """The same with one modality missing, mean over which; None where there is but one."""
        most = max(
            (name.count("+") for name in self.tests[0] if name.startswith("only")), default=-1
        )
        conditions = [
            name for name in self.tests[0] if name.startswith("only") and name.count("+") == most
        ]
        if not conditions:
            return None
        return mean(test[name][self.metric] for test in self.tests for name in conditions)

    @property
    def hollow(self) -> bool:
        """Whether it is within half a point of always saying the most frequent class."""
        whole = [test["all"] for test in self.tests if "majority" in test["all"]]
        return any(each["accuracy"] < each["majority"] + 0.005 for each in whole)

    @property
    def better(self) -> bool:
        """Whether it is better than what it is compared with, by its 95 % interval."""
        return self.compared is not None and self.compared["low"] > 0


def page() -> str:
    """docs/benchmarks.md."""
    tables = corpora()
    parts = [HEAD, _short(tables), "![Every fusion on two corpora](benchmarks.png)"]
    for corpus, lines in tables.items():
        title, what, further = CORPORA[corpus]
        parts += [f"## {title}", what]
        groups = {"": ("alone", "fusion"), "Training methods on one net (F3).": ("training",)}
        for head, names in groups.items():
            chosen = [line for line in lines if line.group in names]
            if chosen:
                parts += [f"{head}\n\n{_table(chosen, further)}".lstrip()]
    return "\n\n".join([*parts, _methods()]) + "\n"


def _methods() -> str:
    """What the names stand for."""
    rows = ["## What the names stand for", "", "| id | name | what | stage | source |"]
    rows += ["|" + " --- |" * 5]
    entries = [registry.methods.get(name) for name in registry.methods]
    for each in sorted(entries, key=lambda each: (each.id[0], int(each.id[1:]))):
        rows.append(f"| {each.id} | {each.name} | {each.title} | {each.stage} | {each.source} |")
    return "\n".join(rows)


def corpora() -> dict[str, list[Line]]:
    """The lines of every corpus, in the order of CORPORA."""
    if not RESULT.is_file():
        return {}
    found = json.loads(RESULT.read_text(encoding="utf-8"))
    grouped: dict[str, dict[str, list[dict[str, object]]]] = {}
    for cell in found["cells"].values():
        grouped.setdefault(cell["corpus"], {}).setdefault(cell["way"], []).append(cell)
    return {
        corpus: [
            Line(
                name=way,
                id=str(cells[0]["id"]),
                group=str(cells[0]["group"]),
                metric=METRIC[str(cells[0]["kind"])],
                tests=[cell["test"] for cell in cells],  # type: ignore[misc]
                weights=int(str(cells[0]["weights"])),
                seconds=mean(float(str(cell["seconds"])) for cell in cells),
                compared=found["compared"].get(corpus, {}).get(way),
            )
            for way, cells in sorted(grouped[corpus].items(), key=_place)
        ]
        for corpus in CORPORA
        if corpus in grouped
    }


def _place(way: tuple[str, list[dict[str, object]]]) -> int:
    """Where a way stands in its table: by its id, those without one first."""
    return int(str(way[1][0]["id"])[1:] or 0)


HEAD = """# Which fusion?

Written by `python benchmarks/pages.py` from `benchmarks/results/laboratory.json`; do not edit by
hand. `python benchmarks/laboratory.py` measures again, `insula bench` does so on your own corpora.

How to read the tables. Every fusion has the same small encoders, the same epochs and the same two
learning rates to choose from on the development part; the test part is looked at once. Numbers are
means and standard deviations over three seeds. *Difference* is to the modality that is best alone
(of training methods: to the same net without any), with a 95 % interval from resampling speakers or
samples in pairs: where it holds 0, nothing was shown. *One missing* is the mean over leaving each
modality out of the test samples. What the names stand for is at the end. †: with a seed no better
than always saying the most frequent class. Seconds are processor time of one training on one core;
only their ratios mean something."""


def _short(tables: Mapping[str, Sequence[Line]]) -> str:
    """What the numbers say, in sentences made from them."""
    said = ["## In short", ""]
    for corpus in ("mosi", "paired"):
        fusions = [line for line in tables.get(corpus, ()) if line.group == "fusion"]
        if not fusions:
            continue
        best = max(fusions, key=lambda line: line.value)
        near = [line for line in fusions if line.value >= best.value - 0.01]
        cheap = min(near, key=lambda line: line.seconds)
        robust = max(fusions, key=lambda line: line.without_one or 0)
        alone = str((best.compared or {}).get("with", "the best modality"))
        better = sum(line.better for line in fusions)
        said.append(
            f"* **{CORPORA[corpus][0]}.** {better} of {len(fusions)} fusions are better than "
            f"{alone}, beyond chance. Best: {best.name} ({best.id}), {NAMES[best.metric]} "
            f"{best.value:.3f}. Within 0.01 of it and cheapest: {cheap.name} ({cheap.id}), "
            f"{cheap.seconds:.1f} s a training. With one modality missing: {robust.name} "
            f"({robust.id}) keeps most, {robust.without_one:.3f}."
        )
    parity = [line for line in tables.get("xor", ()) if line.group == "fusion"]
    if parity:
        unable = [f"{line.name} ({line.id})" for line in parity if line.value < 0.95]
        said.append(
            f"* **Where the answer lies between the modalities** (parity): "
            f"{len(parity) - len(unable)} of {len(parity)} fusions find it"
            + (f"; not {', '.join(unable)}." if unable else ".")
        )
    return "\n".join(said)


def _table(lines: Sequence[Line], further: Sequence[str]) -> str:
    metric = lines[0].metric
    titles = ["method", "id", NAMES[metric], "difference", *(NAMES[name] for name in further)]
    titles += ["one missing", "weights", "s"]
    rows = ["| " + " | ".join(titles) + " |", "|" + " --- |" * len(titles)]
    for line in lines:
        name = f"{line.name} †" if line.hollow else line.name
        cells = [name, line.id, _over_seeds(line, metric), _difference(line)]
        cells += [_over_seeds(line, name) for name in further]
        missing = line.without_one
        cells += ["" if missing is None else f"{missing:.3f}"]
        cells += [f"{line.weights:,}" if line.weights else "", f"{line.seconds:.1f}"]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _over_seeds(line: Line, metric: str) -> str:
    values = [test["all"][metric] for test in line.tests]
    return f"{mean(values):.3f} ± {pstdev(values):.3f}"


def _difference(line: Line) -> str:
    found = line.compared
    if found is None:
        return ""
    text = f"{found['difference']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f})"
    return f"**{text}**" if line.better else text


def draw() -> None:
    """docs/benchmarks.png: every fusion with all modalities and with one missing."""
    tables = {name: lines for name, lines in corpora().items() if name in ("mosi", "paired")}
    if not tables:
        return
    figure = Figure(figsize=(11, 6.5), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(tables), squeeze=False)[0]
    for panel, (corpus, lines) in zip(panels, tables.items(), strict=True):
        shown = sorted(
            (line for line in lines if line.group != "training"), key=lambda line: line.value
        )
        heights = range(len(shown))
        spread = [pstdev(test["all"][line.metric] for test in line.tests) for line in shown]
        values = [line.value for line in shown]
        panel.errorbar(values, heights, xerr=spread, fmt="o", ms=4, label="everything there")
        fusions = [(y, line) for y, line in enumerate(shown) if line.group == "fusion"]
        missing = [line.without_one for _, line in fusions]
        panel.plot(missing, [y for y, _ in fusions], "o", ms=4, mfc="none", label="one missing")
        best = max(line.value for line in shown if line.group == "alone")
        panel.axvline(best, linewidth=0.8, linestyle=":", color="grey")
        panel.set_yticks(list(heights), [line.name for line in shown], fontsize=8)
        panel.set_xlabel(NAMES[shown[0].metric])
        panel.set_title(CORPORA[corpus][0], fontsize=9)
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(alpha=0.3, axis="x")
    panels[0].legend(frameon=False, fontsize=8, loc="lower right")
    figure.savefig(PICTURE, dpi=110)
