"""The colours of the dashboard, light and dark, as figures and pages use them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal

ThemeName = Literal["light", "dark"]

FONT = "Inter, system-ui, sans-serif"
STEP_BOUNDS = (0.0, 0.01, 0.02, 0.05, 0.10, 0.20, 0.40, 0.70)


@dataclass(frozen=True)
class Tokens:
    """One colour per role; the same names are variables in ``assets/tokens.css``."""

    name: ThemeName
    background: str
    panel: str
    sunk: str
    border: str
    grid: str
    axis: str
    text: str
    text2: str
    text3: str
    accent: str
    accent_tint: str
    on_accent: str
    ok: str
    error: str
    false_alarm: str
    warning: str
    brown: str
    violet: str
    warning_tint: str
    warning_border: str
    disk: str
    beyond: str
    c_mark: str
    c_text: str
    m_mark: str
    m_text: str
    x_mark: str
    x_text: str
    steps: tuple[str, ...]

    def mark(self, name: str) -> str:
        """Return the colour of a line or symbol of a GOES class or event such as ``M5.0``."""
        return {"C": self.c_mark, "M": self.m_mark, "X": self.x_mark}.get(name[:1], self.text3)

    def class_text(self, name: str) -> str:
        """Return the text colour of a class or event."""
        return {"C": self.c_text, "M": self.m_text, "X": self.x_text}.get(name[:1], self.text2)

    def step(self, probability: float) -> str:
        """Return the colour of a probability, in steps because a gradient is hard to read."""
        return self.steps[bisect_right(STEP_BOUNDS, probability) - 1]


LIGHT = Tokens(
    name="light",
    background="#F5F5F5",
    panel="#FFFFFF",
    sunk="#F0F0F0",
    border="#E3E3E3",
    grid="#EBEBEB",
    axis="#BDBDBD",
    text="#1A1A1A",
    text2="#555555",
    text3="#717171",
    accent="#1F66D1",
    accent_tint="#E8F0FC",
    on_accent="#FFFFFF",
    ok="#00796B",
    error="#B3261E",
    false_alarm="#8A8A8A",
    warning="#8A5A00",
    brown="#7A5C45",
    violet="#6D4BC3",
    warning_tint="#FFF4DA",
    warning_border="#E6B84D",
    disk="#F4F4F4",
    beyond="#E6E6E6",
    c_mark="#E69F00",
    c_text="#855700",
    m_mark="#D55E00",
    m_text="#AD4A00",
    x_mark="#AA3377",
    x_text="#8F2A63",
    steps=(
        "#ECE9E2", "#FBE3A8", "#FBC267", "#F59445", "#E2603F", "#BE3459", "#861F6E", "#4A105C",
    ),
)  # fmt: skip

DARK = Tokens(
    name="dark",
    background="#111111",
    panel="#1A1A1A",
    sunk="#242424",
    border="#2F2F2F",
    grid="#282828",
    axis="#5A5A5A",
    text="#EDEDED",
    text2="#B0B0B0",
    text3="#8F8F8F",
    accent="#74A9FF",
    accent_tint="#1E2A3D",
    on_accent="#101010",
    ok="#4DB6A6",
    error="#FF8A80",
    false_alarm="#8F8F8F",
    warning="#F2C766",
    brown="#C9A98F",
    violet="#B39DFF",
    warning_tint="#2B2416",
    warning_border="#6B5521",
    disk="#222222",
    beyond="#2C2C2C",
    c_mark="#F0B132",
    c_text="#F0B132",
    m_mark="#FF7F3F",
    m_text="#FF9159",
    x_mark="#E076B4",
    x_text="#E98FC2",
    steps=(
        "#3A3A3A", "#51305F", "#7E2F73", "#B03A68", "#DB5450", "#F28241", "#FAB64F", "#FDE8A2",
    ),
)  # fmt: skip


def tokens(name: str | None) -> Tokens:
    """Return the colours of a theme; anything but ``dark`` is the light one."""
    return DARK if name == "dark" else LIGHT
