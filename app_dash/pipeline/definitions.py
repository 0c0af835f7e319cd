"""The definitions of the Pipeline page: (title, says, formula, reference) of every number."""

from __future__ import annotations

_COUNTED = "Counted by the API in the commit that stores the rows; see docs/pipeline.md"

PIPELINE: dict[str, tuple[str, str, str, str]] = {
    "pipeline-sent": (
        "Sent",
        "Rows that the senders have handed over, by their own count, up to the last request that"
        " came from each. What waits in a sender's spool is not among them yet. Of a sender that"
        " does not count, the rows that came.",
        "sent = accepted + duplicates + revised + rejected + lost",
        _COUNTED,
    ),
    "pipeline-accepted": (
        "Accepted",
        "Rows whose region and time were new to the store: each is one stored record.",
        "accepted = rows of the table observations",
        _COUNTED,
    ),
    "pipeline-duplicates": (
        "Duplicate",
        "Rows that the store knew already with the same content, from another sender or an"
        " earlier pass, and rows that contradict a record of higher rank or newer DATE, which"
        " they do not change. A request that is sent again because its answer was lost is not"
        " counted again.",
        "same region, same time, same or outranked content: docs/disorder.md",
        _COUNTED,
    ),
    "pipeline-late": (
        "Late",
        "Accepted rows that came after a newer record of the same region.",
        "late = n(accepted, t < newest t of the region before the request) ≤ accepted",
        _COUNTED,
    ),
    "pipeline-rejected": (
        "Rejected",
        "Rows that broke a rule and were not stored; the reasons stand below.",
        "one row counts once, under its first fault",
        "Rules: docs/keywords.md and solar.sharp; counts: docs/pipeline.md",
    ),
    "pipeline-lost": (
        "Lost",
        "Rows that a sender says it has handed over and of which no request came. A dash: no"
        " sender says how many it has sent.",
        "lost = sent − (accepted + duplicates + revised + rejected)",
        _COUNTED,
    ),
    "pipeline-senders": (
        "Senders",
        "One line for each name under which rows were sent, since its first request. Active is"
        " who sent within the last two minutes. Spooled rows wait with their sender, by its last"
        " word, and are not among those sent yet.",
        "sent = accepted + duplicates + revised + rejected + lost; late is part of accepted",
        _COUNTED,
    ),
    "pipeline-throughput": (
        "Throughput",
        "Rows received in each bucket of time, whatever became of them, for a second.",
        "(accepted + duplicates + revised + rejected) / length of the bucket",
        "By the clock of the API at receipt",
    ),
    "pipeline-processing": (
        "Processing time",
        "From the arrival of a request to the moment before its commit: reading, checking,"
        " forecasting and writing of all its rows. Half, 95 and 99 of 100 requests took no longer.",
        "quantiles of counts in bins of ratio 10^(1/10) from 1 ms to 100 s",
        "A quantile is wrong by one bin at most, 26 %",
    ),
    "pipeline-latency": (
        "Data latency",
        "From the time of a record to its receipt, of accepted rows. A replay of the past lies"
        " beyond the scale of 115 days and is not drawn.",
        "received_at − T_REC; bins of ratio 10^(1/5) from 1 s",
        "A quantile is wrong by one bin at most, 58 %",
    ),
    "pipeline-rejections": (
        "Why rows were rejected",
        "Refused rows of the hours that the range touches, by field and reason, the most frequent"
        " first, each with its last case.",
        "n(rows) by path and reason; a request refused whole counts once",
        "Reasons without their values, so that a thousand rows with one fault are one line",
    ),
    "pipeline-stream": (
        "Stream",
        "How many messages of the topic wait for the consumers, partition by partition, by the"
        " last word of whoever takes them in. A consumer that was not heard of for half a minute"
        " is silent; its partitions go to another within seconds where one runs. What waits here"
        " stands as lost with its sender until it is taken in.",
        "waiting = end of the partition − offset committed by the group",
        "docs/kafka.md",
    ),
    "pipeline-size": (
        "Store",
        "What the database takes on disk and how many rows each table holds, looked up once a"
        " minute.",
        "MariaDB: data + index length, rows estimated; SQLite: pages × page size",
        "information_schema.tables; PRAGMA page_count",
    ),
    "pipeline-models": (
        "Models",
        "Every registered model, the stage it stands on and since when, and the newest record it"
        " has forecast from. Live and shadow models forecast from each record. Made: here, or"
        " elsewhere with what is known of it.",
        "forecasts today = forecasts issued since 00:00 UTC by all models together",
        "docs/models.md",
    ),
    "pipeline-notices": (
        "Notices",
        "Messages about alerts: waiting to be sent, sent, written down only because delivery is"
        " off, or given up after the last attempt.",
        "n(notices) by state",
        "docs/alerts.md",
    ),
}
