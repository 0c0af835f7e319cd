"""The table of stored predictions: its columns, its cells, and the grid."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import dash_ag_grid as dag
from dash.development.base_component import Component
from pydantic import BaseModel, Field, FiniteFloat

from app_dash.explore.columns import keyword_unit, keyword_value
from app_dash.shared import numbers
from app_dash.shared.chart import epoch
from database.exploration.records import VIEW_LIMIT, Sort
from database.exploration.statistics import BIN_EDGES, N_BINS
from database.regions.regions import noaa_numbers
from solar.flares import EVENTS
from solar.sharp import KEYWORDS, Keyword
from solar.time import nominal
from solar.windows import DAY, ForecastWindow

TYPE = "record-table"
BLOCK = 100

# A cell class replaces that of the column type, so it repeats it.
_NUMBER = "ag-right-aligned-cell probability"

# The grid's names of the filters: a range includes its lower end, as everywhere here.
_WORDS = {
    "inRange": "From … to below",
    "greaterThanOrEqual": "At least",
    "lessThan": "Below",
    "equals": "HARP or NOAA number",
    "contains": "Fallback level, or part of the reason",
    "applyFilter": "Filter",
    "resetFilter": "Clear",
}

# The grid's variables refer to ours, so that it follows light and dark by itself.
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


def record_table(
    identity: Mapping[str, str],
    keywords: Sequence[Keyword],
    *,
    of: ForecastWindow,
    sort: Sort,
    filter_model: Mapping[str, Any],
) -> Component:
    """Draw the grid; a callback on its `getRowsRequest` returns the rows of a block."""
    grid: Component = dag.AgGrid(
        id=dict(identity),
        columnDefs=[*_leading_columns(of), *(_keyword_column(keyword) for keyword in keywords)],
        rowModelType="infinite",
        getRowId="params.data.id",
        # After a change of columns the grid is new; it scrolls to where the reader was.
        scrollTo={"column": sort.column, "columnPosition": "middle"},
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
            "rowSelection": {
                "mode": "singleRow",
                "checkboxes": False,
                "enableClickSelection": True,
            },
            "initialState": {
                "partialColumnState": True,
                "filter": {"filterModel": dict(filter_model)},
                "sort": {"sortModel": [{"colId": sort.column, "sort": _direction(sort)}]},
            },
            "localeText": _WORDS,
        },
        style={"height": "480px", "width": "100%"},
    )
    return grid


def _direction(sort: Sort) -> str:
    return "desc" if sort.is_descending else "asc"


class ColumnOrder(BaseModel):
    """One entry of the grid's sort model."""

    colId: str
    sort: Literal["asc", "desc"]


class GridFilter(BaseModel):
    """One entry of the grid's filter model: a condition on one column."""

    filterType: str = ""
    type: str = ""
    filter: int | FiniteFloat | str | None = None
    filterTo: int | FiniteFloat | None = None


class RowsRequest(BaseModel):
    """The grid's request for a block of rows."""

    startRow: int | None = Field(default=None, ge=0, le=VIEW_LIMIT)
    sortModel: list[ColumnOrder] | None = None
    filterModel: dict[str, GridFilter] | None = None


def sort_of(request: Mapping[str, Any]) -> Sort:
    """Read the order from the grid's request; by default the newest record comes first."""
    sort_model = request.get("sortModel") or []
    if not sort_model:
        return Sort()
    return Sort(str(sort_model[0]["colId"]), is_descending=sort_model[0]["sort"] == "desc")


def cells(record: Mapping[str, Any]) -> dict[str, Any]:
    """Format one record of `database.exploration.records.page` for display.

    `mark` is its place in the figures: its time, and the bin of every event.
    """
    at: datetime = record["t_rec"]
    return {
        "id": f"{record['region_id']}@{at.isoformat()}",
        "mark": [epoch(at), *(bin_of(record[event.column]) for event in EVENTS)],
        "region_id": _region(record),
        "noaa_ars": ", ".join(map(str, noaa_numbers(record["noaa_ars"] or ""))) or numbers.ABSENT,
        "t_rec": f"{nominal(at):%Y-%m-%d %H:%M}",
        **{event.column: numbers.probability(record[event.column]) for event in EVENTS},
        "rung": record["reason"] or record["rung"],
        **{keyword.column: keyword_value(record[keyword.column], keyword) for keyword in KEYWORDS},
    }


def bin_of(probability: float | None) -> int | None:
    """Return the index of the bin of `BIN_EDGES` that holds a probability."""
    return None if probability is None else min(bisect_right(BIN_EDGES, probability), N_BINS) - 1


def _region(record: Mapping[str, Any]) -> str:
    region_id = record["region_id"]
    return f"HARP {region_id}" if region_id > 0 else f"AR {-region_id}"


def _leading_columns(of: ForecastWindow) -> list[dict[str, Any]]:
    fixed = {"pinned": "left", "lockPinned": True}
    return [
        {"field": "region_id", "headerName": "Region", "width": 126, **fixed, **_equals()},
        {"field": "noaa_ars", "headerName": "NOAA AR", "width": 110},
        {"field": "t_rec", "headerName": "Time, UTC", "width": 160},
        *(
            {
                "field": event.column,
                "headerName": f"P({event.within(of).label})",
                "width": 116 if of == DAY else 150,
                "type": "rightAligned",
                "cellClass": _NUMBER,
                **_range(),
            }
            for event in EVENTS
        ),
        {
            "field": "rung",
            "headerName": "Fallback level or reason",
            "width": 170,
            "tooltipField": "rung",
            **_contains(),
        },
    ]


def _keyword_column(keyword: Keyword) -> dict[str, Any]:
    return {
        "field": keyword.column,
        "headerName": f"{keyword.name}, {keyword_unit(keyword)}",
        "headerTooltip": keyword.description,
        "type": "rightAligned",
        "width": 150,
        **_range(),
    }


def _range() -> dict[str, Any]:
    return _filter("agNumberColumnFilter", "inRange", "greaterThanOrEqual", "lessThan")


def _equals() -> dict[str, Any]:
    return _filter("agNumberColumnFilter", "equals")


def _contains() -> dict[str, Any]:
    return _filter("agTextColumnFilter", "contains")


def _filter(kind: str, *options: str) -> dict[str, Any]:
    parameters = {
        "filterOptions": list(options),
        "maxNumConditions": 1,
        "buttons": ["apply", "reset"],
        "closeOnApply": True,
    }
    return {"filter": kind, "filterParams": parameters}
