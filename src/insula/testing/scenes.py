"""Scenes of people in motion, with known truth: who is where in every frame.

    portraits -> actors on paths, some behind things -> pasted onto a background -> spoilt -> Scene

For judging face detection and tracking. A scene is a second-long idea stretched to several: people
cross, hide, leave and return, are cut from one to the other, blur, turn, stand in the dark. The
portraits are those of Labeled Faces in the Wild as `../shared/data/README.md` lays them out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from insula.core.track import Array

WIDTH, HEIGHT = 640, 360  # pixels
RATE = 5.0  # frames a second, as the face channel looks at them
SECONDS = 8.0
PORTRAIT = 112  # pixels a side of a portrait of the corpus
# Where the face is in a portrait: x, y, width, height as shares of its side. Half the way between
# the mean boxes of the cascade (0.13, 0.13, 0.76, 0.76; 242 portraits) and of MTCNN (0.19, 0.12,
# 0.60, 0.80; 249), which both claim to frame the face.
FACE = (0.16, 0.125, 0.68, 0.78)
SEEN, HIDDEN = 0.6, 0.15  # shares of a face in view from which it must, and may, be found
SKIN = (1.0, 0.82, 0.72)  # what the grey portraits are tinted with

# Where a portrait is at a second: centre x, centre y and side in pixels, roll in degrees, or None.
Path2D = Callable[[float], tuple[float, float, float, float] | None]


@dataclass(frozen=True)
class Actor:
    """Someone in a scene: who, as in which portrait (112, 112, 3), and where."""

    person: str
    portrait: Array
    path: Path2D


@dataclass(frozen=True)
class Scene:
    """A clip with known truth.

    images: (F, H, W, 3) uint8 RGB at `times`. truth: for each frame person -> box x, y, width,
    height in pixels of those who must be found; unsure: boxes that may or may not be found.
    """

    kind: str
    times: Array
    images: Array
    truth: tuple[Mapping[str, Array], ...]
    unsure: tuple[Sequence[Array], ...]


def portraits(folder: Path) -> dict[str, list[Array]]:
    """The pictures of every person of the corpus, (112, 112) uint8 grey, by name."""
    found: dict[str, list[Array]] = {}
    for path in sorted(folder.glob("*/*.jpg")):
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if picture is not None and picture.shape == (PORTRAIT, PORTRAIT):
            found.setdefault(path.parent.name, []).append(picture)
    return found


def clutter(rng: np.random.Generator) -> Array:
    """A background that is no photograph: coloured clouds with boxes in front. (H, W, 3) uint8."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for size in (4, 12, 40, 120):
        cells = rng.normal(0, 20, (size * HEIGHT // WIDTH + 1, size, 1)).astype(np.float32)
        cells = cells + rng.normal(0, 6, (*cells.shape[:2], 3)).astype(np.float32)
        image += cv2.resize(cells, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    image += rng.uniform(60, 190, 3)
    for _ in range(8):
        x, y = rng.integers(0, WIDTH), rng.integers(0, HEIGHT)
        w, h = rng.integers(20, 160, 2)
        image[y : y + h, x : x + w] = rng.uniform(20, 235, 3)
    return np.clip(image, 0, 255).astype(np.uint8)


def make(
    kind: str,
    people: Mapping[str, Sequence[Array]],
    background: Array,
    rng: np.random.Generator,
) -> Scene:
    """A scene of this kind with people drawn from `people`. background: (H, W, 3) uint8."""
    cast = _Cast(people, rng)
    plan = KINDS[kind](cast, rng)
    times = np.arange(round(SECONDS * RATE)) / RATE
    images, truth, unsure = [], [], []
    for time in times:
        image, boxes, doubtful = _frame(plan, background, float(time))
        images.append(plan.spoil(image, rng))
        truth.append(boxes)
        unsure.append(doubtful)
    return Scene(kind, times, np.stack(images), tuple(truth), tuple(unsure))


@dataclass(frozen=True)
class _Plan:
    """Actors from back to front; a thing in front of them; what the camera does to the picture."""

    actors: Sequence[Actor]
    thing: Path2D | None = None
    spoil: Callable[[Array, np.random.Generator], Array] = lambda image, rng: image


class _Cast:
    """Draws actors, each another person."""

    def __init__(self, people: Mapping[str, Sequence[Array]], rng: np.random.Generator) -> None:
        self._people, self._rng = people, rng
        self._names = list(rng.permutation(sorted(people)))

    def actor(self, path: Path2D, portrait: Array | None = None, name: str = "") -> Actor:
        """The next person on that path."""
        name = name or str(self._names.pop())
        if portrait is None:
            shown = self._people[name]
            portrait = shown[int(self._rng.integers(len(shown)))]
        tint = 1 - self._rng.uniform(0.3, 1.0) * (1 - np.array(SKIN, np.float32))
        return Actor(name, (portrait[..., None] * tint).astype(np.uint8), path)

    def twins(self) -> tuple[tuple[str, Array], tuple[str, Array]]:
        """Two people's portraits that look most alike, of one person's and twenty others'."""
        names = [str(self._names.pop()) for _ in range(21)]
        shown = [self._people[name][0] for name in names]
        small = [cv2.resize(each, (16, 16), interpolation=cv2.INTER_AREA) for each in shown]
        flat = np.stack(small).reshape(len(small), -1).astype(np.float64)
        flat -= flat.mean(axis=1, keepdims=True)
        flat /= np.linalg.norm(flat, axis=1, keepdims=True)
        other = 1 + int((flat[1:] @ flat[0]).argmax())
        return (names[0], shown[0]), (names[other], shown[other])


def _frame(
    plan: _Plan, background: Array, time: float
) -> tuple[Array, dict[str, Array], list[Array]]:
    """The picture, the boxes of those in view, and boxes in doubt."""
    image = background.astype(np.float32)
    in_view: list[tuple[str, Array, Array]] = []  # person, box, mask of the face's pixels
    for actor in plan.actors:
        place = actor.path(time)
        if place is None:
            continue
        face = _paste(image, actor.portrait, place)
        in_view = [(name, box, mask & ~face) for name, box, mask in in_view]
        in_view.append((actor.person, _box(place), face))
    place = plan.thing(time) if plan.thing else None
    if place is not None:
        x, y, side, _ = place
        rows = slice(max(0, round(y - 0.75 * side)), max(0, round(y + 0.75 * side)))
        columns = slice(max(0, round(x - side / 4)), max(0, round(x + side / 4)))
        image[rows, columns] = (70, 90, 60)
        for _, _, mask in in_view:
            mask[rows, columns] = False
    truth: dict[str, Array] = {}
    unsure = []
    for name, box, mask in in_view:
        seen = mask.sum() / (np.pi / 4 * box[2] * box[3])
        if seen >= SEEN:
            truth[name] = box
        elif seen >= HIDDEN:
            unsure.append(box)
    return image.astype(np.uint8), truth, unsure


def _box(place: tuple[float, float, float, float]) -> Array:
    """The face's box for a portrait at that place; a turned face keeps the box about its middle."""
    x, y, side, roll = place
    middle = np.array([FACE[0] + FACE[2] / 2 - 0.5, FACE[1] + FACE[3] / 2 - 0.5]) * side
    angle = np.deg2rad(roll)
    turned = np.array(
        [
            np.cos(angle) * middle[0] - np.sin(angle) * middle[1],
            np.sin(angle) * middle[0] + np.cos(angle) * middle[1],
        ]
    )
    size = np.array([FACE[2], FACE[3]]) * side
    return np.concatenate([np.array([x, y]) + turned - size / 2, size])


def _paste(image: Array, portrait: Array, place: tuple[float, float, float, float]) -> Array:
    """Draw the portrait with soft edges; returns where its face is, (H, W) bool."""
    face = np.zeros(image.shape[:2], bool)
    x, y, side, roll = place
    reach = 0.75 * side  # half the diagonal and a little
    left, top = max(0, int(x - reach)), max(0, int(y - reach))
    here = (slice(top, max(top, int(y + reach))), slice(left, max(left, int(x + reach))))
    part = image[here]
    if not part.size:
        return face
    scale, angle = side / PORTRAIT, np.deg2rad(roll)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([x - left, y - top])
    matrix = np.column_stack([turn, middle - turn @ np.full(2, PORTRAIT / 2)])
    size = (part.shape[1], part.shape[0])
    # Shrinking without a blur first would leave jagged edges that no camera makes.
    if scale < 1:
        portrait = cv2.GaussianBlur(portrait, (0, 0), 0.4 / scale)
    drawn = cv2.warpAffine(portrait, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    soft = cv2.warpAffine(_SOFT, matrix, size)[..., None]
    part *= 1 - soft
    part += soft * drawn
    face[here] = cv2.warpAffine(_OVAL, matrix, size, flags=cv2.INTER_NEAREST)
    return face


def _masks() -> tuple[Array, Array]:
    """Of a portrait: how opaque it is, soft towards its edges, and the oval of its face."""
    across = (np.arange(PORTRAIT) + 0.5) / PORTRAIT
    down = across[:, None]
    from_edge = 1 - (2 * across - 1) ** 4 - (2 * down - 1) ** 4
    soft = np.clip(from_edge / 0.5, 0, 1).astype(np.float32)
    left, top, width, height = FACE
    x, y = (across - left) / width * 2 - 1, (down - top) / height * 2 - 1
    return soft, (x**2 + y**2 <= 1).astype(np.uint8)


_SOFT, _OVAL = _masks()


def _held(rng: np.random.Generator, x: float, y: float, side: float) -> Path2D:
    """Someone who sits there and moves a little, as speakers do."""
    phase = rng.uniform(0, 2 * np.pi, 4)
    pace = rng.uniform(0.15, 0.5, 4) * 2 * np.pi

    def path(time: float) -> tuple[float, float, float, float]:
        sway = np.sin(pace * time + phase)
        return (
            x + 0.10 * side * sway[0],
            y + 0.05 * side * sway[1],
            side * (1 + 0.05 * sway[2]),
            6 * sway[3],
        )

    return path


def _walk(
    rng: np.random.Generator,
    start: Sequence[float],
    end: Sequence[float],
    begin: float,
    stop: float,
) -> Path2D:
    """From (x, y, side) to another between two seconds, with some sway; elsewhere nobody."""
    sway = _held(rng, 0.0, 0.0, 0.3 * (start[2] + end[2]))

    def path(time: float) -> tuple[float, float, float, float] | None:
        if not begin <= time <= stop:
            return None
        share = (time - begin) / (stop - begin)
        x, y, side = (a + share * (b - a) for a, b in zip(start, end, strict=True))
        dx, dy, _, roll = sway(time)
        return x + dx, y + dy, side, roll

    return path


def _between(path: Path2D, *spans: tuple[float, float]) -> Path2D:
    """The same path, there in those spans of seconds only."""
    return lambda time: path(time) if any(a <= time < b for a, b in spans) else None


def _still(cast: _Cast, rng: np.random.Generator) -> _Plan:
    side = rng.uniform(90, 260)
    return _Plan([cast.actor(_held(rng, rng.uniform(200, 440), rng.uniform(150, 210), side))])


def _moving(cast: _Cast, rng: np.random.Generator) -> _Plan:
    side = rng.uniform(70, 160)
    y = rng.uniform(100, 260)
    ends = (-side, y, side), (WIDTH + side, rng.uniform(100, 260), side)
    order = rng.permutation(2)
    stop = rng.uniform(3, 7)
    return _Plan([cast.actor(_walk(rng, ends[order[0]], ends[order[1]], 0.5, stop))])


def _growing(cast: _Cast, rng: np.random.Generator) -> _Plan:
    x, far, near = rng.uniform(200, 440), rng.uniform(40, 60), rng.uniform(220, 320)
    ends = (x, 140.0, far), (rng.uniform(250, 390), 190.0, near)
    order = rng.permutation(2)
    return _Plan([cast.actor(_walk(rng, ends[order[0]], ends[order[1]], 0.0, SECONDS))])


def _crossing(cast: _Cast, rng: np.random.Generator) -> _Plan:
    one, other = rng.uniform(90, 150, 2)
    y = rng.uniform(140, 220)
    left, right = (130.0, y), (510.0, y + rng.uniform(-30, 30))
    return _Plan(
        [
            cast.actor(_walk(rng, (*left, one), (*right, one), 0.0, SECONDS)),
            cast.actor(_walk(rng, (*right, other), (*left, other), 0.0, SECONDS)),
        ]
    )


def _occluded(cast: _Cast, rng: np.random.Generator) -> _Plan:
    side, y = rng.uniform(100, 180), rng.uniform(150, 210)
    thing = _walk(rng, (-60.0, y, 1.6 * side), (WIDTH + 60.0, y, 1.6 * side), 1.0, 7.0)
    return _Plan([cast.actor(_held(rng, rng.uniform(200, 440), y, side))], thing)


def _returning(cast: _Cast, rng: np.random.Generator) -> _Plan:
    side, y, back = rng.uniform(90, 160), rng.uniform(140, 220), rng.uniform(4.5, 6.0)
    middle, edge = (320.0, y, side), (WIDTH + side, y, side)
    exits = _walk(rng, middle, edge, 1.0, 3.0)
    enters = _walk(rng, edge, (rng.uniform(150, 320), y, 1.1 * side), back, SECONDS)
    before = _between(_held(rng, *middle), (0.0, 1.0))

    def path(time: float) -> tuple[float, float, float, float] | None:
        return before(time) or exits(time) or enters(time)

    return _Plan([cast.actor(path)])


def _cut(cast: _Cast, rng: np.random.Generator) -> _Plan:
    return _cut_between(rng, cast.actor, ("", None), ("", None))


def _cut_alike(cast: _Cast, rng: np.random.Generator) -> _Plan:
    return _cut_between(rng, cast.actor, *cast.twins())


def _cut_between(
    rng: np.random.Generator,
    actor: Callable[[Path2D, Array | None, str], Actor],
    one: tuple[str, Array | None],
    other: tuple[str, Array | None],
) -> _Plan:
    """A dialogue: shot and counter-shot with the heads at about the same place."""
    side, x, y = rng.uniform(130, 240), rng.uniform(250, 390), rng.uniform(160, 200)
    first = _held(rng, x, y, side)
    second = _held(rng, x + rng.uniform(-0.2, 0.2) * side, y, side * rng.uniform(0.9, 1.1))
    marks = np.sort(rng.uniform(1.2, 7, 3))
    return _Plan(
        [
            actor(_between(first, (0, marks[0]), (marks[1], marks[2])), one[1], one[0]),
            actor(_between(second, (marks[0], marks[1]), (marks[2], SECONDS)), other[1], other[0]),
        ]
    )


def _group(cast: _Cast, rng: np.random.Generator) -> _Plan:
    sides = rng.uniform(70, 120, 4)
    return _Plan(
        [
            cast.actor(_held(rng, 95 + 150 * i, rng.uniform(110, 250), side))
            for i, side in enumerate(sides)
        ]
    )


def _blurred(cast: _Cast, rng: np.random.Generator) -> _Plan:
    plan, sigma = _still(cast, rng), rng.uniform(2, 5)
    return _Plan(plan.actors, spoil=lambda image, _: cv2.GaussianBlur(image, (0, 0), sigma))


def _dark(cast: _Cast, rng: np.random.Generator) -> _Plan:
    gain = rng.uniform(0.08, 0.25)

    def spoil(image: Array, noise: np.random.Generator) -> Array:
        dim = image * gain + noise.normal(0, 4, image.shape)
        return np.clip(dim, 0, 255).astype(np.uint8)

    return _Plan(_still(cast, rng).actors, spoil=spoil)


def _tilted(cast: _Cast, rng: np.random.Generator) -> _Plan:
    inner = _held(rng, rng.uniform(220, 420), 180.0, rng.uniform(120, 220))
    most = rng.choice([-1, 1]) * rng.uniform(30, 50)

    def path(time: float) -> tuple[float, float, float, float] | None:
        place = inner(time)
        assert place is not None
        return (*place[:3], most * np.sin(2 * np.pi * time / SECONDS))

    return _Plan([cast.actor(path)])


KINDS: dict[str, Callable[[_Cast, np.random.Generator], _Plan]] = {
    "still": _still,
    "moving": _moving,
    "growing": _growing,
    "crossing": _crossing,
    "occluded": _occluded,
    "returning": _returning,
    "cut": _cut,
    "cut between people alike": _cut_alike,
    "group": _group,
    "blurred": _blurred,
    "dark": _dark,
    "tilted": _tilted,
}
