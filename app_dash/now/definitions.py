"""The definitions of every number on the Now page."""

from __future__ import annotations

from app_dash.shared.definitions import Definition

DEFINITIONS: dict[str, Definition] = {
    "xrays": Definition(
        "X-rays now",
        "The class of the newest measured minute of the GOES flux of 1–8 Å, and the level of radio"
        " blackout that it reaches. A flare in progress is detected in these minutes: four that"
        " rise by 40 %, or 16 that rise slowly. It ends half way from its peak to the flux before."
        " It is drawn hollow until the flare list confirms it, and counts in no score.",
        "R1 ≥ 10⁻⁵, R2 ≥ 5·10⁻⁵, R3 ≥ 10⁻⁴, R4 ≥ 10⁻³, R5 ≥ 2·10⁻³ W m⁻²",
        "NOAA space weather scales; the definition of a flare by SWPC; see docs/now.md",
    ),
    "full-disk": Definition(
        "Full-disk probability",
        "The probability of a flare of the class anywhere on the disk in 24 h, the number that the"
        " Skill page verifies with scope disk. It is the mean of two log-odds: of 1−∏(1−p), which"
        " takes the regions as independent, and of a regression on the flares of the last days,"
        " fitted on 1999 to 2013. If the flare list"
        " does not cover the last 3 days, 1−∏(1−p) stands alone.",
        "logit P = (logit(1−∏(1−p)) + c + Σ wᵢ ln(1 + nᵢ))/2;  nᵢ: M1.0+ in 1, 3, 27, 120 d,"
        " C1.0+ in 1, 3, 27 d",
        "Forecasts of the last 3 h count. Murray et al. 2017, doi 10.1002/2016SW001579",
    ),
    "windows": Definition(
        "Windows",
        "The probability of a flare of the class anywhere on the disk that peaks in the window."
        " 24 h is the large number of the card, and the other windows are computed as it is. A"
        " window that the model does not forecast is –. Day 2 is 24 to 48 h from the time of the"
        " record, day 3 is 48 to 72 h. The full disk has no band, the page of a region shows its"
        " own.",
        "6 h ≤ 12 h ≤ 24 h ≤ 48 h ≤ 24 h + day 2, in the forecasts of each region",
        "Other windows than 24 h: of the first record of each hour. They count for 3 h",
    ),
    "agencies": Definition(
        "Forecasts of agencies",
        "What other forecast centres say of the full disk: today (d1), tomorrow (d2) and the day"
        " after (d3), each from 00:00 to 24:00 UTC; the number of this page is for the 24 h from"
        " now. It is the newest forecast whose first day has begun, with the time of its issue. A"
        " feed that is silent gets older, and a day that is over is –. A name that ends with"
        " +derived is computed from probabilities of single classes.",
        "derived: P(M1.0+) = 1 − (1 − M)(1 − X)",
        "The Skill page verifies them: model, scope disk",
    ),
    "solar-disk": Definition(
        "Solar disk",
        "Each region at its current place: its last known Stonyhurst position, rotated at the rate"
        " of its latitude. Seen from Earth, east on the left, tilted by B₀. Beyond the dashed lines"
        " at 70° the field is measured too poorly for a forecast.",
        "ω = 14.33 − 2.12 sin²φ − 1.83 sin⁴φ − 0.99 °/d;  r = 4 + √area/4.2 px",
        "Howard, Harvey & Forgach 1990, doi 10.1007/BF00156795",
    ),
    "regions": Definition(
        "Regions by risk",
        "The calibrated probabilities of each region for 24 h, or for the window chosen above; all"
        " else is of 24 h, the order by risk too. A forecast counts for 3 h. Δ is"
        " the change of M1.0+ in percentage points over 24 h; the small figure below it is the"
        " change since the previous forecast. A region without a forecast is listed with the"
        " reason.",
        "Δ = P(t) − P(t − 24 h);  alert: P ≥ threshold, watch: P ≥ threshold/2",
        "The threshold was frozen with the model; see the Skill page",
    ),
    "alerts-now": Definition(
        "Alerts on the disk",
        "Open alerts, and those that opened in the last 7 days. An alert opens when a forecast"
        " crosses its threshold and closes when it has stayed below a lower one. Then it is judged"
        " by the flares that occurred.",
        "open: P ≥ on;  close: P < off for the rule's time",
        "Rules: the file FLARE_ALERT_RULES; all alerts: the Alerts page",
    ),
    "flares-now": Definition(
        "Flares and X-ray flux",
        "Flares by time and class of their peak, as listed, over the GOES flux of 1–8 Å where it is"
        " stored; each interval of the line shows the highest minute. Below: the full-disk"
        " probability as issued hour by hour, then the window of the forecast. GOES-16 and later"
        " satellites measure the true flux. Earlier classes are on the operational scale, 0.7 of"
        " the true one.",
        "class: C ≥ 10⁻⁶, M ≥ 10⁻⁵, X ≥ 10⁻⁴ W m⁻²",
        "NOAA, GOES-R XRS: the scaling factor of 0.7 of GOES 8 to 15 removed",
    ),
}
