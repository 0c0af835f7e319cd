"""The table of stored predictions: its columns, how a cell is written, and the grid itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_ag_grid as dag
from dash.development.base_component import Component

from app_dash import numbers
from app_dash.keyword_values import keyword_unit, keyword_value
from database.exploration import Sort
from database.regions import noaa_numbers
from solar.flares import EVENTS
from solar.sharp import KEYWORDS, Keyword

TYPE = "record-table"
BLOCK = 100

# A class of one's own replaces that of the column's type.
_NUMBER = "ag-right-aligned-cell probability"

# The grid's own variables take ours, so that light and dark follow without a word to the grid.
_THEME = (
    "themeQuartz.withParams({"
    "backgroundColor: 'var(--panel)', foregroundColor: 'var(--text)', "
    "headerBackgroundColor: 'var(--panel)', headerTextColor: 'var(--text2)', "
    "headerFontWeight: 400, headerFontSize: 11, borderColor: 'var(--border)', "
    "rowHoverColor: 'var(--sunk)', accentColor: 'var(--accent)', "
    "fontFamily: 'inherit', fontSize: 13, rowHeight: 36, headerHeight: 32, "
    "wrapperBorder: false, wrapperBorderRadius: 0, columnBorder: false, iconSize: 12, "
    "cellHorizontalPadding: 12})"
)


def record_table(identity: Mapping[str, str], keywords: Sequence[Keyword]) -> Component:
    """Lay out the grid; a callback on its `getRowsRequest` gives it the rows of a block."""
    grid: Component = dag.AgGrid(
        id=dict(identity),
        columnDefs=[*_leading_columns(), *(_keyword_column(keyword) for keyword in keywords)],
        rowModelType="infinite",
        defaultColDef={
            "sortable": True,
            "sortingOrder": ["desc", "asc", None],
            "resizable": True,
            "suppressMovable": True,
        },
        dashGridOptions={
            "theme": {"function": _THEME},
            "cacheBlockSize": BLOCK,
            "maxBlocksInCache": 10,
            "rowBuffer": 10,
            "suppressMultiSort": True,
            "ensureDomOrder": True,
        },
        style={"height": "480px", "width": "100%"},
    )
    return grid


def sort_of(request: Mapping[str, Any]) -> Sort:
    """Read the order that the grid asks for; without one the newest record comes first."""
    asked = request.get("sortModel") or []
    if not asked:
        return Sort()
    return Sort(str(asked[0]["colId"]), is_descending=asked[0]["sort"] == "desc")


def cells(record: Mapping[str, Any]) -> dict[str, str]:
    """Write one record of `database.exploration.page` for the eye."""
    return {
        "region_id": _region(record),
        "noaa_ars": ", ".join(map(str, noaa_numbers(record["noaa_ars"] or ""))) or numbers.ABSENT,
        "t_rec": record["t_rec"].strftime("%Y-%m-%d %H:%M"),
        **{event.column: numbers.probability(record[event.column]) for event in EVENTS},
        "rung": record["reason"] or record["rung"],
        **{keyword.column: keyword_value(record[keyword.column], keyword) for keyword in KEYWORDS},
    }


def _region(record: Mapping[str, Any]) -> str:
    region_id = record["region_id"]
    return f"HARP {region_id}" if region_id > 0 else f"AR {-region_id}"


def _leading_columns() -> list[dict[str, Any]]:
    fixed = {"pinned": "left", "lockPinned": True}
    return [
        {"field": "region_id", "headerName": "Region", "width": 126, **fixed},
        {"field": "noaa_ars", "headerName": "NOAA AR", "width": 96},
        {"field": "t_rec", "headerName": "Time, UTC", "width": 160, "sort": "desc"},
        *(
            {"field": event.column, "headerName": f"P({event.label})", "width": 92,
             "type": "rightAligned", "cellClass": _NUMBER}
            for event in EVENTS
        ),
        {"field": "rung", "headerName": "Rung or reason", "width": 150, "tooltipField": "rung"},
    ]  # fmt: skip


def _keyword_column(keyword: Keyword) -> dict[str, Any]:
    return {
        "field": keyword.column,
        "headerName": f"{keyword.name}, {keyword_unit(keyword)}",
        "headerTooltip": keyword.description,
        "type": "rightAligned",
        "width": 150,
    }
