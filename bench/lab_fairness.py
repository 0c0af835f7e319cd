"""Fifty runs of three people on two workers in network namespaces of their own, one cut off."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import sqlalchemy as sa

from bench.lab_site import Site, body_of, opened_site, small_dataset, wait_until
from database.engine import reading
from database.lab.attempts import Attempt, list_attempts
from database.lab.runs import SUCCEEDED
from database.schema.lab_tables import runs
from database.schema.people_tables import audit

PEOPLE, RUNS = ("ann", "ben", "cleo"), (17, 17, 16)
CUT_AFTER_SECONDS, CUT_SECONDS = 30.0, 60.0
FAIR = 0.10
_HOSTS = 2
_IP = shutil.which("ip") or "ip"
_LONGEST_SECONDS = 600.0


def why_not() -> str | None:
    """Say why this machine cannot have the namespaces, None where it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        with _namespace(_HOSTS):
            return None
    except (OSError, subprocess.CalledProcessError) as error:
        return f"this system gives no network namespace: {error}"


def main(folder: Path) -> str:
    """Measure, and return what was found in words."""
    if (reason := why_not()) is not None:
        return f"fairness: left out, {reason}"
    with ExitStack() as stack:
        site = stack.enter_context(opened_site(folder, people=PEOPLE))
        for place in range(_HOSTS):
            stack.enter_context(_namespace(place))
        for place in range(_HOSTS):
            stack.enter_context(_worker(site, place))
        run_ids = _queue(site)
        cut = threading.Thread(target=_cut_off)
        cut.start()
        try:
            wait_until(
                lambda: not _left(site), "all runs succeed", seconds=_LONGEST_SECONDS, pause=1
            )
        finally:
            cut.join()
        return _report(site, run_ids)


@contextmanager
def _namespace(place: int) -> Iterator[None]:
    """Have a host with one line to this one, which is 10.213.PLACE.1 there."""
    name, near, far = _names(place)
    _ip("netns", "add", name)
    try:
        _ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
        _ip("addr", "add", f"10.213.{place}.1/24", "dev", near)
        _ip("link", "set", near, "up")
        _ip("-n", name, "addr", "add", f"10.213.{place}.2/24", "dev", far)
        _ip("-n", name, "link", "set", far, "up")
        _ip("-n", name, "link", "set", "lo", "up")
        yield
    finally:
        # Its line goes with it.
        _ip("netns", "del", name)


def _names(place: int) -> tuple[str, str, str]:
    return f"flare-{os.getpid()}-{place}", f"fl{os.getpid()}n{place}", f"fl{os.getpid()}f{place}"


def _ip(*arguments: str) -> None:
    subprocess.run([_IP, *arguments], check=True, capture_output=True)


def _cut_off() -> None:
    _, near, _ = _names(0)
    time.sleep(CUT_AFTER_SECONDS)
    _ip("link", "set", near, "down")
    time.sleep(CUT_SECONDS)
    _ip("link", "set", near, "up")


@contextmanager
def _worker(site: Site, place: int) -> Iterator[None]:
    near = {
        name: site.environment[name].replace("127.0.0.1", f"10.213.{place}.1")
        for name in ("FLARE_API_URL", "FLARE_BROKER_URL")
    }
    within = ("ip", "netns", "exec", _names(place)[0])
    with site.worker(f"host-{place}", within=within, **near):
        yield


def _queue(site: Site) -> list[list[str]]:
    """Have each person queue all of their runs before the next one comes."""
    people = [site.person(site.tokens[name]) for name in PEOPLE]
    dataset_id = small_dataset(people[0], site.folder)
    people[0].call("PATCH", f"/datasets/{dataset_id}", json={"visibility": "shared"})
    queued = []
    for person, n in zip(people, RUNS, strict=True):
        body = body_of(person, site.folder, dataset_id)
        queued.append([person.start(**body) for _ in range(n)])
    return queued


def _left(site: Site) -> int:
    """Count the runs that have not succeeded."""
    query = sa.select(sa.func.count()).where(runs.c.state != SUCCEEDED)
    with reading(site.engine) as connection:
        return int(connection.execute(query).scalar_one())


def _report(site: Site, run_ids: list[list[str]]) -> str:
    with reading(site.engine) as connection:
        attempts = {one: list_attempts(connection, one) for own in run_ids for one in own}
        was_lost = audit.c.value_before.contains('"lost"')
        query = sa.select(sa.func.count()).where(audit.c.action == "running", was_lost)
        found = connection.execute(query).scalar_one()
    owner_of = {one: name for name, own in zip(PEOPLE, run_ids, strict=True) for one in own}
    shares = _shares(attempts, owner_of)
    fair = sum(shares.values()) / len(PEOPLE)
    worst = max(abs(n - fair) / fair for n in shares.values())
    everything = [one for own in attempts.values() for one in own]
    ends = Counter(one.outcome for one in everything)
    twice = sum([one.outcome for one in own].count("succeeded") != 1 for own in attempts.values())
    seconds = max(one.ended_at or one.began_at for one in everything) - min(
        one.began_at for one in everything
    )
    verdict = "pass" if worst <= FAIR and not twice else "over"
    return (
        f"fairness: {len(attempts)} runs on {_HOSTS} workers in {seconds.total_seconds():.0f} s, "
        f"one cut off for {CUT_SECONDS:g} s\n"
        f"  begun while all three wait: {dict(shares)}; at most {100 * worst:.0f} % off fair\n"
        f"  attempts by outcome: {dict(ends)}; runs restarted:"
        f" {sum(len(own) > 1 for own in attempts.values())}; found again: {found};"
        f" not succeeded exactly once: {twice}\n  verdict: {verdict}"
    )


def _shares(attempts: dict[str, list[Attempt]], owner_of: dict[str, str]) -> Counter[str]:
    """Count whose runs began while each of the three still had one that waited."""
    waiting, shares = Counter(owner_of.values()), Counter(dict.fromkeys(PEOPLE, 0))
    for _, run_id in sorted((own[0].began_at, run_id) for run_id, own in attempts.items()):
        if min(waiting.values()) == 0:
            break
        shares[owner_of[run_id]] += 1
        waiting[owner_of[run_id]] -= 1
    return shares
