"""Where weights lie, and whether they are whole."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from insula.errors import ChecksumMismatch, NotAvailableOffline, WeightsError
from insula.zoo.card import Card
from insula.zoo.store import checksum, home, verify, weights_path

from .conftest import write_card


def test_trained_weights_lie_beside_their_card(tmp_path: Path) -> None:
    card = write_card(tmp_path, b"weights", tier="bundled")
    with pytest.raises(WeightsError, match="Put the file beside its card"):
        weights_path(card)
    (tmp_path / "tiny.onnx").write_bytes(b"weights")
    assert weights_path(card) == tmp_path / "tiny.onnx"
    assert verify([card])[0].state == "trained"


def test_one_flipped_byte_is_found(tmp_path: Path, content: bytes) -> None:
    card = write_card(tmp_path, content, tier="bundled")
    path = tmp_path / "tiny.onnx"
    path.write_bytes(content)
    weights_path(card)
    flipped = bytearray(content)
    flipped[500_000] ^= 1
    path.write_bytes(flipped)
    expected, found = hashlib.sha256(content), hashlib.sha256(flipped)
    with pytest.raises(ChecksumMismatch) as error:
        weights_path(card)
    assert str(error.value) == (
        f"The weights 'tiny' in {str(path)!r} are damaged or not the published ones: checksum "
        f"{found.hexdigest()[:12]}…, the card says {expected.hexdigest()[:12]}…. Reinstall insula "
        f"if they came with it, else run: insula models pull tiny"
    )
    result = verify([card])[0]
    assert (result.state, result.problem) == ("damaged", str(error.value))


def test_a_checksum_is_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"weights")
    first = checksum(path, "sha256")
    monkeypatch.setattr(hashlib, "sha256", None)
    assert checksum(path, "sha256") == first


def test_the_git_blob_id_is_that_of_git(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"hello\n")  # `echo hello | git hash-object --stdin`
    assert checksum(path, "git_blob") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_what_was_not_pulled_says_how(built_in: Card) -> None:
    with pytest.raises(NotAvailableOffline) as error:
        weights_path(built_in)
    assert str(error.value) == (
        "The weights 'tiny' (1.1 MB) are not on this machine, and fetching is switched off. They "
        "must be pulled once: insula models pull tiny"
    )
    assert verify([built_in])[0].state == "not pulled"


def test_the_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INSULA_HOME", str(tmp_path))
    assert home() == tmp_path
    monkeypatch.delenv("INSULA_HOME")
    assert home().name == "insula"
