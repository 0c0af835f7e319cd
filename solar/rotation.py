"""Solar rotation: how far a region moves westward in a given time."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# Sidereal rotation of small magnetic features: 2.894, -0.428 and -0.370 microradians a second
# times 1, sin² and sin⁴ of latitude, here in degrees a day. Howard, Harvey & Forgach 1990,
# doi 10.1007/BF00156795.
_COEFFICIENTS = tuple(np.degrees(rate * 1e-6 * 86_400) for rate in (2.894, -0.428, -0.370))
# The mean motion of the Earth, which follows the rotation: 360 degrees in a sidereal year.
EARTH_DEG_PER_DAY = 360 / 365.25636


def synodic_rate(lat_deg: ArrayLike) -> Floats:
    """Return the rotation as seen from Earth at latitudes (n,) or () [deg per day]; NaN stays."""
    square = np.sin(np.radians(np.asarray(lat_deg, float))) ** 2
    a, b, c = _COEFFICIENTS
    return np.asarray(a + b * square + c * square**2 - EARTH_DEG_PER_DAY)


def rotated(lon_deg: float, lat_deg: float, elapsed: timedelta) -> float:
    """Return the Stonyhurst longitude [deg, -180 to 180, west positive] after a time."""
    moved = lon_deg + float(synodic_rate(lat_deg)) * (elapsed / timedelta(days=1))
    return (moved + 180) % 360 - 180
