"""What the terminal shows of an analysis: the answer first, then where it comes from."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

import insula

BAR = 24  # characters of a full bar
MOST_LINES = 12  # of the transcript and of the sounds; the files hold all


def show(analysis: insula.Analysis, console: Console) -> None:
    """Print an analysis."""
    console.rule(Text(analysis.recording, style="bold"))
    kinds = ", ".join(f"{kind}: {what}" for kind, what in analysis.streams.items())
    console.print(Text(f"{analysis.span.duration:.1f} s · {kinds}", style="dim"), soft_wrap=True)
    if not analysis.people:
        console.print(_say(analysis, "empty"))
    for person in analysis.people:
        console.print(_person(analysis, person))
    for key, lines in (("transcript", _transcript(analysis)), ("heard", _sounds(analysis))):
        if lines:
            console.print(Text(f"\n{_say(analysis, key)}", style="bold"))
            for line in lines[:MOST_LINES]:
                console.print(Text("  " + line), soft_wrap=True)
            if len(lines) > MOST_LINES:
                console.print(Text(f"  … +{len(lines) - MOST_LINES}", style="dim"))
    console.print(_channels(analysis))
    silent = tuple(name for name, report in analysis.channels.items() if not report.ran)
    for note in analysis.notes:
        if not silent or not note.startswith(silent):  # the table says why these did not run
            console.print(Text("• " + note, style="yellow"), soft_wrap=True)


def _say(analysis: insula.Analysis, key: str, *values: object) -> str:
    return insula.phrases.word(key, analysis.language, *values)


def _person(analysis: insula.Analysis, person: insula.Estimate) -> RenderableType:
    """A panel: top three with bars, valence and arousal, how sure, and who said so."""
    name = insula.phrases.person_name(person.person, analysis.language)
    unsure = bool(person.withheld.any())
    said = insula.phrases.headline(person.top(2), analysis.language, unsure=unsure)
    title = Text(f"{name} {said}")
    if not person.top():
        return title
    table = Table.grid(padding=(0, 1))
    for label, probability in person.top(3, analysis.language):
        filled = round(probability * BAR)
        bar = Text("█" * filled, style="cyan") + Text("░" * (BAR - filled), style="dim")
        table.add_row(label, bar, f"{probability:.0%}")
    lines: list[RenderableType] = [table]
    if person.affect is not None:
        values = zip(("valence", "arousal"), person.affect.mean().tolist(), strict=True)
        lines += [
            f"{_say(analysis, axis)} {value:+.2f}: "
            f"{_say(analysis, insula.phrases.affect_word(axis, value))}"
            for axis, value in values
        ]
    level = _say(analysis, insula.phrases.level(person.certainty))
    lines.append(f"{_say(analysis, 'confidence')} {person.certainty:.0%}: {level}")
    shares = {name: float(part.mean()) for name, part in person.parts.items()}
    total = sum(shares.values()) or 1.0
    ranked = sorted(shares.items(), key=lambda item: -item[1])
    spoke = ", ".join(f"{_say(analysis, name)} {share / total:.0%}" for name, share in ranked)
    lines.append(Text(_say(analysis, "lead of one", spoke), style="dim"))
    asked = analysis.asked(person.person)
    if asked is not None and asked.top():
        named = asked.top(len(asked.space), analysis.language)
        shown = ", ".join(f"{label} {share:.0%}" for label, share in named)
        lines.append(Text(f"{_say(analysis, 'asked')}: {shown}"))
    return Panel(Group(*lines), title=title, title_align="left", expand=False)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(seconds, 60)
    return f"{int(minutes):02d}:{seconds:04.1f}"


def _transcript(analysis: insula.Analysis) -> list[str]:
    return [
        f"{_clock(mark.span.start)}  {insula.phrases.person_name(person, analysis.language)}: "
        f"{mark.text}  ({mark.score:.0%})"
        for mark, person in analysis.marks("sentence")
    ]


def _sounds(analysis: insula.Analysis) -> list[str]:
    return [
        f"{_clock(mark.span.start)}-{_clock(mark.span.end)}  {_say(analysis, mark.text)}"
        for mark, _ in analysis.marks("sound")
    ]


def _channels(analysis: insula.Analysis) -> RenderableType:
    """A row a channel: how good its evidence was, and what it says alone or why it is silent."""
    table = Table(
        title=_say(analysis, "channels"), title_justify="left", title_style="bold", box=None
    )
    for key in ("channel", "evidence", "alone"):
        table.add_column(_say(analysis, key))
    for name, report in analysis.channels.items():
        mine = analysis.by(name)
        quality = analysis.quality(name)
        if not report.ran:
            says = f"{_say(analysis, 'did not run')}: {report.reason}"
        elif not mine:
            says = _say(analysis, "nothing found")
        else:
            says = _alone(analysis, mine)
        table.add_row(_say(analysis, name), "" if quality is None else f"{quality:.0%}", Text(says))
    return table


def _alone(analysis: insula.Analysis, observations: list[insula.Observation]) -> str:
    """The first label of each opinion, in the labels of the fused answer where they translate.

    A channel without opinions shows the sounds, or the persons, that it heard.
    """
    heard = {mark.text for each in observations for mark in each.marks if mark.kind == "sound"}
    said = [_say(analysis, sound) for sound in sorted(heard)]
    for each in observations:
        name = insula.phrases.person_name(each.person, analysis.language)
        if each.estimate is None:
            said += [name] if any(mark.kind == "turn" for mark in each.marks) else []
            continue
        opinion = each.estimate
        for fused in analysis.people[:1]:
            if insula.reaches(opinion.space, fused.space):
                opinion = opinion.into(fused.space)
        said += [f"{name}: {label} {p:.0%}" for label, p in opinion.top(1, analysis.language)]
    return "; ".join(said)
