"""The flares of three days over the X-rays and the probability that was issued for them."""

from __future__ import annotations

from dash.development.base_component import Component

from app_dash.components.panels import graph, legend, panel
from app_dash.figures.flares import DiskLine, Stem, flare_figure
from app_dash.figures.xray import FluxLine
from app_dash.now.data import FLARE_DAYS, NowData
from app_dash.now.disk_forecast import DiskForecast
from app_dash.now.standing import MAIN
from app_dash.numbers import probability
from app_dash.theme import Tokens
from database.flares.flares import Flare
from solar.flares import EVENTS, FluxScale

HEIGHT = 184


def flare_panel(data: NowData, forecast: DiskForecast, tokens: Tokens) -> Component:
    """Draw them, with the window of the forecast behind."""
    stems = [Stem(f.peak_at, f.goes_class, f.peak_flux_w_m2, _region(f)) for f in data.flares]
    line = DiskLine(data.series.times, data.series.full_disk[:, EVENTS.index(MAIN)])
    flux = FluxLine(data.xray.start_at, data.xray.step, data.xray.flux) if data.xray else None
    figure = flare_figure(stems, line, shown=data.shown, now=data.at, tokens=tokens, xray=flux)
    counts = ", ".join(f"{sum(s.goes_class[0] == c for s in stems)} {c}" for c in "CMX")
    now = probability(forecast.product)
    text = f"Flares of the last {FLARE_DAYS} days: {counts}; full-disk P(M1.0+) is now {now}."
    notes = [f"GOES 1–8 Å, {counts}", _unseen(data), _satellites(data)]
    return panel(
        f"Flares, last {FLARE_DAYS} days",
        graph("flares", figure, text=text, height=HEIGHT),
        subtitle=" · ".join(filter(None, notes)),
        actions=[legend(name.lower(), name) for name in "CMX"],
        class_name="span-12 flare-panel",
        how="flares-now",
    )


def _region(flare: Flare) -> str:
    return str(flare.noaa_ar) if flare.noaa_ar else "region unknown"


def _unseen(data: NowData) -> str:
    seen = {standing.region.region_id for standing in data.found if standing.forecast is not None}
    n = sum(flare.region_id not in seen for flare in data.flares)
    return f"{n} from regions without a forecast" if n else ""


def _satellites(data: NowData) -> str:
    """Name who measured the flux, and warn where its scale is not that of the classes."""
    if data.xray is None:
        return ""
    named = f"flux by {', '.join(data.xray.satellites)}"
    scales = {flare.flux_scale for flare in data.flares}
    is_true = any(_is_calibrated(name) for name in data.xray.satellites)
    if is_true and FluxScale.OPERATIONAL in scales:
        return f"{named}, true scale: the classes are operational, 0.7 of it"
    return named


def _is_calibrated(satellite: str) -> bool:
    """Tell whether a satellite's flux is on the true scale: GOES-16 and those after it."""
    digits = satellite.lstrip("GOES-goes")
    return digits.isdigit() and int(digits) >= 16
