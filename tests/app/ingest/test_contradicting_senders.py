from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from conflict_fixtures import APRIL, MARCH, Row, account, held, lost, send, values
from flask.testing import FlaskClient


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_senders_that_contradict_each_other_at_once_the_rule_names_the_winner(
    client: FlaskClient, row: Row, first: int
) -> None:
    sides = [
        [account(row, 4.0 + side, harpnum=6000 + n, made_at=(MARCH, APRIL)[side])
         for n in range(40)]
        for side in (0, 1)
    ]  # fmt: skip
    start = Barrier(2)

    def deliver(side: int) -> None:
        own = client.application.test_client()
        start.wait()
        for item in sides[side]:
            send(own, item, sender=f"s{side}")

    with ThreadPoolExecutor(2) as senders:
        list(senders.map(deliver, (first, 1 - first)))

    assert values(held(client)) == [5.0] * 40
    assert values(lost(client)) == [4.0] * 40
    counts = client.get("/api/v1/senders").get_json()["items"]
    assert [c["accepted"] + c["duplicates"] + c["revised"] for c in counts] == [40, 40]
    assert sum(c["accepted"] for c in counts) == 40
