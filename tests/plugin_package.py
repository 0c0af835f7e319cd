"""The package of docs/own-models.md, laid out in a folder as an installer would leave it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "own-models.md"


def blocks(language: str, *, section: str = "A plug-in") -> list[str]:
    """Return the code blocks in a language of one section of the page."""
    (text,) = re.findall(
        rf"^## {section}.*?(?=^## |\Z)", PAGE.read_text(), re.DOTALL | re.MULTILINE
    )
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def lay_out(site: Path) -> None:
    """Write the module and its metadata."""
    project = tomllib.loads(blocks("toml")[0])["project"]
    (site / "quiet_sun.py").write_text(blocks("python")[0])
    info = site / "quiet_sun-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = project["entry-points"].items()
    (info / "entry_points.txt").write_text(
        "\n".join(
            line
            for group, entries in groups
            for line in (f"[{group}]", *(f"{name} = {value}" for name, value in entries.items()))
        )
    )
