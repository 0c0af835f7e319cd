"""Observations: SHARP records as columns, the same with the sender and with the API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from solar.columns import Coded, Columns, Floats, Integers, Times
from solar.sharp import BY_NAME

KEYWORD_NAMES: tuple[str, ...] = tuple(BY_NAME)

NoaaNumbers = tuple[int, ...]


@dataclass(frozen=True)
class Observations(Columns):
    """The columns of n observations; NaN and NaT are missing.

    Parameters
    ----------
    t_rec : (n,) T_REC as datetime64[us] in UTC
    series : (n,) data series
    harpnum : (n,) HARPNUM, 0 where the source gave none
    noaa_ars : (n,) NOAA numbers as a tuple per row, possibly empty
    made_at : (n,) DATE as datetime64[us] in UTC
    quality : (n,) QUALITY as float
    lon_fwt, lat_fwt : (n,) Stonyhurst position of the flux-weighted centre, west positive [deg]
    keywords : (n, 25) in the order of `solar.sharp.KEYWORDS`
    """

    t_rec: Times
    series: Coded[str]
    harpnum: Integers
    noaa_ars: Coded[NoaaNumbers]
    made_at: Times
    quality: Floats
    lon_fwt: Floats
    lat_fwt: Floats
    keywords: Floats

    def keyword(self, name: str) -> Floats:
        """Return one keyword (n,)."""
        return self.keywords[:, KEYWORD_NAMES.index(name)]

    def given_keywords(self) -> list[str]:
        """Return the names of the keywords that any row has."""
        given = ~np.isnan(self.keywords).all(axis=0)
        return [KEYWORD_NAMES[place] for place in np.flatnonzero(given).tolist()]


def keyword_matrix(columns: Mapping[str, Floats], n: int) -> Floats:
    """Return the keywords (n, 25) from columns by name; one that is not there is missing."""
    matrix = np.full((n, len(KEYWORD_NAMES)), np.nan)
    for name, values in columns.items():
        matrix[:, KEYWORD_NAMES.index(name)] = values
    return matrix


def one_number_each(numbers: Integers) -> Coded[NoaaNumbers]:
    """Return the NOAA numbers of rows that have one each, or none where it is 0."""
    distinct, codes = np.unique(numbers, return_inverse=True)
    return Coded(codes, tuple((number,) if number else () for number in distinct.tolist()))


def no_times(n: int) -> Times:
    """Return n missing times."""
    return np.full(n, np.datetime64("NaT", "us"))
