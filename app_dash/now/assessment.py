"""What the strip says of one look at the store."""

from __future__ import annotations

from app_dash.now.disk_forecast import disk_forecast
from app_dash.now.standing import (
    MAIN,
    Standing,
    named,
    reasons,
    standings,
    threshold_of,
    unseen_flares,
)
from app_dash.now.strip import Clearance, Verdict, verdict
from app_dash.view import View
from database.engine import reading
from database.flares.flares import list_flares
from solar.flares import EVENTS, HORIZON
from solar.time import Window

_MOST_FLARES = 500


def assess(view: View) -> Verdict:
    """Decide whether all clear may be said of the disk as the store knows it."""
    found = standings(view.state)
    return verdict(
        newest=view.state.newest_t_rec,
        now=view.now,
        has_model=view.state.model is not None,
        clearance=Clearance(disk_forecast(MAIN, found, view.state), view.settings.all_clear_limit),
        reasons=(*_no_threshold(view), *reasons(found), *_unlisted(view, found)),
    )


def _no_threshold(view: View) -> list[str]:
    """Say that no region can be over a threshold that the live model does not have."""
    model = view.state.model
    if model is None or threshold_of(view.state, MAIN) is not None:
        return []
    return [f"{model.model_id} has no {MAIN.label} threshold to compare with"]


def _unlisted(view: View, found: list[Standing]) -> list[str]:
    """Name the regions that flared in the last day and of which there is no record at all."""
    at = view.state.newest_t_rec
    if at is None:
        return []
    with reading(view.engine) as connection:
        recent = list_flares(
            connection, window=Window(at - HORIZON, at), min_flux=EVENTS[0].peak_flux_w_m2,
            limit=_MOST_FLARES,
        )  # fmt: skip
    numbers = [str(flare.noaa_ar) for flare in unseen_flares(recent, found)]
    return [f"{named(numbers)} flared without a SHARP record"] if numbers else []
