"""The curves of the report, as Plotly figures in plain values. Leaf module: needs plotly.

Colours of the page are written as "@ink", "@soft", "@line", "@surface" and "@accent", its font as
"@font"; report.js puts in those of the reader. Times go onto a date axis so that ticks read 0:05.
Shapes: `T` moments, `C` labels.
"""

from __future__ import annotations

import base64
import functools
import gzip

import numpy as np
from plotly.offline import get_plotlyjs

from insula.core.records import Estimate
from insula.core.space import EKMAN7, PLEASURE_AROUSAL_DOMINANCE, Language, title
from insula.core.time import Span
from insula.core.track import Array, Track
from insula.outputs.moments import affect_of, cell_width, coarser, labelled
from insula.outputs.palette import CHANNEL_COLOURS, colour
from insula.outputs.phrases import clock, word

POINTS = 360  # moments in a curve; more are jitter to the eye, and they are all in timeline.csv
# Milliseconds added to every time: plotly.js takes a number of two or four digits for a year. Whole
# days, so that clocks still start at 0:00.
EPOCH = 10 * 86_400_000
PATH_POINTS = 60  # moments on the path; more of them cover each other
CURVES = 9  # labels drawn; finer spaces show their most probable ones

# Heights in pixels.
_ROWS = {"probability": 170, "confidence row": 52, "affect row": 110, "parts row": 64}
# From early to late; both ends show on white and on black, and differ in lightness and hue.
TIME_COLOURS = [[0, "#eec05a"], [0.5, "#8f8f86"], [1, "#2f6db5"]]
_TITLE = 30
_AXIS = 28
_PLANE = 380

Figure = dict[str, object]
Trace = dict[str, object]


@functools.cache
def packed_library() -> str:
    """plotly.js, gzip and base64: 2 MB a report instead of 5."""
    packed = gzip.compress(get_plotlyjs().encode(), compresslevel=9, mtime=0)
    return base64.b64encode(packed).decode()


def timeline(estimate: Estimate, span: Span, language: Language) -> Figure:
    """Probabilities, confidence, valence and arousal, and weights, on one line of time."""
    estimate = coarser(estimate, POINTS)
    rows = [key for key in _ROWS if _has(estimate, key)]
    height = sum(_ROWS[key] + _TITLE for key in rows) + _AXIS
    data: list[Trace] = []
    layout: dict[str, object] = _plain_layout(height)
    titles = []
    bottom = float(_AXIS)
    plot = height - _AXIS
    for number, key in reversed(list(enumerate(rows, 1))):
        low = (bottom - _AXIS) / plot
        bottom += _ROWS[key]
        high = (bottom - _AXIS) / plot
        bottom += _TITLE
        name = "y" if number == 1 else f"y{number}"
        layout["yaxis" + name[1:]] = {"domain": [low, high], **_axis_of(key, estimate)}
        data += _traces(key, estimate, name, language)
        titles.append(_title(_row_title(key, estimate, language), high))
    last = "y" if len(rows) == 1 else f"y{len(rows)}"
    clock_format = "%-H:%M:%S" if span.end >= 3600 else "%-M:%S"
    layout["xaxis"] = {
        "type": "date",
        "range": [milliseconds(span.start), milliseconds(span.end)],
        "anchor": last,
        "tickformatstops": [
            {"dtickrange": [None, 999], "value": f"{clock_format}.%1f"},
            {"dtickrange": [1000, None], "value": clock_format},
        ],
        "hoverformat": f"{clock_format}.%1f",
        "nticks": 8,
        **_LINES,
        "showgrid": True,
        "tickfont": {"color": "@soft", "size": 12},
    }
    layout["annotations"] = titles
    return {"data": data, "layout": layout}


def plane(estimate: Estimate, language: Language) -> Figure:
    """The way through valence (across) and arousal (up), from light to dark as time goes on."""
    affect = affect_of(estimate)
    assert affect is not None
    affect = coarser(affect, PATH_POINTS)
    seen = affect.track.mask
    times = affect.track.times[seen]
    across, up = affect.track.column("valence")[seen], affect.track.column("arousal")[seen]
    told = [
        f"{clock(time)}  {a:+.2f}, {b:+.2f}" for time, a, b in zip(times, across, up, strict=True)
    ]
    path: Trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": _numbers(across, 3),
        "y": _numbers(up, 3),
        "text": told,
        "hoverinfo": "text",
        "line": {"color": "@soft", "width": 1},
        "marker": {
            "size": 8,
            "color": _numbers(times, 1),
            "colorscale": TIME_COLOURS,
            "line": {"color": "@surface", "width": 1},
        },
    }
    if len(times) == 1:
        return {"data": [path], "layout": _plane_layout(language)}
    ends: Trace = {
        "type": "scatter",
        "mode": "markers+text",
        "x": _numbers(across[[0, -1]], 3),
        "y": _numbers(up[[0, -1]], 3),
        "text": [word("start", language), word("end", language)],
        "textposition": ["bottom center", "top center"],
        "textfont": {"color": "@ink", "size": 13},
        "hoverinfo": "skip",
        "marker": {
            "size": 14,
            "symbol": ["circle-open", "square-open"],
            "color": "@ink",
            "line": {"width": 2},
        },
    }
    return {"data": [path, ends], "layout": _plane_layout(language)}


def _plane_layout(language: Language) -> dict[str, object]:
    """Axes from -1 to 1, and where the named emotions lie on them."""
    layout = _plain_layout(_PLANE)
    layout["margin"] = {"l": 30, "r": 8, "t": 8, "b": 34}
    layout["hovermode"] = "closest"
    for axis, key in (("xaxis", "pleasant axis"), ("yaxis", "excited axis")):
        layout[axis] = {
            "range": [-1.05, 1.05],
            "fixedrange": True,
            "tickvals": [-1, 0, 1],
            "showticklabels": False,
            "zeroline": True,
            "zerolinecolor": "@soft",
            "zerolinewidth": 1,
            "showgrid": True,
            "gridcolor": "@line",
            "title": {"text": word(key, language), "font": {"color": "@soft", "size": 12}},
        }
    layout["annotations"] = [
        {
            "x": PLEASURE_AROUSAL_DOMINANCE[label][0],
            "y": PLEASURE_AROUSAL_DOMINANCE[label][1],
            "text": title(label, language),
            # Fear and anger lie so close that their names would cover each other.
            "xanchor": {"fear": "right", "anger": "left"}.get(label, "center"),
            "showarrow": False,
            "font": {"color": "@soft", "size": 11},
        }
        for label in EKMAN7.labels
        if label != "neutral"
    ]
    return layout


_LINES: dict[str, object] = {
    "showgrid": False,
    "gridcolor": "@line",
    "zeroline": False,
    "linecolor": "@line",
}


def _plain_layout(height: int) -> dict[str, object]:
    return {
        "height": height,
        "margin": {"l": 112, "r": 12, "t": 0, "b": _AXIS},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "@font", "size": 12, "color": "@soft"},
        "showlegend": False,
        "hovermode": "x unified",
        "hoverlabel": {
            "bgcolor": "@surface",
            "bordercolor": "@line",
            "font": {"color": "@ink", "size": 13},
        },
        "dragmode": "zoom",
    }


def _has(estimate: Estimate, key: str) -> bool:
    if key == "probability":
        return labelled(estimate)
    if key == "affect row":
        return affect_of(estimate) is not None
    return key == "confidence row" or len(estimate.parts) > 1


def _axis_of(key: str, estimate: Estimate) -> dict[str, object]:
    """Range and ticks of one row."""
    common = {
        **_LINES,
        "showgrid": True,
        "fixedrange": True,
        "tickfont": {"color": "@soft", "size": 11},
    }
    if key == "affect row":
        ticks = {"range": [-1, 1], "tickvals": [-1, 0, 1], "ticktext": ["−1", "0", "1"]}
    else:
        small = key in ("confidence row", "parts row")
        ticks = {
            "range": [0, 1],
            "tickvals": [0, 1] if small else [0, 0.5, 1],
            "ticktext": ["0", "100 %"] if small else ["0", "50 %", "100 %"],
        }
    return {**common, **ticks}


def _row_title(key: str, estimate: Estimate, language: Language) -> str:
    text = word(key, language)
    if key == "parts row":
        names = [
            f'<span style="color:{shade}">■</span> {word(name, language)}'
            for name, shade in zip(estimate.parts, _cycle(len(estimate.parts)), strict=True)
        ]
        text += ":  " + "  ".join(names)
    return text


def _title(text: str, high: float) -> dict[str, object]:
    return {
        "text": text,
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "y": high,
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 2,
        "showarrow": False,
        "font": {"color": "@ink", "size": 13},
    }


def _traces(key: str, estimate: Estimate, axis: str, language: Language) -> list[Trace]:
    """The curves of one row."""
    if key == "probability":
        return _probabilities(estimate, axis, language)
    if key == "confidence row":
        return [_area(estimate.track, estimate.confidence, word(key, language), "@accent", axis)]
    if key == "parts row":
        return [
            _area(estimate.track, part, word(name, language), shade, axis, "parts")
            for (name, part), shade in zip(
                estimate.parts.items(), _cycle(len(estimate.parts)), strict=True
            )
        ]
    affect = affect_of(estimate)
    assert affect is not None
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": title(name, language),
            "x": [milliseconds(time) for time in affect.track.times],
            "y": [
                round(float(value), 3) if seen else None
                for value, seen in zip(affect.track.column(name), affect.track.mask, strict=True)
            ],
            "line": {"color": "@ink", "width": 2, "dash": dash},
            "yaxis": axis,
            "hovertemplate": "%{y:+.2f}",
        }
        for name, dash in (("valence", "solid"), ("arousal", "2px,3px"))
    ]


def _probabilities(estimate: Estimate, axis: str, language: Language) -> list[Trace]:
    """Stacked areas where labels exclude each other, lines where they do not."""
    order = np.argsort(-estimate.mean(), kind="stable")[:CURVES]
    stack = "labels" if estimate.space.kind == "exclusive" else ""
    return [
        _area(
            estimate.track,
            estimate.track.values[:, column],
            title(estimate.space.labels[column], language),
            colour(estimate.space.labels[column]),
            axis,
            stack,
            filled=bool(stack),
        )
        for column in order
    ]


def _area(
    track: Track,
    values: Array,
    name: str,
    shade: str,
    axis: str,
    stack: str = "",
    *,
    filled: bool = True,
) -> Trace:
    """A filled curve that ends upright where the evidence ends."""
    times, heights = _with_edges(track, values)
    trace: Trace = {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [milliseconds(time) for time in times],
        "y": _numbers(heights, 3),
        "line": {"color": "@surface" if stack else shade, "width": 0.5 if stack else 1.5},
        "yaxis": axis,
        "hovertemplate": "%{y:.0%}",
    }
    if filled:
        trace["fillcolor"] = shade
        trace |= {"stackgroup": stack} if stack else {"fill": "tozeroy", "opacity": 0.7}
    return trace


def _with_edges(track: Track, values: Array) -> tuple[Array, Array]:
    """Times and values with upright edges around each run of moments that were seen.

    Stacked areas cannot have gaps, so between runs the curves lie at zero.
    """
    half, step = cell_width(track) / 2, 1e-3
    rows = np.flatnonzero(track.mask)
    if not len(rows):
        return np.zeros(0), np.zeros(0)
    times, heights = [], []
    for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
        first, last = track.times[run[0]] - half, track.times[run[-1]] + half
        times += [first, first + step, *track.times[run], last - step, last]
        heights += [0.0, values[run[0]], *values[run], values[run[-1]], 0.0]
    return np.array(times), np.array(heights)


def milliseconds(seconds: float) -> int:
    """A moment of the recording on the date axis."""
    return EPOCH + round(float(seconds) * 1000)


def _cycle(count: int) -> list[str]:
    return [CHANNEL_COLOURS[number % len(CHANNEL_COLOURS)] for number in range(count)]


def _numbers(values: Array, digits: int) -> list[float]:
    """Rounded plain numbers: figures travel as text, and digits nobody sees cost room."""
    plain: list[float] = (np.round(np.asarray(values, np.float64), digits) + 0.0).tolist()
    return plain
