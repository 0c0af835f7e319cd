"""The definitions of every number on the Pipeline page."""

from __future__ import annotations

from app_dash.shared.definitions import Definition
from database.clock.clock import SILENT_AFTER

_COUNTED = "Counted by the API in the commit that stores the rows; see docs/pipeline.md"

DEFINITIONS: dict[str, Definition] = {
    "pipeline-sent": Definition(
        "Sent",
        "Rows that the senders have sent, by their own count, up to the last request of each. Rows"
        " in a sender's spool are not included. For a sender that does not count, the rows that"
        " arrived.",
        "sent = accepted + duplicates + revised + rejected + lost",
        _COUNTED,
    ),
    "pipeline-accepted": Definition(
        "Accepted",
        "Rows whose region and time were new to the store: each is one stored record.",
        "accepted = rows of the table observations",
        _COUNTED,
    ),
    "pipeline-duplicates": Definition(
        "Duplicate",
        "Rows that the store already had with the same content, from another sender or an earlier"
        " run, and rows superseded by a stored record of higher rank or newer DATE. A request sent"
        " again because its response was lost is not counted again.",
        "same region, same time, same or superseded content: docs/disorder.md",
        _COUNTED,
    ),
    "pipeline-late": Definition(
        "Late",
        "Accepted rows that arrived after a newer record of the same region.",
        "late = n(accepted, t < newest t of the region before the request) ≤ accepted",
        _COUNTED,
    ),
    "pipeline-rejected": Definition(
        "Rejected",
        "Rows that broke a rule and were not stored; the reasons are listed below.",
        "one row counts once, under its first fault",
        "Rules: docs/keywords.md and solar.sharp; counts: docs/pipeline.md",
    ),
    "pipeline-lost": Definition(
        "Lost",
        "Rows that a sender reports as sent and that never arrived. A dash: no sender reports how"
        " many it has sent.",
        "lost = sent − (accepted + duplicates + revised + rejected)",
        _COUNTED,
    ),
    "pipeline-senders": Definition(
        "Senders",
        "One line per sender name, since its first request. Active: heard of in the last"
        f" {SILENT_AFTER.seconds} s; a sender says every few seconds that it is there. Finished: it"
        " has said so. Silent: neither. Taken over: silent, and others hold its shards. Spooled"
        " rows wait at the sender, by its last report, and do not count as sent yet.",
        "sent = accepted + duplicates + revised + rejected + lost; late is part of accepted",
        _COUNTED,
    ),
    "pipeline-leases": Definition(
        "Leases",
        "Replicas that share a source each hold some of its shards, for as long as they renew their"
        " lease. The shards of one that falls silent go to the others: a takeover.",
        "held + held by others + free = shards that are not finished",
        "docs/senders.md",
    ),
    "pipeline-throughput": Definition(
        "Throughput",
        "Rows received per second in each time bucket, whatever became of them.",
        "(accepted + duplicates + revised + rejected) / length of the bucket",
        "By the clock of the API at receipt",
    ),
    "pipeline-processing": Definition(
        "Processing time",
        "From the arrival of a request to the moment before its commit: reading, checking,"
        " forecasting and writing of all its rows. 50, 95 and 99 % of the requests took no longer.",
        "quantiles of counts in bins of ratio 10^(1/10) from 1 ms to 100 s",
        "A quantile is wrong by one bin at most, 26 %",
    ),
    "pipeline-latency": Definition(
        "Data latency",
        "From the time of a record to the issue of its forecast, for accepted rows, each in the"
        " bucket of its receipt. In a replay both are times of its clock; what it passes over at"
        " full speed or in a jump counts as issued when its record was newest. Old data sent while"
        " the clock is that on the wall exceed the scale of 115 days and are not drawn.",
        "issued_at − T_REC; bins of ratio 10^(1/5) from 1 s",
        "A quantile is wrong by one bin at most, 58 %",
    ),
    "pipeline-rejections": Definition(
        "Why rows were rejected",
        "Rejected rows of the hours that the range touches, by field and reason, the most frequent"
        " first, each with its last case.",
        "n(rows) by path and reason; a request rejected as a whole counts once",
        "Reasons are listed without values: a thousand rows with one fault are one line",
    ),
    "pipeline-stream": Definition(
        "Stream",
        "How many messages of the topic wait in each partition, by the last report of its"
        " consumer. A consumer without a report for half a minute is silent; its partitions go to"
        " another running consumer within seconds. Waiting messages count as lost at their sender"
        " until they are consumed.",
        "waiting = end of the partition − offset committed by the group",
        "docs/kafka.md",
    ),
    "pipeline-faults": Definition(
        "Injected faults",
        "What a tester has damaged in a replayed or simulated source, and what the product has"
        " said of it: stale data, a gap, rejected, duplicate or late rows, forecasts on a lower"
        " fallback level, missing X-rays. Within: from the beginning of the fault, in event time.",
        "within = first time at which it was said − from",
        "Computed from what is stored: docs/faults.md",
    ),
    "pipeline-size": Definition(
        "Store",
        "The size of the database on disk and the rows of each table, read once a minute. The"
        " records are counted in the same look at the store as those of the line at the top.",
        "MariaDB: data + index length, rows estimated; SQLite: pages × page size",
        "information_schema.tables; PRAGMA page_count",
    ),
    "pipeline-models": Definition(
        "Models",
        "Every registered model, its stage and since when, and the newest record it has forecast"
        " from. Live and shadow models forecast from each record. Made: here, or elsewhere with"
        " what is known of it.",
        "forecasts today = forecasts made since 00:00 UTC, on the wall, by all models together",
        "docs/models.md",
    ),
    "pipeline-processes": Definition(
        "Processes",
        "Every process that scores records, and the line-up of models that it serves. Each looks"
        " every second whether there is a newer one. One that cannot load a model keeps the models"
        " it has and says why. A process that has been silent for half a minute is gone.",
        "newest line-up = the last row of GET /api/v1/lineups",
        "docs/operations.md",
    ),
    "pipeline-notices": Definition(
        "Notifications",
        "Messages about alerts: waiting to be sent, sent, only recorded because delivery is off,"
        " or abandoned after the last attempt.",
        "n(notifications) by state",
        "docs/alerts.md",
    ),
    "drift": Definition(
        "Drift against the training set",
        "How far the values of whole UTC days lie from those of training. No drift below 0.1 or"
        " what the scatter of the days explains, watch below 0.25, drift above.",
        "PSI = Σ (oᵢ − eᵢ) ln(oᵢ/eᵢ) over the deciles i of the training set; interval from"
        " resampled blocks of days",
        "Siddiqi 2006, Credit Risk Scorecards; Yurdakul 2018, Western Michigan University",
    ),
}
