"""Where weights lie, and whether they are whole. Reads only: `fetch.pull` alone brings files in.

Bundled weights lie inside the package, pulled ones in the cache folder (`INSULA_HOME`, else the
system's place for caches), a trained model's beside its card. Before a file is used its checksum is
compared with the card's; once a process, as long as the file does not change.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import platformdirs

from insula.errors import ChecksumMismatch, NotAvailableOffline, WeightsError
from insula.zoo.card import WEIGHTS, Card, WeightFile, cards, find_card

Algorithm = Literal["sha256", "git_blob"]
State = Literal["bundled", "pulled", "trained", "not pulled", "damaged"]

_BLOCK = 1 << 20  # bytes hashed at a time


@dataclass(frozen=True)
class Verification:
    """What `verify` found. problem: "" where all is well."""

    card: Card
    state: State
    problem: str


def home() -> Path:
    """The folder that holds pulled weights, one folder a card."""
    named = os.environ.get("INSULA_HOME")
    return Path(named) if named else Path(platformdirs.user_cache_dir("insula", appauthor=False))


def place(card: Card) -> Path:
    """The folder in which the files of `card` lie, or will lie."""
    if not card.built_in:
        return card.folder
    return WEIGHTS if card.tier == "bundled" else home() / card.name


def weights_path(which: str | Path | Card) -> Path:
    """The checked weights: a file, or the folder where there are several. Never downloads.

    Raises NotAvailableOffline where they are not on this machine, ChecksumMismatch where they are
    not what the card says.
    """
    card = find_card(which)
    folder = place(card)
    for file in card.files:
        if not (folder / file.name).is_file():
            raise _absent(card, folder / file.name)
        check(card, file, folder / file.name)
    return folder / card.files[0].name if len(card.files) == 1 else folder


def check(card: Card, file: WeightFile, path: Path) -> None:
    """Compare the file at `path` with its card; ChecksumMismatch where they differ."""
    algorithm: Algorithm = "sha256" if file.sha256 else "git_blob"
    found = checksum(path, algorithm)
    if found != (file.sha256 or file.git_blob):
        raise ChecksumMismatch(card.name, path, file.sha256 or file.git_blob, found)


def verify(which: Sequence[str | Path | Card] = ()) -> list[Verification]:
    """Check the files of these weights, or of all that came with insula."""
    return [_verify(find_card(each)) for each in which or tuple(cards())]


def _verify(card: Card) -> Verification:
    try:
        weights_path(card)
    except NotAvailableOffline:
        return Verification(card, "not pulled", "")
    except WeightsError as error:
        return Verification(card, "damaged", str(error))
    return Verification(card, card.tier if card.built_in else "trained", "")


def checksum(path: Path, algorithm: Algorithm) -> str:
    """The checksum of the file, small hexadecimal digits; remembered until the file changes."""
    status = path.stat()
    return _checksum(path, algorithm, status.st_size, status.st_mtime_ns)


def _absent(card: Card, path: Path) -> WeightsError:
    if card.built_in and card.tier == "pulled":
        return NotAvailableOffline(card.name, card.size)
    remedy = "Reinstall insula." if card.built_in else "Put the file beside its card."
    return WeightsError(
        f"The weights {card.name!r} lack their file {path.name!r} in {str(path.parent)!r}. {remedy}"
    )


@functools.lru_cache(maxsize=256)
def _checksum(path: Path, algorithm: str, size: int, modified: int) -> str:
    digest = hashlib.sha256() if algorithm == "sha256" else hashlib.sha1(b"blob %d\0" % size)
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
