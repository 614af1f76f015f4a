"""AffectNet: faces of the web, each with an expression, valence and arousal by one annotator.

Layout (release of 2021): for S in train_set, val_set: pictures `S/images/<id>.jpg` of a face each,
and beside them `S/annotations/<id>_exp.npy`, `<id>_val.npy` and `<id>_aro.npy`, one number or its
text each: the expression in the order of `EXPRESSIONS`, valence and arousal from -1 to 1, or -2
where nobody could tell. (`<id>_lnd.npy` has landmarks.) Nobody promises that an id is in one part
only, so the key of a picture has its part in it.

The truth is the expression, in the columns of `ekman8`, and valence and arousal. The protocol with
seven classes leaves out contempt, which is what the way from `ekman8` to `ekman7` does.

Source: Mollahosseini et al., "AffectNet: a database for facial expression, valence, and arousal
computing in the wild", IEEE Transactions on Affective Computing 10, 2019. The pictures were taken
from the web: research use, by signed agreement. Nobody knows who is in which picture, so each
picture is its own group.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from insula.core.records import Estimate
from insula.core.roles import Corpus, Example
from insula.core.space import EKMAN8, VA, Space
from insula.core.track import Track
from insula.corpora.films import STILL, open_picture, write_picture
from insula.corpora.labelled_audio import check_protocol
from insula.errors import FilesMissing, UnexpectedLayout, UnknownName

NAME = "AffectNet"
PARTS = {"train": "train_set", "valid": "val_set"}
EXPRESSIONS = (
    *("neutral", "happiness", "sadness", "surprise"),
    *("fear", "disgust", "anger", "contempt"),
)
UNKNOWN = -2.0  # of valence and arousal
END = "_exp.npy"
ADVICE = "Get the release of 2021 from its authors at the University of Denver, on agreement."


class AffectNet(Corpus):
    """The faces of the training part, then of the validation part, by id."""

    name = "affectnet"
    title = "AffectNet, faces with expression, valence and arousal"
    citation = "Mollahosseini et al. (2019), AffectNet, IEEE Trans. Affective Computing 10"
    licence = "research use by signed agreement; pictures of the web, do not redistribute"
    access = "on request with a signed agreement, from the University of Denver"
    layout = "{train_set,val_set}/images/ID.jpg and annotations/ID_{exp,val,aro}.npy"
    space = "ekman8"
    protocols = ("official",)
    splits = tuple(PARTS)
    group = "picture"
    unit = "face"
    counts = {"train": 287651, "valid": 4000}

    def __iter__(self) -> Iterator[Example]:
        for part in PARTS:
            yield from self.part(part)

    def part(self, split: str) -> Iterator[Example]:
        """The faces of "train" or "valid"; the other part need not be there."""
        for path in self._annotations(split):
            key = path.name.removesuffix(END)
            picture = path.parents[1] / "images" / f"{key}.jpg"
            if not picture.is_file():
                missing = str(picture.relative_to(self.root))
                raise FilesMissing(NAME, self.root, [missing], f"It is annotated. {ADVICE}")
            shares = np.zeros(len(EKMAN8))
            shares[EKMAN8.index(EXPRESSIONS[_expression(path)])] = 1
            affect = [_axis(path.with_name(f"{key}_{axis}.npy")) for axis in ("val", "aro")]
            truth = {
                EKMAN8.name: _truth(EKMAN8, shares, known=True),
                VA.name: _truth(VA, np.array(affect), known=UNKNOWN not in affect),
            }
            groups = {"picture": f"{split}/{key}", "split": split}
            yield Example(open_picture(picture), truth, person=f"{split}/{key}", groups=groups)

    def split(self, protocol: str) -> list[tuple[Sequence[int], Sequence[int]]]:
        """The parts of the release."""
        check_protocol(NAME, protocol, self.protocols)
        train, valid = (len(self._annotations(part)) for part in PARTS)
        return [(range(train), range(train, train + valid))]

    @staticmethod
    def make_fixture(folder: str | Path, groups: int = 3, *, rng: np.random.Generator) -> None:
        """In each part `groups` made-up faces an expression; of one nobody knows the arousal."""
        for part in PARTS.values():
            for number in range(groups * len(EXPRESSIONS)):
                write_picture(Path(folder) / part / "images" / f"{number}.jpg", rng)
                valence, arousal = rng.uniform(-1, 1, 2).round(3)
                values = {
                    "exp": number % len(EXPRESSIONS),
                    "val": valence,
                    "aro": arousal if number else UNKNOWN,
                }
                annotations = Path(folder) / part / "annotations"
                annotations.mkdir(exist_ok=True)
                for kind, value in values.items():
                    np.save(annotations / f"{number}_{kind}.npy", np.array(str(value)))

    def _annotations(self, split: str) -> list[Path]:
        """The files of expressions, in the order of ids."""
        if split not in PARTS:
            raise UnknownName(f"part of {NAME}", split, PARTS)
        pattern = f"{PARTS[split]}/annotations/*{END}"
        found = sorted(Path(self.root).glob(pattern), key=lambda path: (len(path.name), path.name))
        if not found:
            raise FilesMissing(NAME, self.root, [pattern], ADVICE)
        return found


def _truth(space: Space, values: np.ndarray, *, known: bool) -> Estimate:
    track = Track([STILL.middle], values[None], space.labels, [known], STILL.duration)
    return Estimate(space, track, np.ones(1), f"annotators of {NAME}", basis="annotators")


def _expression(path: Path) -> int:
    value = _number(path)
    if value not in range(len(EXPRESSIONS)):
        raise UnexpectedLayout(NAME, path, f"the expression {value:g}", "a number from 0 to 7")
    return int(value)


def _axis(path: Path) -> float:
    value = _number(path)
    if not (-1 <= value <= 1 or value == UNKNOWN):
        raise UnexpectedLayout(NAME, path, f"the value {value:g}", "-1 to 1, or -2 for unknown")
    return value


def _number(path: Path) -> float:
    """The number in a file, written as a number or as text; finite."""
    if not path.is_file():
        raise FilesMissing(NAME, path.parent, [path.name], ADVICE)
    try:
        value = float(np.load(path, allow_pickle=False).item())
    except (ValueError, EOFError, OSError) as error:
        raise UnexpectedLayout(NAME, path, f"no number ({error})", "one number, as .npy") from error
    return value
