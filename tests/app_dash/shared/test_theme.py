from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

import app_dash
from app_dash.shared.theme import DARK, LIGHT, STEP_BOUNDS, Tokens, tokens

CSS = (Path(app_dash.__file__).parent / "assets" / "tokens.css").read_text()


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_the_style_sheet_and_the_figures_share_their_colours(theme: Tokens) -> None:
    block = CSS.split(f'[data-theme="{theme.name}"] {{')[1].split("}")[0]
    written = dict(re.findall(r"--([a-z0-9-]+): (#[0-9A-F]{6});", block))

    single = {f.name.replace("_", "-"): getattr(theme, f.name) for f in fields(theme)}
    steps = {f"step{i}": colour for i, colour in enumerate(theme.steps)}

    del single["name"], single["steps"]
    assert written == single | steps


def _luminance(colour: str) -> float:
    # WCAG 2.2, relative luminance.
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
@pytest.mark.parametrize(
    "role", ["text", "text2", "text3", "accent", "ok", "error", "c_text", "m_text", "x_text"]
)
def test_text_on_a_panel_is_readable(theme: Tokens, role: str) -> None:
    assert _contrast(getattr(theme, role), theme.panel) >= 4.5


def test_the_probability_scale_has_a_colour_for_every_step() -> None:
    assert len(LIGHT.steps) == len(DARK.steps) == len(STEP_BOUNDS)
    assert LIGHT.step(0.0) == "#ECE9E2"
    assert LIGHT.step(0.35) == "#BE3459"
    assert LIGHT.step(1.0) == "#4A105C"


def test_an_unknown_theme_is_the_light_one() -> None:
    assert tokens("dark") is DARK
    assert tokens(None) is LIGHT
