"""The definitions of the Now page: (title, says, formula, reference) of every number."""

from __future__ import annotations

NOW: dict[str, tuple[str, str, str, str]] = {
    "full-disk": (
        "Full-disk probability",
        "The chance of a flare of the class anywhere in 24 h, three ways. 1−∏(1−p) takes regions"
        " as independent: where they are not, or where each p is a little too high, it is too"
        " high. Max is the riskiest region alone. Calibrated is a fit on past days, with the"
        " flares of the last 27 days. – where fewer than 5 event days were there to fit on, or"
        " the flare list covers fewer than 3 of the 27 days.",
        "calibrated = 1/(1 + exp(−(a·logit(1−∏(1−p)) + b·ln(1 + flares per day) + c)))",
        "Forecasts of the last 3 h count. Murray et al. 2017, doi 10.1002/2016SW001579",
    ),
    "all-clear": (
        "All clear",
        "Said of M1.0+ for the coming 24 h only when every one of these holds: the newest record"
        " is at most 24 min old; the full-disk probability, calibrated where there is one, is"
        " below the limit; no region is over its threshold; none stands beyond 70° of longitude"
        " by now, or went round the limb less than a day ago; every region on the disk has a"
        " forecast, and no other region has flared in the last 24 h.",
        "P(M1.0+, full disk) < FLARE_ALL_CLEAR_LIMIT, and no reason against it",
        "A false all clear is the costliest error; see docs/now.md",
    ),
    "solar-disk": (
        "Solar disk",
        "Each region where it stands now: its last known Stonyhurst position, carried on by the"
        " rotation at its latitude. Seen from Earth, east on the left, tilted by B₀. The dashed"
        " lines stand at 70°, beyond which the field is measured too badly to forecast from.",
        "ω = 14.33 − 2.12 sin²φ − 1.83 sin⁴φ − 0.99 °/d;  r = 4 + √area/4.2 px",
        "Howard, Harvey & Forgach 1990, doi 10.1007/BF00156795",
    ),
    "regions": (
        "Regions by risk",
        "The calibrated probabilities of each region for 24 h. A forecast counts for 3 h. Δ is"
        " the change of M1.0+ in percentage points since 24 h ago; the small figure below it the"
        " change since the forecast before the last. A region without a forecast stays, with its"
        " reason.",
        "Δ = P(t) − P(t − 24 h);  alert: P ≥ threshold, watch: P ≥ threshold/2",
        "The threshold was frozen with the model; see the Skill page",
    ),
    "alerts-now": (
        "Alerts on the disk",
        "Open alerts, and those that opened in the last 7 days. An alert opens when a forecast"
        " crosses its threshold and closes when it has stayed below a lower one; then it is"
        " judged by the flares that came.",
        "open: P ≥ on;  close: P < off for the rule's time",
        "Rules of the file FLARE_ALERT_RULES; all alerts on the Alerts page",
    ),
    "flares-now": (
        "Flares and X-ray flux",
        "Flares by the time and class of their peak, as listed, over the GOES flux of 1–8 Å where"
        " it is stored, of which each stretch of the line shows the highest minute. Below, the"
        " full-disk probability as it was issued hour by hour, then the window of the forecast."
        " Satellites from GOES-16 on give the true flux. Classes given before were on the"
        " operational scale, which reads 0.7 of it.",
        "class: C ≥ 10⁻⁶, M ≥ 10⁻⁵, X ≥ 10⁻⁴ W m⁻²",
        "NOAA, GOES-R XRS: the scaling factor of 0.7 of GOES 8 to 15 removed",
    ),
}
