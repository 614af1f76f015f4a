"""Write the pages that are made from data: docs/*.md of models and numbers, the README's table.

    python benchmarks/pages.py

Numbers come from the cards of the weights and from benchmarks/results/*.json, and from nowhere
else; tests/test_docs.py fails when a page is older than what it is made from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import laboratory_page

from insula.zoo import models_page

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
MODELS, MEASURED, README = ROOT / "docs/models.md", ROOT / "docs/measured.md", ROOT / "README.md"
BENCHMARKS = ROOT / "docs/benchmarks.md"
UNSHOWN = ("ece", "kl_votes")  # of the accuracy, what only docs/measured.md shows
BEGIN, END = "<!-- results -->", "<!-- /results -->"
# Of the conditions in which fusions are judged, those that the page shows.
CONDITIONS = ("all present", "some absent", "face is noise", "face contradicts", "without face")
# Of the timings and sizes, those that the README shows: file, name.
FIGURES = (
    ("speed", "real-time factor, all but speech-to-text"),
    ("speed", "real-time factor, all with speech-to-text (pocketsphinx)"),
    ("speed", "first answer on a clip of 5 s, cold"),
    ("memory", "peak memory, 60 minutes, transcript given"),
)


def main() -> None:
    """Write the pages."""
    MODELS.write_text(models_page(), encoding="utf-8")
    MEASURED.write_text(measured(), encoding="utf-8")
    BENCHMARKS.write_text(laboratory_page.page(), encoding="utf-8")
    laboratory_page.draw()
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")


def readme(text: str) -> str:
    """The README with a fresh table between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{_summary()}\n{END}{after}"


def measured() -> str:
    """docs/measured.md: everything that was measured, with how."""
    head = (
        "# Measured\n\nWritten by `python benchmarks/pages.py` from `benchmarks/results/*.json` "
        "and the cards of the weights; do not edit by hand. `make bench` measures again."
    )
    parts = [
        head,
        _accuracy(),
        _corruptions(),
        _listed("recognised", "What speech recognition costs: `python benchmarks/recognised.py`:"),
        _fusions(),
        _listed("tracking", "Faces over time, synthetic tracks: `python benchmarks/tracking.py`:"),
        _speakers(),
        _speed("speed"),
        _speed("memory"),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary() -> str:
    """The README's one table: each number with its interval or range, n, and where it is from."""
    rows = [
        f"| {each['what']} | {each['value']:.3f} | {each['low']:.3f} to {each['high']:.3f} "
        f"| {each['n']} | `insula evaluate` |"
        for each in _rows(_result("accuracy"))
        if each["value"] is not None and each["metric"] not in UNSHOWN
    ]
    results = _result("fusion").get("results", {})
    assert isinstance(results, Mapping)
    for way in ("pool", "product", "face alone") if results else ():
        cell = results["some absent"][way]
        rows.append(
            f"| Fusion by {way}, some channels absent: accuracy | {cell['accuracy']:.3f} "
            f"| {cell['low']:.3f} to {cell['high']:.3f} | {cell['n']} | synthetic pairing |"
        )
    for file, name in FIGURES:
        result = _result(file)
        for each in (each for each in _rows(result) if each["name"] == name):
            rows.append(
                f"| {str(name).capitalize()} | {each['value']:.3g} {each['unit']} "
                f"| {each['lowest']:.3g} to {each['highest']:.3g} | {each['n']} | 2 cores |"
            )
    return _table("| what | value | 95 % interval or range | n | judged on |", rows)


def _table(head: str, rows: list[str]) -> str:
    return "\n".join([head, "|".join(["", *["---"] * (head.count("|") - 1), ""]), *rows])


def _accuracy() -> str:
    """benchmarks/results/accuracy.json: each number beside what it should be."""
    rows = [
        f"| {each['what']} | {each['value']:.3f} | {each['low']:.3f} to {each['high']:.3f} "
        f"| {each['n']} | {each['target']} | {'yes' if each['met'] else 'no'} |"
        for each in _rows(_result("accuracy"))
        if each["value"] is not None and each.get("low") is not None
    ]
    if not rows:
        return ""
    title = (
        "The bundled weights judged by `insula evaluate`, each by nets that never saw who is "
        "judged; intervals over speakers, or pictures, or texts. `make bench-accuracy` judges "
        "again; corruptions and results by group are in `benchmarks/results/accuracy.json`:"
    )
    head = "| what | value | 95 % interval | n | target | met |"
    return f"{title}\n\n{_table(head, rows)}"


def _corruptions() -> str:
    """benchmarks/results/accuracy.json: a line a fault and channel, beside the clean number."""
    runs = _result("accuracy").get("runs", {})
    assert isinstance(runs, Mapping)
    rows = []
    for command, run in runs.items():
        for fault, judged in run.get("corruptions", {}).items():
            clean, spoilt = run["metrics"], judged["metrics"]
            name = next(name for name in ("uar", "f1_macro") if name in spoilt)
            rows.append(
                f"| {command.split()[1]} | {fault} | {name} | {clean[name]['value']:.3f} "
                f"| {spoilt[name]['value']:.3f} | {spoilt['ece']['value']:.3f} |"
            )
    if not rows:
        return ""
    title = "What faults of the recording cost, on one corpus of each channel:"
    return f"{title}\n\n{_table('| channel | fault | metric | clean | with it | ECE |', rows)}"


def _listed(name: str, title: str) -> str:
    """A result that is a list of numbers with notes; of several kinds of scene, all together."""
    rows = [
        f"| {each['name']} | {each['value']:.3g} {each['unit']} | {each['note']} |"
        for each in _rows(_result(name))
        if name != "tracking" or ", all kinds" in str(each["name"])
    ]
    return f"{title}\n\n{_table('| what | value | note |', rows)}" if rows else ""


def _fusions() -> str:
    """benchmarks/results/fusion.json: a line a fusion, a column a condition."""
    result = _result("fusion")
    results = result.get("results", {})
    assert isinstance(results, Mapping)
    shown = [name for name in CONDITIONS if name in results]
    if not shown:
        return ""
    rows = []
    for name in results[shown[0]]:
        cells = [results[condition][name] for condition in shown]
        values = [f"{each['accuracy']:.3f} ± {_half(each):.3f}" for each in cells]
        rows.append(f"| {name} | {' | '.join(values)} | {cells[-1]['ece']:.3f} |")
    count = results[shown[0]][name]["n"]
    title = (
        f"Fusion: accuracy on {count} held-out synthetic people, whose face, voice and words come "
        f"from three real people who share a label, so these numbers compare fusions and say "
        f"little of real clips; calibration error (ECE) with {shown[-1]}:"
    )
    head = f"| fusion | {' | '.join(shown)} | ECE |"
    return f"{title}\n\n{_table(head, rows)}"


def _speakers() -> str:
    """benchmarks/results/diarisation.json: who speaks when, a line a set of recordings."""
    result = _result("diarisation")
    results = result.get("results", {})
    assert isinstance(results, Mapping)
    rows = [
        f"| {name} | {way} | {rates['total']['error rate']:.3f} |"
        for name, sets in results.items()
        for way, rates in sets.items()
        if way != "files"
    ]
    if not rows:
        return ""
    title = (
        "Who speaks when: diarisation error rate. The settings were chosen on all but `AMI test`:"
    )
    return f"{title}\n\n{_table('| recordings | way | error rate |', rows)}"


def _half(cell: Mapping[str, float]) -> float:
    """Half of the 95 % interval."""
    return (cell["high"] - cell["low"]) / 2


def _speed(name: str) -> str:
    """benchmarks/results/speed.json or memory.json."""
    result = _result(name)
    rows = [
        f"| {each['name']} | {each['value']:.3g} {each['unit']} | {_range(each)} "
        f"| {each['target']} |"
        for each in _rows(result)
        if "processor time" not in str(each["name"])  # the JSON has these too
    ]
    if not rows:
        return ""
    hardware = result["hardware"]
    assert isinstance(hardware, Mapping)
    title = (
        f"{name.capitalize()}, {result['date']}, {hardware['cores']} cores of "
        f"{hardware['processor']}; "
        f"{result['clip']}, preset {result['preset']}:"
    )
    table = _table("| what | median | runs | target |", rows)
    return f"{title}\n\n{table}"


def _range(each: Mapping[str, object]) -> str:
    """How many runs, and between what they lay."""
    if each["n"] == 1:
        return "1"
    return f"{each['n']}: {each['lowest']:.3g} to {each['highest']:.3g}"


def _result(name: str) -> Mapping[str, object]:
    path = RESULTS / f"{name}.json"
    found: Mapping[str, object] = {}
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
    return found


def _rows(result: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    rows = result.get("rows", ())
    assert isinstance(rows, list | tuple)
    yield from rows


if __name__ == "__main__":
    main()
