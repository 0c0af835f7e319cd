"""Shapley values: how much each input of a model moved its answer away from a reference input.

An input joins the others in an order drawn at random; what the answer gains when it joins,
averaged over orders, is its contribution. Each order is taken backwards too, which makes the
values exact for answers in which no more than two inputs interact.

References: Shapley 1953; Strumbelj & Kononenko 2014, doi 10.1007/s10115-013-0679-x (sampling);
Mitchell et al. 2022, jmlr.org/papers/v23/21-0439.html (antithetic orders).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Inputs = NDArray[np.floating[Any]]
# (k, ...) inputs in, (k,) answers out.
Score = Callable[[Inputs], Floats]


@dataclass(frozen=True)
class Attribution:
    """What n answers are made of: `value[i] == base + parts[i].sum()` but for rounding.

    Parameters
    ----------
    base : answer to the reference
    value : (n,) answers
    parts : (n, f) contributions, in the unit of the answer
    error : (n, f) standard error of each contribution from the sampling of orders
    """

    base: float
    value: Floats
    parts: Floats
    error: Floats


def attribute(
    score: Score, x: Inputs, reference: Inputs, *, pairs: int, rng: np.random.Generator
) -> Attribution:
    """Share the answers to `x` out among the features.

    Parameters
    ----------
    score : called once, with all inputs there are to answer
    x : (n, f), or (n, L, f) for windows, in which a feature is replaced at every step at once
    reference : (f,) what stands for a feature that has not joined yet
    pairs : of orders; the same orders serve all n, so that the sampling error of what changed
        from one of them to another is small

    NaN in `x` is a value like any other: its contribution is that of being missing.
    """
    n, f = len(x), x.shape[-1]
    rank = _ranks(f, pairs, rng)
    has_joined = rank[:, np.newaxis, :] < np.arange(1, f)[:, np.newaxis]
    mixed = _mixed(x, reference, has_joined.reshape(-1, f))
    alone = np.broadcast_to(reference, x.shape[1:])[np.newaxis].astype(x.dtype)
    answers = np.asarray(score(np.concatenate([alone, x, mixed])), float)
    base, value, between = answers[0], answers[1 : 1 + n], answers[1 + n :]
    gains = _gains(base, value, between.reshape(n, 2 * pairs, f - 1))
    parts = np.take_along_axis(gains, np.broadcast_to(rank, gains.shape), axis=2)
    return Attribution(float(base), value, parts.mean(axis=1), _error(parts))


def _ranks(f: int, pairs: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw orders as the place (2 pairs, f) of each feature, the second half turned round."""
    rank = rng.permuted(np.tile(np.arange(f), (pairs, 1)), axis=1)
    return np.concatenate([rank, f - 1 - rank])


def _mixed(x: Inputs, reference: Inputs, has_joined: NDArray[np.bool_]) -> Inputs:
    """Return (n k, ...) inputs: each of `x` with only the features that have joined (k, f)."""
    steps = (1,) * (x.ndim - 2)
    mask = has_joined.reshape(len(has_joined), *steps, -1)
    mixed = np.where(mask, x[:, np.newaxis], reference.astype(x.dtype))
    return mixed.reshape(-1, *x.shape[1:])


def _gains(base: np.float64, value: Floats, between: Floats) -> Floats:
    """Return (n, orders, f) how much the answer gained at each place of each order."""
    shape = (*between.shape[:2], 1)
    first = np.full(shape, base)
    last = np.broadcast_to(value[:, np.newaxis, np.newaxis], shape)
    return np.diff(np.concatenate([first, between, last], axis=2), axis=2)


def _error(parts: Floats) -> Floats:
    """Return (n, f) standard errors; an order and its reverse are one draw."""
    pairs = parts.shape[1] // 2
    draws = (parts[:, :pairs] + parts[:, pairs:]) / 2
    if pairs < 2:
        return np.full(draws.shape[::2], np.nan)
    error: Floats = draws.std(axis=1, ddof=1) / np.sqrt(pairs)
    return error
