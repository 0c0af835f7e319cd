"""The SHARP keywords by what they measure, in the order in which the pages show them."""

from __future__ import annotations

GROUPS: dict[str, tuple[str, ...]] = {
    "Currents, helicity": (
        "TOTUSJZ", "TOTUSJH", "ABSNJZH", "SAVNCPP", "MEANJZD", "MEANJZH", "MEANALP",
    ),
    "Energy, flux": ("USFLUX", "TOTPOT", "MEANPOT", "R_VALUE", "AREA_ACR"),
    "Shear, gradients": ("MEANSHR", "SHRGT45", "MEANGAM", "MEANGBT", "MEANGBZ", "MEANGBH"),
}  # fmt: skip
MAIN_KEYWORDS = ("TOTUSJH", "TOTPOT", "USFLUX", "SHRGT45", "MEANSHR", "ABSNJZH")
