"""The options of the sender's command line, their values, and what ``--help`` prints."""

from __future__ import annotations

import socket
from argparse import (
    ArgumentParser,
    Namespace,
    RawDescriptionHelpFormatter,
    _SubParsersAction,
)
from collections.abc import Callable
from pathlib import Path

from data_sender.option_values import (
    read_batch,
    read_cadence,
    read_fault_file,
    read_megabytes,
    read_name,
    read_positive,
    read_seconds,
    read_series,
    read_shard,
    read_slice,
    read_time,
)
from data_sender.replayer import LARGEST_BATCH
from data_sender.sharding.shard import FixedShard
from data_sender.sources.live.agency_forecasts import FORECASTS_HELP, add_options
from data_sender.sources.live.jsoc import SERIES
from data_sender.sources.simulation.region_statistics import STATISTICS_PATH
from solar.clock import REPLAY, WALL
from solar.sharp import CADENCE_SECONDS

_DESCRIPTION = """\
Send SHARP observations to the Flarewatch API, in the order in which they were made.

While the API is away, rows go to a spool on disk and are delivered later, in order.
SIGTERM or Ctrl-C ends a sender within seconds; started again, it goes on where it was.
"""
_EPILOG = """\
environment:
  FLARE_API_URL   where the API listens              (default http://127.0.0.1:8000)
  FLARE_API_KEY   key with the scope ingest          (default none)
  FLARE_KAFKA_BOOTSTRAP    the broker of --via kafka (default none)
  FLARE_KAFKA_OBSERVATIONS the topic it is written to (default sharp.observations)
  FLARE_KAFKA_OPTIONS      properties of librdkafka as JSON
  FLARE_JSOC_URL  jsoc_info of JSOC or of a mirror   (default that of Stanford)
  FLARE_SWPC_URL  the JSON folder of SWPC            (default that of NOAA)
  FLARE_DATA_DIR  holds sender/ID/ with position.json, spool/ and rejected.jsonl (default ./var)

exit status: 0 done or stopped by a signal, 2 unusable input, 3 refused by the API,
4 given up with rows in the spool, 5 a live source could not be read to the end given,
6 the disk of FLARE_DATA_DIR is full
"""
_REPLAY = """\
Send the observations in files or folders: parquet or CSV tables with T_REC, HARPNUM and/or
NOAA_AR and SHARP keywords, or SWAN-SF instances. T_REC without a zone is TAI.

With --recipe the tables have columns of their own names. The recipe is that of the training: its
section [data] says which column is which keyword, the region and the time, and on which scale
times without a zone are. Labels are not sent.

The store takes the time of the records: its pages are as they were then. People play, pause and
speed up its clock on the page Now or with PUT /api/v1/clock, and every sender follows. --speed is
that of a clock that is begun. --clock wall leaves the store in the present.

examples:
  flarewatch send replay hourly_2014.parquet --speed max
  flarewatch send replay partition1/ --speed 3600 --flares goes_flares.parquet
  flarewatch send replay 2022.parquet --speed 600 --xray sci_xrsf-l2-avg1m_g16.parquet
  flarewatch send replay my-data/rows.csv --recipe my.toml
  for i in 1 2 3; do flarewatch send replay hourly_2014.parquet --shard auto & done
"""
_SIMULATE = """\
Send a simulated Sun: active regions that emerge, grow, rotate over the disk and flare, with
keywords distributed as in the real series, and minutes of the X-ray flux. It is a pure function
of the seed and of time (docs/simulation.md).

The stretch before now is sent at --speed; then rows appear as the clock on the wall goes.

examples:
  flarewatch send simulate --history 5
  flarewatch send simulate --seed 7 --start 2024-05-01T00:00:00Z --duration 10
"""
_JSOC = """\
Send SHARP records from JSOC: what was published since the last time, then, every 12 minutes,
what is new. Near-real-time records go under their NOAA numbers (docs/live-sources.md).

Without a position and --from it begins two days back, with definitive records 45 days. With
--to it ends there; when JSOC cannot be read then, the exit status is 5.

examples:
  flarewatch send jsoc --series both
  flarewatch send jsoc --series definitive --from 2014-03-01T00:00:00Z \\
    --to 2014-04-01T00:00:00Z
  flarewatch send jsoc --series definitive --cadence 6h --from 2010-05-01T00:00:00Z
"""
_SWPC = """\
Send what NOAA SWPC publishes: GOES flares and X-ray flux, the region summary, and its own flare
probabilities, which are then scored beside the models (docs/live-sources.md).
"""
_FIT = "Fit the keyword statistics that the simulator draws from, and write them as JSON."


def parse_arguments(arguments: list[str] | None = None) -> Namespace:
    """Read the command line; argparse ends the process itself when it is wrong."""
    parser = ArgumentParser(
        "flarewatch send",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_replay(_command(commands, "replay", _REPLAY, "send observations from files"))
    _add_simulate(_command(commands, "simulate", _SIMULATE, "send a simulated Sun"))
    _add_live(_command(commands, "jsoc", _JSOC, "send what JSOC publishes"), _add_jsoc)
    _add_live(_command(commands, "swpc", _SWPC, "send what SWPC publishes"), _add_swpc)
    _add_live(_command(commands, "forecasts", FORECASTS_HELP, "send forecasts"), add_options)
    _add_fit(_command(commands, "fit-simulator", _FIT, "refit the simulator's statistics"))
    options = parser.parse_args(arguments)
    if options.command != "fit-simulator" and options.sender is None:
        options.sender = _default_name(options)
    return options


def _default_name(options: Namespace) -> str | None:
    """Name a sender after its host; replicas by lease look for a free name when they start."""
    shard = getattr(options, "shard", None)
    part = f"-{shard}" if isinstance(shard, FixedShard) else ""
    return None if shard == "auto" else f"{host_name(options)}{part}"


def host_name(options: Namespace) -> str:
    """Return the name that the senders of one command on this host begin with."""
    return f"{options.command}-{socket.gethostname()}"


def _command(
    commands: _SubParsersAction[ArgumentParser], name: str, description: str, summary: str
) -> ArgumentParser:
    return commands.add_parser(
        name, description=description, help=summary, formatter_class=RawDescriptionHelpFormatter
    )


def _add_replay(parser: ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="files or folders to send"
    )
    parser.add_argument(
        "--flares",
        type=Path,
        metavar="FILE",
        help="flare list (parquet or CSV); each flare is sent once it has ended in event time",
    )
    parser.add_argument(
        "--xray",
        type=Path,
        metavar="FILE",
        help="X-ray flux by the minute (parquet or CSV), sent as its time comes",
    )
    parser.add_argument(
        "--recipe",
        type=Path,
        metavar="FILE",
        help="training recipe (TOML) that says what the columns of the tables mean",
    )
    parser.add_argument(
        "--series",
        type=read_series,
        metavar="NAME",
        help="data series of all rows, such as hmi.sharp_cea_720s (default: the column series of"
        " the file, what a SWAN-SF name tells, the name of the recipe, or unstated)",
    )
    _add_sending(parser, batch=500, pace="seconds of event time per second, or max")
    parser.add_argument(
        "--clock",
        choices=(REPLAY, WALL),
        default=REPLAY,
        help="replay: the store takes the time of the records, and this sender follows its clock;"
        " wall: the store shows the present (default replay)",
    )


def _add_simulate(parser: ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="which Sun (default 1)")
    parser.add_argument(
        "--regions",
        type=read_positive,
        default=8.0,
        metavar="N",
        help="active regions on the disk at a time, on average (default 8)",
    )
    parser.add_argument("--start", metavar="ISO", help="first time, e.g. 2024-05-01T00:00:00Z")
    parser.add_argument(
        "--history",
        type=read_positive,
        default=3.0,
        metavar="DAYS",
        help="without --start: begin this long before now (default 3)",
    )
    parser.add_argument(
        "--duration", type=read_positive, metavar="DAYS", help="end after this long (default never)"
    )
    _add_sending(parser, batch=500, pace="pace until now is reached; real time from there on")


def _add_live(parser: ArgumentParser, add: Callable[[ArgumentParser], None]) -> None:
    add(parser)
    _add_delivery(parser, batch=500)


def _add_jsoc(parser: ArgumentParser) -> None:
    """Add the options of ``jsoc``."""
    parser.add_argument("--from", dest="start", type=read_time, metavar="ISO", help="first time")
    parser.add_argument("--to", dest="end", type=read_time, metavar="ISO", help="end there")
    parser.add_argument(
        "--series", choices=sorted(SERIES), default="both", help="which records (default both)"
    )
    parser.add_argument(
        "--cadence",
        type=read_cadence,
        metavar="TIME",
        help="of definitive records only those at this distance, counted from midnight TAI, such as"
        " 6h (default: every 12 minutes)",
    )
    parser.add_argument("--url", metavar="URL", help="instead of FLARE_JSOC_URL")
    parser.add_argument(
        "--slice-hours",
        type=read_slice,
        metavar="HOURS",
        help="stretch of time in one question (default 24; with --cadence as many more as there"
        " are records fewer, 31 days at most)",
    )
    _add_polling(parser, every=float(CADENCE_SECONDS))


def _add_swpc(parser: ArgumentParser) -> None:
    """Add the options of ``swpc``."""
    parser.add_argument("--url", metavar="URL", help="instead of FLARE_SWPC_URL")
    parser.add_argument("--once", action="store_true", help="read every product once, then end")
    _add_polling(parser, every=60.0)


def _add_polling(parser: ArgumentParser, *, every: float) -> None:
    parser.add_argument(
        "--every",
        type=read_seconds,
        default=every,
        metavar="SECONDS",
        help=f"how often the source is asked for what is new (default {every:.0f})",
    )
    parser.add_argument(
        "--timeout",
        type=read_seconds,
        default=60.0,
        metavar="SECONDS",
        help="how long an answer may take (default 60)",
    )


def _add_sending(parser: ArgumentParser, *, batch: int, pace: str) -> None:
    parser.add_argument("--speed", default="max", metavar="N|max", help=f"{pace} (default max)")
    parser.add_argument(
        "--shard",
        type=read_shard,
        metavar="auto|I/N",
        help="send a part of the regions: what the API leases to this replica, or part I of N",
    )
    parser.add_argument(
        "--faults",
        type=read_fault_file,
        default=(),
        metavar="FILE",
        help="TOML list of faults to inject, for tests of the whole chain (docs/faults.md)",
    )
    _add_delivery(parser, batch=batch)


def _add_delivery(parser: ArgumentParser, *, batch: int) -> None:
    parser.add_argument(
        "--batch",
        type=read_batch,
        default=batch,
        metavar="N",
        help=f"most rows per call, 1 to {LARGEST_BATCH} (default {batch})",
    )
    parser.add_argument(
        "--sender",
        type=read_name,
        metavar="ID",
        help="name of this sender and of its folder (default COMMAND-HOSTNAME; with --shard auto"
        " the first of COMMAND-HOSTNAME-1, -2, ... that is free)",
    )
    parser.add_argument("--restart", action="store_true", help="forget the position, start over")
    parser.add_argument(
        "--via",
        choices=("http", "kafka"),
        default="http",
        help="how observations travel (default http; flares always go over HTTP)",
    )
    parser.add_argument("--api-url", metavar="URL", help="instead of FLARE_API_URL")
    parser.add_argument(
        "--give-up-after",
        type=read_positive,
        metavar="SECONDS",
        help="at the end, wait no longer than this for an API that is away (default forever)",
    )
    parser.add_argument(
        "--spool-limit-mb",
        type=read_megabytes,
        default=1024,
        metavar="MB",
        help="most that the spool may hold; reading pauses when it is full (default 1024)",
    )


def _add_fit(parser: ArgumentParser) -> None:
    parser.add_argument(
        "daily",
        type=Path,
        metavar="PATH",
        help="parquet with a record of each region and day (daily_2010_2019.parquet)",
    )
    parser.add_argument(
        "--flares",
        type=Path,
        required=True,
        metavar="FILE",
        help="parquet of GOES flares in the same time (goes_flares.parquet)",
    )
    parser.add_argument("--out", type=Path, default=STATISTICS_PATH, metavar="FILE")
