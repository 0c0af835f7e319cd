"""The demonstration: store, API, dashboard and sender on this machine, stopped together."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from solar.errors import InvalidInputError
from solar.process import end_with_parent
from solar.settings import require_address

# What the Lab shows at the first start; an installed package goes without it.
EXAMPLE = Path(__file__).with_name("demo_lab.zip")
GRACE_SECONDS = 10.0
READY_SECONDS = 60.0
ELSE_SHOWN = """\
Without them it shows what is on this machine:
  make demo                  a simulated Sun
  make demo DATA=march.parquet FLARES=flares.csv    records of yours, replayed
FLARE_JSOC_URL and FLARE_SWPC_URL name mirrors, HTTPS_PROXY a proxy (docs/live-sources.md)."""
ASKED_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """Somebody asked the demonstration to end."""


@dataclass(frozen=True)
class Client:
    """A part that calls the API, for which it needs a key once anybody is registered there."""

    package: str
    arguments: tuple[str, ...]
    log: str
    scope: str = "ingest"
    setting: str = "FLARE_API_KEY"


@dataclass(frozen=True)
class Part:
    """One running service and where it writes what happens to it."""

    process: subprocess.Popen[bytes]
    log: Path

    def last_lines(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])


def main() -> int:
    arguments = parse_arguments()
    environment = settings("live" if arguments.live else arguments.data)
    require_free_ports(environment)
    clients = clients_of(arguments)
    for one in ASKED_TO_END:
        signal.signal(one, stop)
    parts: dict[str, Part] = {}
    try:
        if arguments.live:
            require_live_sources()
        require_data_folder(Path(environment["FLARE_DATA_DIR"]))
        prepare(arguments, environment)
        parts["API"] = start(environment, "app", "serve")
        wait_until_ready(f"{environment['FLARE_API_URL']}/ready", parts, "API")
        parts["dashboard"] = start(environment, "app_dash", "serve")
        for name, client in clients.items():
            parts[name] = start_with_key(name, client, environment)
        page = f"http://127.0.0.1:{environment['FLARE_DASH_PORT']}"
        wait_until_ready(page, parts, "dashboard")
        say(f"\nFlarewatch is open at {page}   (API: {environment['FLARE_API_URL']}/docs)")
        say(f"The parts write their logs to {environment['FLARE_DATA_DIR']}. Ctrl-C stops all.\n")
        return watch(parts, clients, environment)
    except Stopped:
        return 0
    finally:
        end(parts)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="flarewatch demo", description=__doc__)
    parser.add_argument("--data", type=Path, help="replay this file or folder, not a simulation")
    parser.add_argument("--live", action="store_true", help="the real Sun, from JSOC and SWPC")
    parser.add_argument("--flares", type=Path, help="import this flare list before the replay")
    parser.add_argument(
        "--xray", type=Path, help="of --data: replay this X-ray flux by the minute too"
    )
    parser.add_argument(
        "--clock",
        choices=("replay", "wall"),
        default="replay",
        help="of --data: the pages live in the time of the records, or in the present",
    )
    parser.add_argument(
        "--speed", default="max", help="of --data: seconds of event time in a second, or max"
    )
    parser.add_argument("--lab", action="store_true", help="with a worker for runs of the Lab")
    arguments = parser.parse_args()
    if arguments.live and (arguments.data or arguments.flares or arguments.xray):
        parser.error(
            "--live reads records, flares and X-rays from the agencies; leave out --data,"
            " --flares, --xray"
        )
    if arguments.xray and not arguments.data:
        parser.error("--xray goes with records of the same time; give them with --data")
    for path in (arguments.data, arguments.flares, arguments.xray):
        if path and not path.exists():
            parser.error(f"{path} does not exist")
    return arguments


def settings(data: Path | str | None) -> dict[str, str]:
    """Keep simulated and real data in stores of their own; the environment may say otherwise."""
    name = Path(data).name.split(".")[0] if data else "simulated"
    defaults = {
        "FLARE_DATABASE_URL": f"sqlite:///var/demo-{name}/flarewatch.db",
        "FLARE_DATA_DIR": f"var/demo-{name}",
        "FLARE_API_HOST": "127.0.0.1",
        "FLARE_API_PORT": "8000",
        "FLARE_DASH_HOST": "127.0.0.1",
        "FLARE_DASH_PORT": "8050",
        "FLARE_DASH_REFRESH_SECONDS": "5",
    }
    # An empty variable counts as none, as it does in every part.
    environment = os.environ | {name: os.environ.get(name) or own for name, own in defaults.items()}
    address = f"http://127.0.0.1:{environment['FLARE_API_PORT']}"
    environment["FLARE_API_URL"] = os.environ.get("FLARE_API_URL") or address
    return environment


def require_free_ports(environment: dict[str, str]) -> None:
    if environment["FLARE_API_PORT"] == environment["FLARE_DASH_PORT"]:
        sys.exit("FLARE_API_PORT and FLARE_DASH_PORT are the same; each needs a port of its own")
    for setting in ("FLARE_API_PORT", "FLARE_DASH_PORT"):
        port = environment[setting]
        if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
            sys.exit(f"{setting}={port} is no port; choose one: {setting}=9000 make demo")
        try:
            require_address("127.0.0.1", int(port), service=setting.split("_")[1])
        except InvalidInputError as error:
            sys.exit(str(error))


def require_data_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        sys.exit(
            f"FLARE_DATA_DIR={folder} cannot be written ({error.strerror}); name another folder"
        )


def prepare(arguments: argparse.Namespace, environment: dict[str, str]) -> None:
    has_example = EXAMPLE.exists() and environment.get("FLARE_LAB") != "off"
    steps = [["upgrade", *(["--example", str(EXAMPLE)] if has_example else [])]]
    if arguments.flares:
        steps.append(["import-flares", str(arguments.flares)])
    for step in steps:
        done = subprocess.run(
            [sys.executable, "-m", "database", *step],
            env=environment,
            preexec_fn=end_with_parent(),
        )
        if done.returncode:
            sys.exit(done.returncode)


def require_live_sources() -> None:
    """Ask JSOC and SWPC first; go on with one of them, and end where neither answers."""
    # Imported here, as it takes a while that no other demonstration needs.
    from data_sender.settings import SenderSettings
    from data_sender.sources.live.reach import unreachable_sources

    say("Asking JSOC and SWPC whether they answer ...")
    try:
        away = unreachable_sources(SenderSettings())
    except InvalidInputError as error:
        sys.exit(str(error))
    for name, reason in away.items():
        say(f"{name} does not answer: {reason}")
    if len(away) == 2:
        sys.exit(f"\nThe real Sun cannot be shown now.\n{ELSE_SHOWN}")
    if "JSOC" in away:
        say("There will be no new records and no forecasts until it does; it is asked again.")
    if "SWPC" in away:
        say("There will be no flares, X-rays and regions until it does; it is asked again.")


def clients_of(arguments: argparse.Namespace) -> dict[str, Client]:
    """Return the senders, and the worker of the Lab if it is wanted, by the names of parts."""
    if arguments.live:
        clients = {
            "JSOC sender": Client("data_sender", ("jsoc", "--series", "nrt"), "jsoc"),
            "SWPC sender": Client("data_sender", ("swpc",), "swpc"),
        }
    elif arguments.data:
        pace = ("--speed", arguments.speed, "--clock", arguments.clock)
        xray = ("--xray", str(arguments.xray)) if arguments.xray else ()
        replay = ("replay", str(arguments.data), *pace, *xray)
        clients = {"sender": Client("data_sender", replay, "data_sender")}
    else:
        # A month: enough closed windows for scores with intervals on the Skill page.
        simulate = ("simulate", "--history", "30")
        clients = {"sender": Client("data_sender", simulate, "data_sender")}
    if arguments.lab:
        work = ("work", "--slots", "1")
        clients["worker"] = Client(
            "model_training", work, "model_training", "work", "FLARE_WORKER_KEY"
        )
    return clients


def start_with_key(name: str, client: Client, environment: dict[str, str]) -> Part:
    """Start a part, with a key once people or keys are registered in the store."""
    if not environment.get(client.setting) and is_registered(environment):
        key = f"demo-{name.replace(' ', '-').lower()}"
        run_database(environment, "users", "remove", key)
        added = run_database(environment, "users", "add", key, "--scopes", client.scope)
        environment = environment | {client.setting: added.split("\n")[0]}
    return start(environment, client.package, *client.arguments, log=client.log)


def is_registered(environment: dict[str, str]) -> bool:
    return "nobody yet" not in run_database(environment, "users", "list")


def run_database(environment: dict[str, str], *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "database", *arguments],
        env=environment,
        preexec_fn=end_with_parent(),
        capture_output=True,
        text=True,
    ).stdout


def start(environment: dict[str, str], package: str, *arguments: str, log: str = "") -> Part:
    path = Path(environment["FLARE_DATA_DIR"]) / f"{log or package}.log"
    with path.open("wb") as output:
        # A session of its own: Ctrl-C reaches this supervisor alone, which stops them in order.
        process = subprocess.Popen(
            [sys.executable, "-m", package, *arguments],
            env=environment, stdout=output, stderr=output, start_new_session=True,
            preexec_fn=end_with_parent(),
        )  # fmt: skip
    return Part(process, path)


def wait_until_ready(address: str, parts: dict[str, Part], name: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if parts[name].process.poll() is not None:
            sys.exit(f"the {name} did not start:\n{parts[name].last_lines()}")
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    sys.exit(f"{address} does not answer after {READY_SECONDS:.0f} s")


def watch(
    parts: dict[str, Part], clients: Mapping[str, Client], environment: dict[str, str]
) -> int:
    """Wait until a part stops by itself; a replay that has sent everything may end.

    The first person or key that is registered locks sender and worker out, which then begin anew.
    """
    has_key = set(clients) if is_registered(environment) else set()
    while True:
        time.sleep(0.5)
        for name, part in list(parts.items()):
            code = part.process.poll()
            if code is None:
                continue
            if name == "sender" and code == 0:
                say("The replay is complete; the dashboard stays open.")
                del parts[name]
                continue
            if name in clients and name not in has_key and is_registered(environment):
                has_key.add(name)
                parts[name] = start_with_key(name, clients[name], environment)
                continue
            say(f"the {name} stopped with code {code}:\n{part.last_lines()}")
            return 1


def end(parts: dict[str, Part]) -> None:
    for one in ASKED_TO_END:
        signal.signal(one, signal.SIG_IGN)  # an impatient second Ctrl-C must not leave parts behind
    processes = [part.process for part in reversed(parts.values())]
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + GRACE_SECONDS
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def stop(_signal: int, _frame: object) -> None:
    raise Stopped


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
