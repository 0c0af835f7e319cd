"""What a command of model training answers, on either stream."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_training.__main__ import main

Captured = pytest.CaptureFixture[str]


def said(capsys: Captured, *words: str | Path) -> str:
    """Run a command that succeeds; return what it wrote."""
    assert main([str(word) for word in words]) == 0
    return capsys.readouterr().out


def complaint(capsys: Captured, *words: str | Path) -> str:
    """Run a command that fails; return the one line in which it says why."""
    assert main([str(word) for word in words]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert err.count("\n") == 1
    return err
