"""Write the pages that are made from data: docs/models.md and the README's table.

    python benchmarks/pages.py

Numbers come from the cards of the weights and from benchmarks/results/*.json, and from nowhere
else; tests/test_docs.py fails when a page is older than what it is made from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from insula.zoo import cards, models_page

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
MODELS, README = ROOT / "docs" / "models.md", ROOT / "README.md"
BEGIN, END = "<!-- results -->", "<!-- /results -->"
# What the README shows of the cards: its words, card, metric, start of the corpus's name.
SHOWN = (
    ("Face: accuracy, eight expressions", "face-ferplus", "accuracy", "FER+"),
    ("Voice: unweighted average recall, eight emotions", "voice-ravdess", "uar", "RAVDESS"),
    ("Words, English: macro F1, seven labels", "words-goemotions", "f1_macro", "GoEmotions"),
    ("Words, Russian: macro F1, seven labels", "words-goemotions", "f1_macro", "ru_go"),
    ("Sounds: accuracy, ten classes", "sounds-esc10", "accuracy", "ESC-10"),
)
# Of the conditions in which fusions are judged, those that the README shows.
CONDITIONS = ("all present", "some absent", "face is noise", "face contradicts", "without face")


def main() -> None:
    """Write both pages."""
    MODELS.write_text(models_page(), encoding="utf-8")
    README.write_text(readme(README.read_text(encoding="utf-8")), encoding="utf-8")


def readme(text: str) -> str:
    """The README with a fresh table between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables()}\n{END}{after}"


def tables() -> str:
    """What was measured: the models, the fusions, speed and memory."""
    parts = [_models(), _fusions(), _speed("speed"), _speed("memory")]
    return "\n\n".join(part for part in parts if part)


def _table(head: str, rows: list[str]) -> str:
    return "\n".join([head, "|".join(["", *["---"] * (head.count("|") - 1), ""]), *rows])


def _models() -> str:
    rows = []
    for title, name, wanted, corpus in SHOWN:
        card = cards().get(name)
        found = [
            metric
            for metric in (card.metrics if card else ())
            if metric.name == wanted and metric.corpus.startswith(corpus)
        ]
        for metric in found[:1]:
            rows.append(
                f"| {title} | {metric.value:.3f} | {metric.low:.3f} to {metric.high:.3f} "
                f"| {metric.n} | {metric.corpus}: {metric.protocol} |"
            )
    return _table("| what | value | 95 % interval | n | judged on |", rows) if rows else ""


def _fusions() -> str:
    """benchmarks/results/fusion.json: a line a fusion, a column a condition."""
    result = _result("fusion")
    cells: dict[str, dict[str, str]] = {}
    for each in _rows(result):
        cell = f"{each['value']:.3f} ({each['low']:.3f} to {each['high']:.3f})"
        cells.setdefault(str(each["name"]), {})[str(each["condition"])] = cell
    if not cells:
        return ""
    shown = [name for name in CONDITIONS if any(name in line for line in cells.values())]
    rows = [
        f"| {name} | {' | '.join(line.get(each, '') for each in shown)} |"
        for name, line in cells.items()
    ]
    title = (
        f"Fusion: {result['metric']} and its 95 % interval, n = {result['n']} a condition, "
        f"synthetic pairing (face, voice and words come from three people who share a label):"
    )
    return f"{title}\n\n{_table('| fusion | ' + ' | '.join(shown) + ' |', rows)}"


def _speed(name: str) -> str:
    result = _result(name)
    rows = [
        f"| {each['name']} | {each['value']:g} {each['unit']} "
        f"| {each['lowest']:g} to {each['highest']:g} | {each['n']} | {each['target']} |"
        for each in _rows(result)
    ]
    if not rows:
        return ""
    hardware = result["hardware"]
    assert isinstance(hardware, Mapping)
    title = (
        f"{name.capitalize()}, {result['date']}, {hardware['cores']} cores of "
        f"{hardware['processor']}; {result['clip']}:"
    )
    table = _table("| what | median | lowest to highest | runs | target |", rows)
    return f"{title}\n\n{table}"


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
