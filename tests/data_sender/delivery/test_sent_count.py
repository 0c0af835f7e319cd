from __future__ import annotations

import signal

import orjson


def sent_counts(api):
    return [(sender["sequence"], sender["sent"]) for sender in api.senders]


def test_every_batch_says_how_many_rows_have_been_handed_over(api, sender, write_table):
    sender.run("replay", write_table(hours=5), "--batch", 4)

    assert sent_counts(api) == [(1, 4), (2, 8), (3, 10)]


def test_the_count_goes_on_after_a_restart_and_over_all_sources(api, sender, write_table):
    sender.run("replay", write_table(hours=2))
    _, summary, _ = sender.run("replay", write_table(hours=3, name="other.parquet"))

    assert sent_counts(api) == [(1, 4), (2, 10)]
    assert summary["handed_over"] == 10


def test_a_batch_that_is_halved_counts_half_by_half(api, sender, write_table):
    api.largest_batch = 12

    sender.run("replay", write_table())

    assert [sent for _, sent in sent_counts(api)] == [10, 20, 30, 40]


def test_rows_in_the_spool_keep_the_count_of_their_time(api, sender, write_table, wait_until):
    api.stop()
    process = sender.start("replay", write_table(hours=5), "--batch", 4)
    wait_until(lambda: sender.own("spool").exists() and sender.spooled_bytes() > 1_500)

    api.start()
    process.communicate(timeout=60)

    assert [sent for _, sent in sent_counts(api)] == [4, 8, 10]


def test_a_sender_that_is_killed_tells_the_same_count_again(api, sender, write_table, wait_until):
    path = write_table(hours=100)
    api.delay_seconds = 0.03
    process = sender.start("replay", path, "--batch", 5)
    wait_until(lambda: len(api.stored) >= 50)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    api.delay_seconds = 0.0

    sender.run("replay", path, "--batch", 5)

    # Rows 1 to n of the source have the counts 1 to n, however often they were sent.
    assert sorted({sent for _, sent in sent_counts(api)}) == list(range(5, 201, 5))


def test_a_position_of_an_earlier_version_begins_to_count(api, sender, write_table):
    path = write_table(hours=2)
    sender.run("replay", path, "--batch", 2)
    state = orjson.loads(sender.own("position.json").read_bytes())
    del state["sent"]
    sender.own("position.json").write_bytes(orjson.dumps(state))

    sender.run("replay", path, "--restart")

    assert sent_counts(api)[-1] == (3, 4)


def test_every_batch_says_how_many_rows_wait_behind_it(api, sender, write_table, wait_until):
    sender.run("replay", write_table(hours=2), "--batch", 2)
    api.stop()
    process = sender.start("replay", write_table(hours=5, name="other.parquet"), "--batch", 4)
    wait_until(lambda: sender.own("spool").exists() and sender.spooled_bytes() > 1_500)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)

    api.start()
    sender.run("replay", write_table(hours=5, name="other.parquet"), "--batch", 4)

    waiting = [entry["spooled"] for entry in api.senders]
    assert waiting[:2] == [0, 0]
    assert waiting[2:] == [10 - 4, 10 - 8, 0]
