from __future__ import annotations

from app_dash.shared.alerts import in_windows
from solar.flares import event as find_event


def test_the_badge_of_a_region_names_a_class_once_with_the_windows_of_its_alerts() -> None:
    def named(*names: str) -> str:
        return in_windows(find_event(name) for name in names)

    assert named("M1.0", "M1.0/6h") == "M1.0+ · 6 h, 24 h"
    assert named("X1.0/d2", "M1.0/6h", "M1.0", "C1.0") == "X1.0+ on day 2; M1.0+ · 6 h, 24 h; C1.0+"
    assert named("M1.0", "C1.0") == "M1.0+ C1.0+"
