"""What the strip says of one look at the store."""

from __future__ import annotations

from app_dash.standing import MAIN, full_disk, reasons, standings
from app_dash.strip import Verdict, verdict
from app_dash.view import View


def assess(view: View) -> Verdict:
    """Decide whether all clear may be said of the disk as the store knows it."""
    found = standings(view.state)
    return verdict(
        newest=view.state.newest_t_rec,
        now=view.now,
        has_model=view.state.model is not None,
        probability_m1=full_disk(s.probability(MAIN) for s in found),
        reasons=tuple(reasons(found)),
    )
