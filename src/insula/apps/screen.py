"""What the terminal shows of an analysis: the answer first, then where it comes from."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

import insula

BAR = 24  # characters of a full bar
MOST_LINES = 12  # of the transcript and of the sounds; the files hold all
# Words for valence and arousal between -1 and 1, and for confidence between 0 and 1.
_VALENCE = ((-0.25, "unpleasant"), (0.25, "neither pleasant nor unpleasant"), (2, "pleasant"))
_AROUSAL = ((-0.15, "calm"), (0.25, "moderately aroused"), (2, "aroused"))
_CONFIDENCE = ((0.2, "very unsure"), (0.4, "unsure"), (0.6, "fairly sure"), (2, "sure"))


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
    for note in analysis.notes:
        console.print(Text("• " + note, style="yellow"))


def _person(analysis: insula.Analysis, person: insula.Estimate) -> RenderableType:
    """A panel: top three with bars, valence and arousal, how sure, and who said so."""
    top = person.top(3, analysis.language)
    table = Table.grid(padding=(0, 1))
    for label, probability in top:
        filled = round(probability * BAR)
        bar = Text("█" * filled, style="cyan") + Text("░" * (BAR - filled), style="dim")
        table.add_row(label, bar, f"{probability:.0%}")
    lines: list[RenderableType] = [table]
    if person.affect is not None:
        valence, arousal = person.affect.mean()
        lines.append(
            Text(
                f"{_word(valence, _VALENCE)} (valence {valence:+.2f}), "
                f"{_word(arousal, _AROUSAL)} (arousal {arousal:+.2f})"
            )
        )
    lines.append(Text(f"confidence {person.certainty:.2f}: {_word(person.certainty, _CONFIDENCE)}"))
    shares = {name: float(part.mean()) for name, part in person.parts.items()}
    total = sum(shares.values()) or 1.0
    spoke = ", ".join(
        f"{name} {share / total:.0%}" for name, share in sorted(shares.items(), key=lambda x: -x[1])
    )
    lines.append(Text(f"from {spoke}", style="dim"))
    title = f"{person.person} appears mostly {top[0][0]}"
    return Panel(Group(*lines), title=title, title_align="left", expand=False)


def _word(value: float, scale: Sequence[tuple[float, str]]) -> str:
    return next(word for limit, word in scale if value < limit)


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
