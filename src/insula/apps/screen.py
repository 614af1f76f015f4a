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
    console.print(Text(f"{analysis.span.duration:.1f} s · {kinds}", style="dim"))
    if not analysis.people:
        console.print("Nobody was seen, heard or read in this recording.")
    for person in analysis.people:
        console.print(_person(analysis, person))
    for title, lines in (("Transcript", _transcript(analysis)), ("Sounds", _sounds(analysis))):
        if lines:
            console.print(Text(f"\n{title}", style="bold"))
            for line in lines[:MOST_LINES]:
                console.print(Text("  " + line))
            if len(lines) > MOST_LINES:
                console.print(Text(f"  … and {len(lines) - MOST_LINES} more", style="dim"))
    console.print(_channels(analysis))
    silent = tuple(name for name, report in analysis.channels.items() if not report.ran)
    for note in analysis.notes:
        if not note.startswith(silent):  # the table above says why these did not run
            console.print(Text("• " + note, style="yellow"), soft_wrap=True)


def _person(analysis: insula.Analysis, person: insula.Estimate) -> RenderableType:
    """A panel: top three with bars, valence and arousal, how sure, and who said so."""
    top = person.top(3, analysis.language)
    table = Table.grid(padding=(0, 1))
    for label, probability in top:
        filled = round(probability * BAR)
        bar = Text("█" * filled, style="cyan") + Text("░" * (BAR - filled), style="dim")
        table.add_row(label, bar, f"{probability:.0%}")
    lines: list[RenderableType] = [table]

    def say(key: str) -> str:
        return insula.phrases.word(key, analysis.language)

    if person.affect is not None:
        valence, arousal = (float(value) for value in person.affect.mean())
        words = [
            f"{say(insula.phrases.affect_word(axis, value))} ({say(axis)} {value:+.2f})"
            for axis, value in (("valence", valence), ("arousal", arousal))
        ]
        lines.append(Text(", ".join(words)))
    level = say(insula.phrases.level(person.certainty))
    lines.append(Text(f"{say('confidence')} {person.certainty:.0%}: {level}"))
    shares = {name: float(part.mean()) for name, part in person.parts.items()}
    total = sum(shares.values()) or 1.0
    spoke = ", ".join(
        f"{name} {share / total:.0%}" for name, share in sorted(shares.items(), key=lambda x: -x[1])
    )
    lines.append(Text(f"from {spoke}", style="dim"))
    name = insula.phrases.person_name(person.person, analysis.language)
    title = Text(f"{name} {insula.phrases.headline(person.top(2), analysis.language)}")
    return Panel(Group(*lines), title=title, title_align="left", expand=False)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(seconds, 60)
    return f"{int(minutes):02d}:{seconds:04.1f}"


def _transcript(analysis: insula.Analysis) -> list[str]:
    return [
        f"{_clock(mark.span.start)}  {person}: {mark.text}  ({mark.score:.0%})"
        for mark, person in analysis.marks("sentence")
    ]


def _sounds(analysis: insula.Analysis) -> list[str]:
    return [
        f"{_clock(mark.span.start)}-{_clock(mark.span.end)}  {mark.text}  {mark.score:.0%}"
        for mark, _ in analysis.marks("sound")
    ]


def _channels(analysis: insula.Analysis) -> RenderableType:
    table = Table(title="Channels", title_justify="left", title_style="bold", box=None)
    for column in ("channel", "spoke", "quality", "says"):
        table.add_column(column, style="dim" if column == "quality" else None)
    for name, report in analysis.channels.items():
        mine = analysis.by(name)
        if not report.ran:
            table.add_row(name, "no", "", report.reason)
            continue
        opinions = [each for each in mine if each.estimate is not None]
        says = "; ".join(
            f"{each.person or 'scene'}: {label} {share:.0%}"
            for each in opinions
            if each.estimate is not None
            for label, share in each.estimate.top(1, analysis.language)
        )
        marks = sum(len(each.marks) for each in mine)
        quality = f"{max(each.quality for each in opinions):.2f}" if opinions else ""
        table.add_row(name, "yes" if mine else "nothing found", quality, says or f"{marks} marks")
    return table
