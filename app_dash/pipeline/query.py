"""The address of the Pipeline page: how far back from now its figures reach."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal

from app_dash.shared.url_state import Query
from solar.time import Window

Range = Literal["1h", "24h", "7d"]
# The end is rounded up to the bucket, so that a figure changes only with its last bar.
RANGES: Mapping[Range, tuple[str, timedelta, int]] = {
    "1h": ("1 h", timedelta(hours=1), 60),
    "24h": ("24 h", timedelta(hours=24), 300),
    "7d": ("7 d", timedelta(days=7), 3600),
}


class PipelineQuery(Query):
    """A preset, before the current clock time, not before the newest record."""

    range: Range = "1h"

    @property
    def label(self) -> str:
        """The name of the range."""
        return RANGES[self.range][0]

    def window(self, now: datetime) -> Window:
        """Return the range of receipt times that ends with the bucket of `now`."""
        _, span, bucket = RANGES[self.range]
        end = (int(now.timestamp()) // bucket + 1) * bucket
        end_at = datetime.fromtimestamp(end, UTC)
        return Window(end_at - span, end_at)
