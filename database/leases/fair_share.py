"""A fair share: which shards of a source a member keeps, takes and gives back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """The shards that a member may work on; those it gives back stay its own until it lets go."""

    kept: tuple[int, ...]
    taken: tuple[int, ...]


def fair_share(holders: Mapping[int, str | None], members: Sequence[str], *, member: str) -> Share:
    """Share the shards out so that each member has as many as any other, or one more.

    Parameters
    ----------
    holders : the shards that are left to do, each with its present holder, None when free
    members : all who share, in the order in which they came
    member : the one of them that asks

    Notes
    -----
    One more goes to those who hold most already, so that no shard moves without need.
    """
    own = sorted(shard for shard, holder in holders.items() if holder == member)
    target = _targets(holders, members)[member]
    free = sorted(shard for shard, holder in holders.items() if holder is None)
    return Share(tuple(own[:target]), tuple(free[: max(0, target - len(own))]))


def _targets(holders: Mapping[int, str | None], members: Sequence[str]) -> dict[str, int]:
    held = Counter(holders.values())
    ordered = sorted(members, key=lambda name: (-held[name], members.index(name)))
    size, more = divmod(len(holders), len(members))
    return {name: size + (place < more) for place, name in enumerate(ordered)}
