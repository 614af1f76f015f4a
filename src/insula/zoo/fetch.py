"""`insula models pull`: bring weights from their publisher to this machine, whole or not at all.

    check the terms -> for each file: stream to NAME.part, resuming after a cut -> verify -> rename

The only module of insula that opens a connection to another machine.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from insula.errors import (
    ChecksumMismatch,
    LicenceNotAccepted,
    NotAvailableOffline,
    OutputError,
    WeightsError,
)
from insula.zoo.card import Card, WeightFile, find_card
from insula.zoo.store import check, place, weights_path

Progress = Callable[[int, int], None]
"""Called with the bytes that are here and the bytes in all."""

PAUSES = (0.5, 1.0, 2.0, 4.0)  # seconds before each further attempt
TIMEOUT = 30.0  # seconds without a byte before an attempt counts as cut

_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})  # HTTP answers that may pass
_NO_SUCH_RANGE = 416
_PARTIAL = 206


def pull(
    which: str | Card,
    *,
    accept_licence: bool = False,
    offline: bool = False,
    progress: Progress | None = None,
    mirror: str | None = None,
) -> Path:
    """Fetch weights, verify them, and give their path; at once where they are already here.

    accept_licence: needed only where the weights' terms restrict their use. offline: fetch
    nothing. mirror: address of a folder that holds the same files, instead of the publisher's.
    Raises LicenceNotAccepted, NotAvailableOffline, ChecksumMismatch, WeightsError (no network, an
    HTTP error, a full disk; what has arrived is kept for the next attempt) and OutputError.
    """
    card = find_card(which)
    try:
        return weights_path(card)
    except (NotAvailableOffline, ChecksumMismatch):
        if offline or card.tier == "bundled":
            raise
    if not card.licence.permissive and not accept_licence:
        terms = f"weights: {card.licence.weights}; data: {card.licence.data}"
        raise LicenceNotAccepted(card.name, terms)
    folder = place(card)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(folder, error.strerror or str(error)) from error
    here = 0
    with httpx.Client(follow_redirects=True, timeout=TIMEOUT) as client:
        for file in card.files:
            url = f"{mirror.rstrip('/')}/{file.name}" if mirror else file.url
            _Download(card, file, url, folder / file.name, here, progress).run(client)
            here += (folder / file.name).stat().st_size
    return weights_path(card)


@dataclass(frozen=True)
class _Download:
    """One file on its way to `path`. before: bytes of the card's earlier files."""

    card: Card
    file: WeightFile
    url: str
    path: Path
    before: int
    progress: Progress | None

    @property
    def part(self) -> Path:
        return self.path.with_name(self.path.name + ".part")

    def run(self, client: httpx.Client) -> None:
        if self.path.is_file() and self._is_whole(self.path):
            return
        resumed = self._arrived() > 0
        self._fetch(client)
        if resumed and not self._is_whole(self.part):  # the part was of another day's file
            self.part.unlink()
            self._fetch(client)
        try:
            check(self.card, self.file, self.part)
        except ChecksumMismatch:
            self.part.unlink()
            raise
        self.part.replace(self.path)

    def _is_whole(self, path: Path) -> bool:
        try:
            check(self.card, self.file, path)
        except ChecksumMismatch:
            return False
        return True

    def _fetch(self, client: httpx.Client) -> None:
        """Try until the server has sent everything; each attempt goes on where the last ended."""
        for pause in PAUSES:
            try:
                self._attempt(client)
                return
            except (_BusyError, httpx.TransportError):
                time.sleep(pause)
        try:
            self._attempt(client)
        except (_BusyError, httpx.TransportError) as error:
            advice = "Look whether this machine is online"
            raise self._failed(str(error) or type(error).__name__, advice) from error

    def _attempt(self, client: httpx.Client) -> None:
        start = self._arrived()
        # Compressed answers could not be resumed.
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        try:
            with client.stream("GET", self.url, headers=headers) as answer:
                if answer.status_code == _NO_SUCH_RANGE and start:
                    return  # nothing is left to send; the checksum tells whether that is so
                self._refuse(answer)
                # A server that ignores Range sends the whole file once more.
                self._receive(answer, start if answer.status_code == _PARTIAL else 0)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
            raise self._failed(str(error), "Mend the address") from error

    def _refuse(self, answer: httpx.Response) -> None:
        said = f"the server answered {answer.status_code} {answer.reason_phrase}".rstrip()
        if answer.status_code in _BUSY:
            raise _BusyError(said)
        if answer.status_code >= 400:
            advice = "The file may have moved: upgrade insula, or name a mirror that has it"
            raise self._failed(said, advice)

    def _receive(self, answer: httpx.Response, start: int) -> None:
        left = int(answer.headers.get("Content-Length", 0)) or max(self.file.size - start, 0)
        total = max(self.card.size, self.before + start + left)
        try:
            with self.part.open("ab") as output:
                output.truncate(start)
                if shutil.disk_usage(self.path.parent).free < left:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                here = self.before + start
                for block in answer.iter_bytes():
                    output.write(block)
                    here += len(block)
                    if self.progress is not None:
                        self.progress(here, total)
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> WeightsError | OutputError:
        if error.errno != errno.ENOSPC:
            return OutputError(self.part, error.strerror or str(error))
        free = shutil.disk_usage(self.path.parent).free
        return WeightsError(
            f"The disk is full: {str(self.path.parent)!r} has {free / 1e6:.1f} MB free, "
            f"{self.card.name!r} takes {self.card.size / 1e6:.1f} MB. {self._kept()}Make room, or "
            f"set INSULA_HOME to a folder with more, then run: insula models pull {self.card.name}"
        )

    def _failed(self, reason: str, advice: str) -> WeightsError:
        return WeightsError(
            f"Cannot fetch {self.file.name!r} of {self.card.name!r} from {self.url}: {reason}. "
            f"{self._kept()}{advice}, then run: insula models pull {self.card.name}"
        )

    def _kept(self) -> str:
        arrived = self._arrived() / 1e6
        return f"What has arrived ({arrived:.1f} MB) is kept. " if arrived else ""

    def _arrived(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0


class _BusyError(Exception):
    """The server is there but does not answer just now."""
