from __future__ import annotations

import pytest

from data_sender.options import parse_arguments
from data_sender.settings import SenderSettings


@pytest.mark.parametrize("command", ["replay", "simulate", "fit-simulator"])
def test_every_command_explains_itself(capsys, command):
    with pytest.raises(SystemExit, match="0"):
        parse_arguments([command, "--help"])

    assert "usage: flarewatch send" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong",
    [["--batch", "0"], ["--batch", "5001"], ["--sender", "../x"], ["--give-up-after", "-1"]],
)
def test_a_wrong_option_is_refused_with_its_value(capsys, wrong):
    with pytest.raises(SystemExit, match="2"):
        parse_arguments(["replay", "rows.parquet", *wrong])

    assert repr(wrong[1]) in capsys.readouterr().err


def test_the_help_documents_every_setting(capsys):
    with pytest.raises(SystemExit):
        parse_arguments(["--help"])

    text = capsys.readouterr().out
    assert all(f"FLARE_{name.upper()}" in text for name in SenderSettings.model_fields)
