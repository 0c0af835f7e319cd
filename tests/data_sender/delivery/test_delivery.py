from __future__ import annotations

import signal
import time

import orjson


def test_rows_survive_an_absent_api_in_the_spool_and_arrive_in_order(
    api, sender, write_table, wait_until
):
    api.stop()
    process = sender.start("replay", write_table(hours=50), "--batch", 10)
    wait_until(lambda: sender.own("spool").exists() and sender.spooled_bytes() > 5_000)

    api.start()
    stdout, _ = process.communicate(timeout=60)

    summary = orjson.loads(stdout)
    assert process.returncode == 0
    assert summary["spooled"] >= 30
    assert summary["spool_bytes"] == 0
    assert len(api.stored) == 100
    assert api.order == sorted(api.order)


def test_newer_rows_wait_behind_the_spooled_ones(api, sender, write_table, wait_until):
    process = sender.start("replay", write_table(hours=40), "--speed", 36000)
    wait_until(lambda: len(api.stored) >= 6)
    api.stop()
    wait_until(lambda: sender.own("spool").exists() and sender.spooled_bytes() > 2_000)

    api.start()
    process.communicate(timeout=60)

    assert process.returncode == 0
    assert len(api.stored) == 80
    assert api.order == sorted(api.order)


def test_nothing_is_lost_when_a_sender_with_a_spool_is_killed(api, sender, write_table, wait_until):
    path = write_table(hours=50)
    api.stop()
    process = sender.start("replay", path, "--batch", 5)
    wait_until(lambda: sender.own("spool").exists() and sender.spooled_bytes() > 3_000)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    segment = sorted(sender.own("spool").glob("*.jsonl"))[-1]
    with segment.open("ab") as file:
        file.write(b'["observations",[{"torn')

    api.start()
    status, summary, _ = sender.run("replay", path, "--batch", 5)

    assert status == 0
    assert summary["is_complete"]
    assert len(api.stored) == 100
    assert summary["sent"] >= 100


def test_nothing_is_lost_when_a_sender_is_killed_while_it_posts(
    api, sender, write_table, wait_until
):
    path = write_table(hours=100)
    api.delay_seconds = 0.05
    process = sender.start("replay", path, "--batch", 5)
    wait_until(lambda: len(api.stored) >= 50)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = len(api.stored)
    api.delay_seconds = 0.0

    status, summary, _ = sender.run("replay", path, "--batch", 5)

    assert status == 0
    assert 50 <= before < 200
    assert len(api.stored) == 200
    # The position was kept: at most the batch under way is sent twice.
    assert summary["duplicates"] <= 10
    assert api.order[: before - 5] == sorted(api.order)[: before - 5]


def test_sigterm_ends_a_waiting_sender_at_once_and_keeps_its_position(
    api, sender, write_table, wait_until
):
    path = write_table(hours=20)
    process = sender.start("replay", path, "--speed", 1)
    wait_until(lambda: len(api.stored) == 2)

    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    stdout, _ = process.communicate(timeout=10)
    _, rest, _ = sender.run("replay", path)

    assert process.returncode == 0
    assert time.monotonic() - started < 5
    assert orjson.loads(stdout)["sent"] == 2
    assert (rest["sent"], rest["duplicates"]) == (38, 0)


def test_sigterm_spools_the_post_that_an_unresponsive_api_holds(
    api, sender, write_table, wait_until
):
    path = write_table(hours=20)
    api.delay_seconds = 30.0
    process = sender.start("replay", path)
    wait_until(lambda: len(api.arrivals) == 1)

    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    stdout, _ = process.communicate(timeout=15)
    elapsed = time.monotonic() - started
    api.delay_seconds = 0.0
    sender.run("replay", path)

    assert process.returncode == 0
    assert elapsed < 8
    assert orjson.loads(stdout)["spooled"] == 40
    assert len(api.stored) == 40


def test_retry_after_is_obeyed(api, sender, write_table):
    api.answers.append(({"title": "Store away", "status": 503}, 503, {"Retry-After": "1"}))

    status, summary, _ = sender.run("replay", write_table())

    assert status == 0
    assert summary["accepted"] == 40
    assert api.arrivals[1] - api.arrivals[0] >= 1.0
    assert summary["spooled"] == 0


def test_too_many_requests_are_repeated(api, sender, write_table):
    api.answers.append(({"title": "Too many", "status": 429}, 429, {"Retry-After": "0"}))

    status, summary, _ = sender.run("replay", write_table())

    assert (status, summary["accepted"]) == (0, 40)


def test_rejected_rows_are_written_down_with_their_errors(api, sender, write_table):
    path = write_table(hours=2, USFLUX=[1e22, -1e22, 1e22, 1e22])

    status, summary, _ = sender.run("replay", path)

    assert status == 0
    assert (summary["accepted"], summary["rejected"]) == (3, 1)
    (entry,) = sender.rejected()
    assert entry["observation"]["keywords"]["USFLUX"] == -1e22
    assert entry["errors"] == [{"path": "keywords.USFLUX", "message": "negative"}]


def test_a_batch_without_any_acceptable_row_does_not_stop_the_replay(api, sender, write_table):
    path = write_table(hours=2, USFLUX=[1e22, -1e22, 1e22, -2e22])

    status, summary, _ = sender.run("replay", path, "--batch", 2)

    assert status == 0
    assert (summary["accepted"], summary["rejected"]) == (2, 2)
    assert [entry["observation"]["harpnum"] for entry in sender.rejected()] == [3721, 3740]
    assert sender.rejected()[1]["errors"][0]["path"] == "observations[1].keywords.USFLUX"


def test_a_wrong_key_stops_the_sender_without_losing_its_position(api, sender, write_table):
    path = write_table()
    api.answers.append(({"title": "Unauthorized", "detail": "unknown key"}, 401, {}))

    status, _, log = sender.run("replay", path)
    _, summary, _ = sender.run("replay", path)

    assert status == 3
    assert "unknown key" in log
    assert "FLARE_API_KEY" in log
    assert summary["accepted"] == 40


def test_another_server_at_the_address_is_recognised(api, sender, write_table):
    status, _, log = sender.run("replay", write_table(), "--api-url", f"{api.url}/elsewhere")

    assert status == 3
    assert "check that FLARE_API_URL names the API" in log


def test_a_batch_that_is_too_large_is_halved(api, sender, write_table):
    api.largest_batch = 12

    status, summary, _ = sender.run("replay", write_table())

    assert (status, summary["accepted"]) == (0, 40)
    assert api.sizes == [10, 10, 10, 10]


def test_a_sender_gives_up_when_told_so_and_keeps_the_spool(api, sender, write_table):
    path = write_table()
    api.stop()

    status, summary, _ = sender.run("replay", path, "--give-up-after", 1)
    api.start()
    later, rest, _ = sender.run("replay", path)

    assert status == 4
    assert summary["spool_bytes"] > 0
    assert later == 0
    assert (rest["accepted"], rest["spooled"]) == (40, 0)


def test_a_full_spool_pauses_the_reading_until_the_api_is_back(
    api, sender, write_table, wait_until
):
    # 8,000 rows of some 170 bytes are more than the MiB that the spool may hold.
    path = write_table(hours=4000)
    api.stop()
    process = sender.start("replay", path, "--spool-limit-mb", 1)
    wait_until(lambda: sender.own("spool").exists() and sender.spooled_bytes() > 900_000)
    time.sleep(1.0)
    held = sender.spooled_bytes()

    api.start()
    _, log = process.communicate(timeout=60)

    assert held <= 2**20
    assert b"has reached 1 MiB; reading pauses" in log
    assert process.returncode == 0
    assert len(api.stored) == 8000
