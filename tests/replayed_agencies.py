"""JSOC and SWPC on the loopback: the answers they give, and those they give on a bad day."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from solar.sharp import LIVE_KEYWORDS
from solar.time import nearest_slot, tai_label

DEFINITIVE, NRT = "hmi.sharp_cea_720s", "hmi.sharp_cea_720s_nrt"
_RANGE = re.compile(r"([\w.]+)\[\]\[(.+_TAI)-(.+_TAI)(?:@(\d+)s)?\]")

Fault = Callable[[Any], tuple[int, bytes]]


def sharp_record(at: datetime, harpnum: int = 3721, **changes: str) -> dict[str, str]:
    """Write a record as JSOC does: every value is text; `at` is a time in UTC."""
    levels = {
        keyword.name: f"{keyword.low + 0.25 * (keyword.high - keyword.low):.6e}"
        for keyword in LIVE_KEYWORDS
    }
    return {
        "T_REC": tai_label(at), "HARPNUM": str(harpnum), "NOAA_AR": "11990",
        "NOAA_ARS": "11990", "LON_FWT": "-12.300000", "LAT_FWT": "14.1", "QUALITY": "0x00000000",
        "DATE": "2014-04-07T10:00:00Z", "H_MERGE": "0", **levels,
    } | changes  # fmt: skip


def sharp_records(begin_at: datetime, n: int, harpnum: int = 3721, **changes: str) -> list[Any]:
    """Write the records of one region in `n` slots from `begin_at` on."""
    step = timedelta(minutes=12)
    return [sharp_record(nearest_slot(begin_at + k * step), harpnum, **changes) for k in range(n)]


class Agencies:
    """What both serve: SHARP records by series, SWPC's products by path, and faults to come."""

    def __init__(self) -> None:
        self.sharps: dict[str, list[dict[str, str]]] = {DEFINITIVE: [], NRT: []}
        self.products: dict[str, Any] = {}
        self.faults: deque[Fault | None] = deque()
        self.asked: list[str] = []
        self.ignores_steps = False
        self.url = ""

    @property
    def jsoc_url(self) -> str:
        return f"{self.url}/cgi-bin/ajax/jsoc_info"

    @property
    def swpc_url(self) -> str:
        return f"{self.url}/json"

    def answer(self, target: str) -> tuple[int, bytes]:
        parts = urlsplit(target)
        self.asked.append(target)
        if parts.path.endswith("/jsoc_info"):
            content = self._sharps(parse_qs(parts.query))
        else:
            content = self.products.get(parts.path.removeprefix("/json/"))
            if content is None:
                return 404, b"<html>not found</html>"
        fault = self.faults.popleft() if self.faults else None
        return fault(content) if fault else sound(content)

    def _sharps(self, query: dict[str, list[str]]) -> dict[str, Any]:
        match = _RANGE.fullmatch(query["ds"][0])
        assert match, query["ds"]
        assert query["op"] == ["rs_list"]
        series, begin, end, step = match.groups()
        # Labels of one form are in the order of time.
        found = [r for r in self.sharps[series] if begin <= r["T_REC"] <= end]
        if step and not self.ignores_steps:
            found = [r for r in found if _seconds(begin, r["T_REC"]) % int(step) == 0]
        return rs_list(found, query["key"][0].split(","))


def _seconds(begin: str, end: str) -> float:
    """Return the time between two labels of the TAI clock [s]."""
    first, last = (
        datetime.strptime(label, "%Y.%m.%d_%H:%M:%S_TAI").replace(tzinfo=UTC)
        for label in (begin, end)
    )
    return (last - first).total_seconds()


def rs_list(records: list[dict[str, str]], keys: list[str]) -> dict[str, Any]:
    """Write records as the answer to ``op=rs_list``."""
    columns = [
        {"name": key, "values": [r.get(key, "Invalid KeyLink") for r in records]} for key in keys
    ]
    keywords = columns if records else []
    return {"keywords": keywords, "segments": [], "links": [], "count": len(records),
            "runtime": 0.07, "status": 0}  # fmt: skip


def sound(content: Any) -> tuple[int, bytes]:
    return 200, json.dumps(content).encode()


def out_of_order(content: Any) -> tuple[int, bytes]:
    return 503, b"<html><body>Service Unavailable</body></html>"


def html(content: Any) -> tuple[int, bytes]:
    return 200, b"<!DOCTYPE html><html><body>JSOC is down for maintenance</body></html>"


def half(content: Any) -> tuple[int, bytes]:
    body = json.dumps(content).encode()
    return 200, body[: len(body) // 2]


def refused(content: Any) -> tuple[int, bytes]:
    return sound({"status": 4, "error": "Cant open series"})


def late(content: Any) -> tuple[int, bytes]:
    time.sleep(0.5)
    return sound(content)


def without(name: str) -> Fault:
    return lambda content: sound(content | {"keywords": _others(content, name)})


def renamed(name: str) -> Fault:
    def change(content: Any) -> tuple[int, bytes]:
        values = next(k["values"] for k in content["keywords"] if k["name"] == name)
        keywords = [*_others(content, name), {"name": f"{name}2", "values": values}]
        return sound(content | {"keywords": keywords})

    return change


def shortened(name: str) -> Fault:
    def change(content: Any) -> tuple[int, bytes]:
        values = next(k["values"] for k in content["keywords"] if k["name"] == name)
        keywords = [*_others(content, name), {"name": name, "values": values[:-1]}]
        return sound(content | {"keywords": keywords})

    return change


def with_extra(content: Any) -> tuple[int, bytes]:
    extra = {"name": "CODEVER7", "values": ["1.1"] * content["count"]}
    return sound(content | {"keywords": [extra, *content["keywords"]]})


def reversed_rows(content: Any) -> tuple[int, bytes]:
    keywords = [k | {"values": k["values"][::-1]} for k in content["keywords"][::-1]]
    return sound(content | {"keywords": keywords})


def empty(content: Any) -> tuple[int, bytes]:
    return sound({"keywords": [], "count": 0, "status": 0})


def _others(content: Any, name: str) -> list[Any]:
    return [k for k in content["keywords"] if k["name"] != name]


class _Handler(BaseHTTPRequestHandler):
    agencies: Agencies

    def do_GET(self) -> None:
        status, body = self.agencies.answer(self.path)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            return

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def replaying(port: int = 0) -> Iterator[Agencies]:
    """Serve both agencies; a port that is given may be one that was refused before."""
    agencies = Agencies()
    handler = type("Handler", (_Handler,), {"agencies": agencies})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    agencies.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield agencies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


NOW = datetime(2026, 9, 24, 12, 0, tzinfo=UTC)


def xrays(minutes: int = 30, *, until: datetime = NOW, satellite: int = 18) -> list[Any]:
    """Write an X-ray list: two rows a minute, the long channel at C1.5."""
    return [
        {"time_tag": f"{until - timedelta(minutes=k):%Y-%m-%dT%H:%M:%SZ}", "satellite": satellite,
         "flux": flux, "observed_flux": flux * 1.01, "electron_correction": flux * 0.01,
         "electron_contaminaton": False, "energy": energy}
        for k in range(minutes, 0, -1)
        for energy, flux in (("0.05-0.4nm", 2e-8), ("0.1-0.8nm", 1.5e-6))
    ]  # fmt: skip


def listed_flare(begin: str = "2026-09-24T08:10:00Z", **changes: Any) -> dict[str, Any]:
    """Write a flare of the seven-day list; it lasts 20 minutes and peaks after 10."""
    at = datetime.fromisoformat(begin)
    peak, end = (f"{at + timedelta(minutes=m):%Y-%m-%dT%H:%M:%SZ}" for m in (10, 20))
    return {
        "time_tag": begin, "begin_time": begin, "begin_class": "C1.0", "max_time": peak,
        "max_class": "M1.2", "max_xrlong": 1.2e-5, "max_ratio": None, "max_ratio_time": None,
        "current_int_xrlong": 0.012, "end_time": end, "end_class": "C6.1", "satellite": 18,
    } | changes  # fmt: skip


def edited_event(begin: str = "2026-09-24T08:11:00", **changes: Any) -> dict[str, Any]:
    """Write an edited event: no zone, four digits of the region, a minute off the list."""
    at = datetime.fromisoformat(begin).replace(tzinfo=UTC)
    peak, end = (f"{at + timedelta(minutes=m):%Y-%m-%dT%H:%M:%S}" for m in (9, 19))
    return {
        "begin_datetime": begin, "begin_quality": None, "max_datetime": peak, "max_quality": None,
        "end_datetime": end, "end_quality": None, "observatory": "G18", "quality": "5",
        "type": "XRA", "location": None, "frequency": "1-8A", "particulars1": "M1.3",
        "particulars2": "1.9E-02", "region": 4529, "status_code": 0,
    } | changes  # fmt: skip


def region_summary(day: str = "2026-09-23", region: int = 4529, **changes: Any) -> dict[str, Any]:
    """Write a region of the daily summary: 63 degrees east of the meridian."""
    return {
        "observed_date": day, "region": region, "latitude": 13, "longitude": 63,
        "location": "N13E63", "carrington_longitude": 120, "area": 240, "spot_class": "Dkc",
        "mag_class": "BGD", "number_spots": 14, "c_xray_events": 3, "m_xray_events": 1,
        "x_xray_events": 0, "c_flare_probability": 70, "m_flare_probability": 25,
        "x_flare_probability": 5, "first_date": "2026-09-22T00:00:00",
    } | changes  # fmt: skip


def disk_probabilities(day: str = "2026-09-24", **changes: Any) -> dict[str, Any]:
    """Write a day of the full-disk probabilities; numbers come as text at times."""
    return {
        "date": f"{day}T00:00:00", "c_class_1_day": 95, "c_class_2_day": 90, "c_class_3_day": 90,
        "m_class_1_day": "40", "m_class_2_day": 35, "m_class_3_day": 30, "x_class_1_day": "05",
        "x_class_2_day": 5, "x_class_3_day": 5, "10mev_protons_1_day": 1,
        "polar_cap_absorption": "green",
    } | changes  # fmt: skip


PRODUCTS = {
    "goes/primary/xrays-6-hour.json": xrays,
    "goes/primary/xrays-7-day.json": xrays,
    "goes/primary/xray-flares-7-day.json": lambda: [listed_flare()],
    "edited_events.json": lambda: [edited_event()],
    "solar_regions.json": lambda: [region_summary()],
    "solar_probabilities.json": lambda: [disk_probabilities()],
}


def fill_products(agencies: Agencies) -> None:
    """Serve one of everything."""
    agencies.products = {path: make() for path, make in PRODUCTS.items()}
