"""The result of a run, drawn from the files that it made: each kind of run has a drawing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dash.development.base_component import Component

from app_dash.frame.page import PageContext
from app_dash.lab.analysis import KINDS, analysis_result
from app_dash.lab.answers import Output, Run
from app_dash.shared.panels import empty_message, panel


@dataclass(frozen=True)
class Found:
    """A run, the files that it made, how one is read by its name, and what the address chooses."""

    run: Run
    outputs: Sequence[Output]
    read: Callable[[str], bytes]
    show: str = ""


def _analysis(found: Found, context: PageContext) -> Component:
    return analysis_result(found.run, found.read, found.show, context)


_DRAWINGS: dict[str, Callable[[Found, PageContext], Component]] = dict.fromkeys(KINDS, _analysis)


def result_tab(found: Found, context: PageContext) -> Component:
    """Draw what a run found; what it has not made yet is said."""
    run = found.run
    if run.state != "succeeded":
        return panel("Result", empty_message("There is a result once the run has succeeded."))
    if run.kind not in _DRAWINGS:
        return panel("Result", empty_message("Its files are under Outputs."))
    return _DRAWINGS[run.kind](found, context)
