"""Public help for tests: the promises of each role as checks, and small synthetic media."""

from __future__ import annotations

from insula.testing.contracts import (
    check_channel,
    check_corpus,
    check_crop,
    check_estimate,
    check_fusion,
)

__all__ = ["check_channel", "check_corpus", "check_crop", "check_estimate", "check_fusion"]
