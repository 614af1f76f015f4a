"""Whether a copy of a corpus is whole: every file decoded, every example counted.

    folder -> each file opened by its kind (damage.py) -> broken files
           -> examples of each published part, counted by the corpus itself -> Manifest

One broken file ends nothing. Sound and film that cannot be read are examples that do not count. A
corpus stops at any other file that is not as it should be; so it counts in a folder of links to the
files, from which those are taken out one by one. Where a list demands such a file, its part is not
counted.
"""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from insula.core.roles import Corpus, Example
from insula.corpora.damage import FILM, SOUND, find_damage
from insula.corpora.labelled_audio import UnreadableRecording
from insula.errors import FilesMissing, OutputError, UnexpectedLayout, UnreadableMedia

ALL = "all"  # the one part of a corpus without parts
TOLERANCE = 0.01  # share of the published examples that may be lacking or too many

Progress = Callable[[int, int, str], None]
"""Told how many of how many are done (0 where nobody knows), and of what: "files", "examples"."""


@dataclass(frozen=True)
class Part:
    """One part of a corpus.

    found: examples in this copy; None where broken or missing files keep them from being counted.
    expected: examples published; None where nobody published a number.
    """

    name: str
    found: int | None
    expected: int | None

    @property
    def differs(self) -> bool:
        """Whether more than 1 % of the published examples are lacking, or too many."""
        if self.found is None:
            return True
        return self.expected is not None and (
            abs(self.found - self.expected) > TOLERANCE * self.expected
        )

    @property
    def remark(self) -> str:
        """What the numbers mean, for people."""
        found, expected = self.found, self.expected
        if found is None:
            return "cannot be counted before broken and missing files are replaced"
        if expected is None:
            return "nobody published a number to compare with"
        if found == expected:
            return "as published"
        if not self.differs:
            return f"within 1 % of the release ({found} of {expected})"
        if found > expected:
            return f"more than the release ({found} instead of {expected})"
        return f"a part of the release ({found} of {expected})" if found else "not here"


@dataclass(frozen=True)
class Manifest:
    """What is in a copy of a corpus.

    root: its folder. files: how many were opened. parts: of the release. missing: files that the
    layout demands. corrupt: path -> what is wrong with it.
    """

    corpus: str
    root: str
    files: int
    parts: tuple[Part, ...]
    missing: tuple[str, ...]
    corrupt: Mapping[str, str]

    @property
    def is_whole(self) -> bool:
        """Nothing is missing or corrupt, and no count differs from a published one."""
        return not (self.missing or self.corrupt or any(part.differs for part in self.parts))

    @property
    def is_real(self) -> bool:
        """Whole, and held against published counts: a number measured on it may bear its name."""
        return self.is_whole and any(part.expected is not None for part in self.parts)

    def save(self, path: str | Path) -> None:
        """Write all of it as JSON."""
        document = json.dumps(self.to_dict(), ensure_ascii=False, indent=1) + "\n"
        try:
            Path(path).write_text(document, encoding="utf-8")
        except OSError as error:
            raise OutputError(path, error.strerror or str(error)) from error

    def to_dict(self) -> dict[str, object]:
        """All of it, ready for JSON."""
        parts = [{**asdict(part), "remark": part.remark} for part in self.parts]
        verdict = {"is_whole": self.is_whole, "is_real": self.is_real}
        return {**asdict(self), "parts": parts, "missing": list(self.missing), **verdict}


def verify_corpus(corpus: Corpus, *, progress: Progress | None = None) -> Manifest:
    """Open every file under the corpus's root, count its examples, and hold both to the release."""
    tell = progress or (lambda done, total, what: None)
    root = Path(corpus.root)
    files = sorted(path for path in root.rglob("*") if path.is_file() and _is_shown(path, root))
    corrupt = {}
    for done, path in enumerate(files):
        tell(done, len(files), "files")
        damage = find_damage(path)
        if damage:
            corrupt[path] = damage
    tell(len(files), len(files), "files")
    parts = tuple(corpus.counts) or corpus.splits or (ALL,)
    with tempfile.TemporaryDirectory() as folder:
        counting = _Counting(corpus, files, corrupt, Path(folder), tell)
        found = {part: counting.count(part) for part in parts}
    return Manifest(
        corpus.name,
        str(root),
        len(files),
        tuple(Part(part, found[part], corpus.counts.get(part)) for part in parts),
        tuple(counting.missing),
        {
            str(path): damage
            for path, damage in sorted({**counting.astray, **counting.corrupt}.items())
        },
    )


def _is_shown(path: Path, root: Path) -> bool:
    return not any(part.startswith(".") for part in path.relative_to(root).parts)


class _Counting:
    """Counts the examples of a corpus and collects what it stumbles over.

    folder: an empty one, for links to the files where some are broken.
    """

    def __init__(
        self,
        corpus: Corpus,
        files: Sequence[Path],
        corrupt: Mapping[Path, str],
        folder: Path,
        tell: Progress,
    ) -> None:
        self.corrupt = dict(corrupt)
        self.astray: dict[Path, str] = {}  # the root, where the corpus fails for unknown reasons
        self.missing: list[str] = []
        self._corpus, self._files, self._tell = corpus, files, tell
        self._root = self._read = Path(corpus.root)
        self._links = folder / self._root.resolve().name  # some loaders look at that name
        self._total, self._done = sum(corpus.counts.values()), 0
        if self.corrupt:
            self._make_links()

    def count(self, part: str) -> int | None:
        """Examples of a part; None where broken or missing files keep them from being counted."""
        before = self._done
        while True:
            self._done = before
            try:
                for example in self._examples(part):
                    if isinstance(example.recording, UnreadableRecording):
                        self._note(example.recording.error)
                        continue
                    self._done += 1
                    self._tell(self._done, self._total, "examples")
                return self._done - before
            except FilesMissing as error:
                if not self._lack(error) or (part == ALL and self._files):
                    return None
                return self._done - before
            except (UnexpectedLayout, UnreadableMedia) as error:
                if not self._take_out(error):
                    return None
            except Exception as error:  # a loader that damaged data led astray; go on with others
                self.astray.setdefault(self._root, f"{type(error).__name__}: {error}")
                return None

    def _examples(self, part: str) -> Iterable[Example]:
        corpus = copy.copy(self._corpus)  # a constructor only stores its arguments
        corpus.root = self._read
        return corpus if part == ALL else corpus.part(part)

    def _lack(self, error: FilesMissing) -> bool:
        """Note what is missing; False where that is only what was taken out."""
        broken = {path.name for path in self.corrupt}
        inside = Path(error.root)
        inside = inside.relative_to(self._read) if inside.is_relative_to(self._read) else Path()
        lacking = [name for name in error.missing if Path(name).name not in broken]
        named = [str(inside / name) for name in lacking]
        self.missing += [name for name in named if name not in self.missing]
        return bool(lacking)

    def _note(self, error: UnexpectedLayout | UnreadableMedia) -> Path:
        """Note a broken file, unless it, or the archive that it is in, is noted already."""
        path = Path(error.path)
        if path.is_relative_to(self._read):
            path = self._root / path.relative_to(self._read)
        if path.parent not in self.corrupt:
            reason = str(error).replace(str(self._read), str(self._root))
            self.corrupt.setdefault(path, reason)
        return path

    def _take_out(self, error: UnexpectedLayout | UnreadableMedia) -> bool:
        """Note a broken file and read on without it; False where that cannot be."""
        path = self._note(error)
        if path not in self._files or not (self._read == self._links or self._make_links()):
            return False
        link = self._links / path.relative_to(self._root)
        if not link.is_symlink() and not link.exists():
            return False
        link.unlink()
        return True

    def _make_links(self) -> bool:
        """Read from links to the files from now on; False where there can be no links.

        In the place of broken sound or film is an empty file: its example is there, unreadable.
        """
        try:
            self._links.mkdir()
            for path in self._files:
                link = self._links / path.relative_to(self._root)
                link.parent.mkdir(parents=True, exist_ok=True)
                if path not in self.corrupt:
                    link.symlink_to(path.resolve())
                elif path.suffix.lower() in SOUND + FILM:
                    link.touch()
        except OSError:  # Windows lets only some users make links
            return False
        self._read = self._links
        return True
