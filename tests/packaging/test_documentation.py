from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from flask import Flask

from app.create_app import PREFIX, ROUTES
from app.routes import status
from app_dash.create_app import PAGES as DASHBOARD_PAGES
from solar.sharp import KEYWORDS, Keyword

ROOT = Path(__file__).parents[2]
PAGES = {page.name: page.read_text() for page in (ROOT / "docs").glob("*.md")}
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("keyword", KEYWORDS, ids=lambda keyword: keyword.name)
def test_every_keyword_is_documented_with_its_unit_and_range(keyword: Keyword) -> None:
    row = next(
        line for line in PAGES["keywords.md"].splitlines() if line.startswith(f"| {keyword.name} |")
    )

    assert row == (
        f"| {keyword.name} | {keyword.description} | {keyword.unit}"
        f" | {keyword.low:g} … {keyword.high:g} | {'yes' if keyword.is_live else 'no'} |"
    )


def test_every_setting_is_explained_where_the_readme_points() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()

    assert "(.env.example)" in README
    for above, line in pairwise(lines):
        if line.startswith("FLARE_"):
            assert above.startswith(("#", "FLARE_")), line


def test_every_address_of_the_api_is_on_the_interface_page() -> None:
    api = Flask("paths", static_folder=None)
    for room in ROUTES:
        api.register_blueprint(room.blueprint, url_prefix=PREFIX)
    api.register_blueprint(status.blueprint)

    paths = {rule.rule for rule in api.url_map.iter_rules()}

    assert [path for path in sorted(paths) if path not in PAGES["api.md"]] == []


def test_every_page_of_the_dashboard_is_in_the_readme() -> None:
    assert [page.title for page in DASHBOARD_PAGES if f"**{page.title}**" not in README] == []


def test_what_the_readme_links_to_exists() -> None:
    assert missing_targets(ROOT / "README.md") == []


@pytest.mark.parametrize("name", PAGES)
def test_what_a_page_links_to_exists(name: str) -> None:
    assert missing_targets(ROOT / "docs" / name) == []


def missing_targets(page: Path) -> list[str]:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", page.read_text())
    return [target for target in targets if not (page.parent / target).exists()]
