"""Pulling, from a server on this machine that behaves badly."""

from __future__ import annotations

import errno
import hashlib
import io
import shutil
import socket
from collections import namedtuple
from pathlib import Path

import pytest

from insula.errors import (
    ChecksumMismatch,
    LicenceNotAccepted,
    NotAvailableOffline,
    OutputError,
    WeightsError,
)
from insula.zoo import fetch
from insula.zoo.card import Card
from insula.zoo.fetch import pull
from insula.zoo.store import place, verify

from .conftest import Server, write_card


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that would have been made."""
    made: list[float] = []
    monkeypatch.setattr(fetch.time, "sleep", made.append)
    return made


def part(card: Card) -> Path:
    return place(card) / "tiny.onnx.part"


def test_a_whole_file_arrives(built_in: Card, server: Server, content: bytes) -> None:
    steps: list[tuple[int, int]] = []
    path = pull(built_in, progress=lambda here, total: steps.append((here, total)))
    assert path.read_bytes() == content
    assert path == place(built_in) / "tiny.onnx"
    assert not part(built_in).exists()
    assert len(steps) > 2
    assert steps == sorted(steps)
    assert steps[-1] == (len(content), len(content))
    assert verify([built_in])[0].state == "pulled"
    pull(built_in)
    assert len(server.asked) == 1  # what is here is not fetched again


def test_it_goes_on_after_a_cut(
    built_in: Card, server: Server, content: bytes, pauses: list[float]
) -> None:
    server.cut = 400_000
    assert pull(built_in).read_bytes() == content
    assert server.asked == [None, "bytes=400000-", "bytes=800000-"]
    assert pauses == list(fetch.PAUSES[:2])


def test_it_goes_on_another_day(built_in: Card, server: Server, content: bytes) -> None:
    server.cut = 100_000
    with pytest.raises(WeightsError, match=r"What has arrived \(0\.5 MB\) is kept"):
        pull(built_in)
    server.cut = None
    assert pull(built_in).read_bytes() == content
    assert server.asked[-1] == "bytes=500000-"


def test_a_server_that_ignores_range(built_in: Card, server: Server, content: bytes) -> None:
    place(built_in).mkdir(parents=True)
    part(built_in).write_bytes(content[:300_000])
    server.ranges = False
    assert pull(built_in).read_bytes() == content
    assert server.asked == ["bytes=300000-"]


def test_a_complete_part_is_only_verified(built_in: Card, server: Server, content: bytes) -> None:
    place(built_in).mkdir(parents=True)
    part(built_in).write_bytes(content)
    assert pull(built_in).read_bytes() == content  # the server answers 416


def test_a_part_of_another_file_is_fetched_anew(
    built_in: Card, server: Server, content: bytes
) -> None:
    place(built_in).mkdir(parents=True)
    part(built_in).write_bytes(b"x" * 300_000)
    assert pull(built_in).read_bytes() == content
    assert server.asked == ["bytes=300000-", None]


def test_damaged_weights_are_fetched_anew(built_in: Card, content: bytes) -> None:
    place(built_in).mkdir(parents=True)
    (place(built_in) / "tiny.onnx").write_bytes(b"x" + content[1:])
    assert pull(built_in).read_bytes() == content


def test_another_file_than_published(built_in: Card, server: Server, content: bytes) -> None:
    server.content = content[:-1] + bytes([content[-1] ^ 1])
    with pytest.raises(ChecksumMismatch, match="damaged or not the published ones"):
        pull(built_in)
    assert not any(place(built_in).iterdir())


def test_not_found(built_in: Card, server: Server, pauses: list[float]) -> None:
    server.fail = 404
    with pytest.raises(WeightsError) as error:
        pull(built_in)
    assert str(error.value) == (
        f"Cannot fetch 'tiny.onnx' of 'tiny' from {server.url}: the server answered 404 Not "
        f"Found. The file may have moved: upgrade insula, or name a mirror that has it, then "
        f"run: insula models pull tiny"
    )
    assert not pauses


def test_a_busy_server_is_asked_again(built_in: Card, server: Server, content: bytes) -> None:
    server.fail, server.failures = 503, 2
    assert pull(built_in).read_bytes() == content


def test_a_server_that_stays_busy(built_in: Card, server: Server, pauses: list[float]) -> None:
    server.fail = 503
    with pytest.raises(WeightsError, match="the server answered 503"):
        pull(built_in)
    assert pauses == list(fetch.PAUSES)


def test_no_network(built_in: Card, pauses: list[float]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # a port at which nobody listens
        port = closed.getsockname()[1]
        with pytest.raises(WeightsError, match="Look whether this machine is online"):
            pull(built_in, mirror=f"http://127.0.0.1:{port}")
    assert pauses == list(fetch.PAUSES)


def test_a_mirror_that_is_no_address(built_in: Card) -> None:
    with pytest.raises(WeightsError, match="Mend the address"):
        pull(built_in, mirror="gopher://nowhere")


def test_the_disk_is_full_before_it_starts(built_in: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(free=200_000))
    with pytest.raises(WeightsError) as error:
        pull(built_in)
    assert str(error.value) == (
        f"The disk is full: {str(place(built_in))!r} has 0.2 MB free, 'tiny' takes 1.1 MB. Make "
        f"room, or set INSULA_HOME to a folder with more, then run: insula models pull tiny"
    )


def test_the_disk_fills_up_on_the_way(
    built_in: Card, server: Server, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.FileIO):
        def write(self, block: object) -> int:
            if self.tell() > 400_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(block)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda self, mode: Full(self, mode.replace("b", "")))
        with pytest.raises(WeightsError, match=r"What has arrived \(0\.\d MB\) is kept"):
            pull(built_in)
    assert 0 < part(built_in).stat().st_size < len(content)
    assert pull(built_in).read_bytes() == content
    assert server.asked[-1] is not None  # it went on


def test_a_folder_that_cannot_be_made(built_in: Card, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    with pytest.raises(OutputError, match="Cannot write to"):
        pull(built_in)


def test_terms_come_first(tmp_path: Path, built_in: Card, server: Server, content: bytes) -> None:
    card = Card.load(write_card(built_in.folder, content, url=server.url, licence="CC-BY-NC-4.0"))
    with pytest.raises(LicenceNotAccepted) as error:
        pull(card)
    assert str(error.value) == (
        "The weights 'tiny' come under these terms: weights: CC-BY-NC-4.0; data: none. They are "
        "fetched only once you accept them. Run: insula models pull tiny --accept-licence"
    )
    assert not server.asked
    assert pull(card, accept_licence=True).read_bytes() == content


def test_offline_fetches_nothing(built_in: Card, server: Server, content: bytes) -> None:
    with pytest.raises(NotAvailableOffline):
        pull(built_in, offline=True)
    place(built_in).mkdir(parents=True)
    (place(built_in) / "tiny.onnx").write_bytes(b"damaged")
    with pytest.raises(ChecksumMismatch):
        pull(built_in, offline=True)
    assert not server.asked
    (place(built_in) / "tiny.onnx").write_bytes(content)
    assert pull(built_in, offline=True).read_bytes() == content


def test_several_files_make_a_folder(built_in: Card, server: Server, content: bytes) -> None:
    card_path = built_in.folder / "card.toml"
    head, _, tail = card_path.read_text().partition('file = "tiny.onnx"')
    tail = tail[tail.index("[inputs]") :]
    digest = hashlib.sha256(content).hexdigest()
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    proofs = {"model.bin": f'sha256 = "{digest}"', "vocabulary.txt": f'git_blob = "{blob}"'}
    rows = [
        f'[[files]]\nname = "{name}"\nsize = {len(content)}\n{proof}\nurl = "{server.url}"\n'
        for name, proof in proofs.items()
    ]
    card_path.write_text("\n".join([head, *rows, tail]))
    card = Card.load(card_path)
    steps: list[tuple[int, int]] = []
    folder = pull(card, progress=lambda here, total: steps.append((here, total)))
    assert folder == place(card)
    assert sorted(path.name for path in folder.iterdir()) == sorted(proofs)
    assert steps[-1] == (2 * len(content), 2 * len(content)) == (card.size, card.size)
    (folder / "model.bin").unlink()
    pull(card)
    assert len(server.asked) == 3  # only what is missing
