"""Every error insula raises on purpose.

    InsulaError
    ├── MediaError            UnreadableMedia · NoSuchStream
    ├── MissingDependency     (also ImportError)
    ├── UnknownName           (also KeyError)     registry, space, bridge, preset
    ├── ConfigError           (also ValueError)
    ├── OutputError           (also OSError)      a result that could not be written
    ├── WeightsError          ChecksumMismatch · NotAvailableOffline · LicenceNotAccepted
    ├── CorpusError           FilesMissing · UnexpectedLayout · Leak
    └── ContractError         a plug-in broke a promise

Each message has three parts: what happened (with the value), what would have been right, what to
do now. Classes that are raised in more than one place build their sentence from values, so that
the text is written once.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class InsulaError(Exception):
    """Root of every error that insula raises on purpose."""

    def __str__(self) -> str:
        # KeyError would show the message in quotes; a sentence reads better without.
        return str(self.args[0]) if self.args else type(self).__name__


class MediaError(InsulaError):
    """Something is wrong with a recording."""


class UnreadableMedia(MediaError):
    """A file that is there but cannot be decoded, or is not there at all."""

    def __init__(self, path: str | Path, reason: str, advice: str) -> None:
        self.path, self.reason, self.advice = str(path), reason, advice
        super().__init__(f"Cannot read {self.path!r}: {reason}. {advice}")


class NoSuchStream(MediaError):
    """A recording was asked for a kind of stream that it does not hold."""

    def __init__(self, recording: str, kind: str, present: Iterable[str]) -> None:
        self.recording, self.kind, self.present = recording, kind, tuple(present)
        holds = ", ".join(self.present) or "no stream at all"
        super().__init__(
            f"{recording!r} has no {kind} stream; it holds {holds}. "
            f"Ask `recording.streams` first, or pick a channel that needs what is there."
        )


class MissingDependency(InsulaError, ImportError):
    """An optional package is needed and not installed."""

    def __init__(self, name: str, package: str, extra: str | None) -> None:
        self.package, self.extra = package, extra
        install = f'pip install "insula[{extra}]"' if extra else f"pip install {package}"
        super().__init__(
            f"{name!r} needs the package {package!r}, which is not installed. Run: {install}"
        )


class UnknownName(InsulaError, KeyError):
    """A name that no registry entry, space, bridge or preset carries."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        close = difflib.get_close_matches(name, self.known, n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        super().__init__(f"No {kind} is called {name!r}.{hint} Known: {', '.join(self.known)}.")


class ConfigError(InsulaError, ValueError):
    """A configuration, recipe or argument that makes no sense."""


class OutputError(InsulaError, OSError):
    """A result could not be written."""

    def __init__(self, path: str | Path, reason: str) -> None:
        self.path = str(path)
        super().__init__(
            f"Cannot write to {self.path!r}: {reason}. "
            f"Name a folder that you may write to and that has room."
        )


class WeightsError(InsulaError):
    """Something is wrong with a weight file or its card."""


class ChecksumMismatch(WeightsError):
    """A weight file is not the one its card describes."""

    def __init__(self, name: str, path: str | Path, expected: str, found: str) -> None:
        self.name, self.path, self.expected, self.found = name, str(path), expected, found
        super().__init__(
            f"The weights {name!r} in {self.path!r} are damaged or not the published ones: "
            f"checksum {found[:12]}…, the card says {expected[:12]}…. "
            f"Reinstall insula if they came with it, else run: insula models pull {name}"
        )


class NotAvailableOffline(WeightsError):
    """Weights that are not on this machine, and fetching is not allowed."""

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        super().__init__(
            f"The weights {name!r} ({size / 1e6:.1f} MB) are not on this machine, and fetching is "
            f"switched off. They must be pulled once: insula models pull {name}"
        )


class LicenceNotAccepted(WeightsError):
    """Weights whose licence terms the user has not accepted."""

    def __init__(self, name: str, licence: str) -> None:
        self.name, self.licence = name, licence
        super().__init__(
            f"The weights {name!r} come under these terms: {licence}. They are fetched only once "
            f"you accept them. Run: insula models pull {name} --accept-licence"
        )


class CorpusError(InsulaError):
    """Something is wrong with a copy of a corpus."""


class FilesMissing(CorpusError):
    """A corpus folder lacks files that its layout promises."""

    def __init__(self, corpus: str, root: str | Path, missing: Iterable[str], advice: str) -> None:
        self.corpus, self.root, self.missing = corpus, str(root), list(missing)
        shown = ", ".join(self.missing[:5]) + (" …" if len(self.missing) > 5 else "")
        super().__init__(
            f"{corpus} in {self.root!r} lacks {len(self.missing)} expected files: {shown}. {advice}"
        )


class UnexpectedLayout(CorpusError):
    """A file of a corpus is not what its layout promises."""

    def __init__(self, corpus: str, path: str | Path, found: str, expected: str) -> None:
        self.corpus, self.path = corpus, str(path)
        super().__init__(
            f"{corpus}: {self.path!r} holds {found}; expected {expected}. "
            f"Compare the folder with the corpus's release, or fetch that file again."
        )


class Leak(CorpusError):
    """Weights would be judged on what they learnt from."""

    def __init__(self, weights: str, learnt: str, advice: str) -> None:
        self.weights, self.learnt = weights, learnt
        super().__init__(
            f"The weights {weights!r} learnt from {learnt}; a number from there would flatter "
            f"them, so there is none. {advice}"
        )


class ContractError(InsulaError):
    """A plug-in broke a promise of its role."""

    def __init__(self, who: str, promise: str, found: object) -> None:
        self.who, self.promise = who, promise
        super().__init__(
            f"{who} broke the promise that {promise}; found {found!r}. "
            f"Run the checks of insula.testing on it."
        )
