"""The table of extremes and means: one row for every keyword that the selection has."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from app_dash.region.keyword_values import keyword_unit, keyword_value
from database.exploration.statistics import KeywordStatistics


def keyword_statistics(rows: Sequence[KeywordStatistics]) -> Component:
    """Write minimum, maximum and mean in the unit for display; what is absent is named below."""
    present = [row for row in rows if row.n]
    absent = ", ".join(row.keyword.name for row in rows if not row.n)
    head = [html.Th("Keyword"), html.Th("Unit"), *(_number_head(t) for t in ("Min", "Max", "Mean"))]
    table = html.Table(
        [html.Thead(html.Tr(head)), html.Tbody([_row(row) for row in present])],
        className="data summary keyword-statistics",
    )
    note = [html.P(f"Without a value: {absent}", className="caption")] if absent else []
    return html.Div([table, *note], className="table-scroll statistics-scroll", tabIndex=0)


def _number_head(text: str) -> Component:
    return html.Th(text, className="number")


def _row(row: KeywordStatistics) -> Component:
    keyword = row.keyword
    values = [keyword_value(value, keyword) for value in (row.minimum, row.maximum, row.mean)]
    hint = f"{keyword.description}; {row.n:,} values"
    return html.Tr(
        [
            html.Td(keyword.name, title=hint),
            html.Td(keyword_unit(keyword), className="unit-cell"),
            *(html.Td(value, className="number") for value in values),
        ]
    )
