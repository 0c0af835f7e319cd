"""SHARP: the keywords of an HMI active-region patch, their units, limits and quality bits."""

from __future__ import annotations

from dataclasses import dataclass

LONGITUDE_LIMIT_DEG = 70.0
CADENCE_SECONDS = 720
# The filter in common use (Bobra & Couvidat 2015): bits from 0x10000 up spoil the field maps.
QUALITY_LIMIT = 0x10000

SHARP_SERIES = "hmi.sharp_cea_720s"
SIMULATED_SERIES = "simulated"
# Of records whose source does not say where they come from.
UNSTATED_SERIES = "unstated"
SERIES_PATTERN = r"^[A-Za-z0-9_.\-]{1,48}$"
# Made within hours without knowledge of the region's later extent; other series are definitive.
NEAR_REAL_TIME_SUFFIX = "_nrt"


@dataclass(frozen=True)
class Keyword:
    """One SHARP parameter.

    `low` and `high` guard against wrong units and broken rows; they are orders of
    magnitude, not limits of nature. `is_live` tells whether JSOC serves it as a keyword.
    `display_scale` divides the value for axes and tables, whose unit is `display_unit`.
    """

    name: str
    description: str
    unit: str
    low: float
    high: float
    is_live: bool = True
    display_scale: float = 1.0
    display_unit: str = ""

    @property
    def column(self) -> str:
        """The name of the keyword's database column."""
        return self.name.lower()


def _k(
    name: str, description: str, unit: str, low: float, high: float,
    display: tuple[float, str] | None = None, *, is_live: bool = True,
) -> Keyword:  # fmt: skip
    scale, shown = display or (1.0, unit)
    return Keyword(name, description, unit, low, high, is_live, scale, shown)


# Bobra et al. 2014 (doi 10.1007/s11207-014-0529-3), table 3; MEANGBT, MEANGBZ and MEANGBH are
# documented in G/Mm but stored per pixel: multiply by 2.74 to get G/Mm.
LIVE_KEYWORDS: tuple[Keyword, ...] = (
    _k("USFLUX", "Total unsigned flux", "Mx", 0, 1e24, (1e21, "10²¹ Mx")),
    _k("MEANGAM", "Mean inclination from radial", "deg", 0, 90),
    _k("MEANGBT", "Mean gradient of total field", "G/pixel", 0, 2e3),
    _k("MEANGBZ", "Mean gradient of vertical field", "G/pixel", 0, 2e3),
    _k("MEANGBH", "Mean gradient of horizontal field", "G/pixel", 0, 2e3),
    _k("MEANJZD", "Mean vertical current density", "mA/m²", -500, 500),
    _k("TOTUSJZ", "Total unsigned vertical current", "A", 0, 1e15, (1e12, "10¹² A")),
    _k("MEANALP", "Mean twist parameter α", "1/Mm", -50, 50),
    _k("MEANJZH", "Mean current helicity", "G²/m", -5, 5),
    _k("TOTUSJH", "Total unsigned current helicity", "G²/m", 0, 1e5),
    _k("ABSNJZH", "Absolute net current helicity", "G²/m", 0, 1e5),
    _k("SAVNCPP", "Sum of net current per polarity", "A", 0, 1e15, (1e12, "10¹² A")),
    _k("MEANPOT", "Mean excess energy density", "erg/cm³", 0, 1e6),
    _k("TOTPOT", "Total excess magnetic energy", "erg/cm", 0, 1e26, (1e23, "10²³ erg/cm")),
    _k("MEANSHR", "Mean shear angle", "deg", 0, 180),
    _k("SHRGT45", "Area with shear above 45°", "%", 0, 100),
    _k("R_VALUE", "Flux near strong polarity inversion lines", "log₁₀ Mx", 0, 7),
    _k("AREA_ACR", "Area of strong field", "µHem", 0, 5e4),
)
UNSERVED_KEYWORDS: tuple[Keyword, ...] = (
    _k("TOTBSQ", "Magnitude of the Lorentz force", "G²", 0, 1e13, (1e9, "10⁹ G²"), is_live=False),
    _k("TOTFX", "Net Lorentz force, x", "dyn", -1e28, 1e28, is_live=False),
    _k("TOTFY", "Net Lorentz force, y", "dyn", -1e28, 1e28, is_live=False),
    _k("TOTFZ", "Net Lorentz force, z", "dyn", -1e28, 1e28, is_live=False),
    _k("EPSX", "Normalised Lorentz force, x", "1", -1, 1, is_live=False),
    _k("EPSY", "Normalised Lorentz force, y", "1", -1, 1, is_live=False),
    _k("EPSZ", "Normalised Lorentz force, z", "1", -1, 1, is_live=False),
)
KEYWORDS: tuple[Keyword, ...] = LIVE_KEYWORDS + UNSERVED_KEYWORDS
BY_NAME: dict[str, Keyword] = {keyword.name: keyword for keyword in KEYWORDS}

# The QUALITY keyword of HMI level 1.5, jsoc.stanford.edu/doc/data/hmi/Quality_Bits/QUALITY.txt,
# as for the line-of-sight observables. Bits 0x40 to 0x200 are left out: they mean different
# things there and in the vector pipeline, and none of them spoils a map.
QUALITY_BITS: dict[int, str] = {
    0x80000000: "no data",
    0x40000000: "target filtergram missing",
    0x20000000: "keywords could not be interpolated",
    0x10000000: "no framelist",
    0x08000000: "wrong cadence",
    0x04000000: "wrong target",
    0x02000000: "level 1d data missing",
    0x01000000: "level 1d keyword missing",
    0x00800000: "wrong number of wavelengths",
    0x00400000: "level 1p keyword missing",
    0x00200000: "no look-up table",
    0x00100000: "look-up table keywords missing",
    0x00080000: "too few interpolation points",
    0x00040000: "interpolation failed",
    0x00020000: "level 1p data missing",
    0x00010000: "fewer interpolation points than expected",
    0x00008000: "keywords extrapolated",
    0x00004000: "image stabilisation open",
    0x00002000: "default temperatures",
    0x00001000: "gaps not filled",
    0x00000800: "limb fit problem",
    0x00000400: "cosmic-ray list missing",
    0x00000020: "poor quality: eclipse, transit or thermal recovery",
}


def is_near_real_time(series: str) -> bool:
    """Tell whether a series is the quick look that a definitive one follows, weeks later."""
    return series.endswith(NEAR_REAL_TIME_SUFFIX)


def describe_quality(quality: int) -> str:
    """Describe which bits of a QUALITY value are set; bits without a name stay hex."""
    bits = quality & 0xFFFFFFFF
    texts = [text for bit, text in QUALITY_BITS.items() if bits & bit]
    rest = bits & ~sum(QUALITY_BITS)
    if rest:
        texts.append(f"minor bits 0x{rest:x}")
    return ", ".join(texts) or "clean"
