"""HTML templates of the report; values are escaped."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from model_training.report import wording
from model_training.report.wording import GLOSSARY


def render(template: str, /, **values: object) -> str:
    """Fill in a template of this folder."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "score": wording.score,
        "signed": wording.signed,
        "interval": wording.interval,
        "count": wording.count,
        "percent": wording.percent,
        "event": wording.event,
    }
    return environment.get_template(template).render(glossary=GLOSSARY, **values)
