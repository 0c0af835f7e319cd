"""Requests to the dashboard: as the browser sends them, and as nobody means them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from fuzz.mutations import ODD_VALUES, mutated_text, put_odd_value

CALLBACKS = "/_dash-update-component"
SEARCH = "?range=7d&where=m1:5..10"
FILTER = {"filterType": "number", "type": "inRange", "filter": 5, "filterTo": 10}
ROWS = {
    "startRow": 0, "endRow": 100, "sortModel": [{"colId": "t_rec", "sort": "desc"}],
    "filterModel": {"m1": FILTER, "region_id": {"type": "equals", "filter": 3894}},
}  # fmt: skip

# What a browser may hold, by component and property; of others a few values of every type.
PATHS = (
    "/", "/regions", "/regions/3894", "/regions/-12017", "/skill", "/explore", "/pipeline",
    "/pipeline/senders", "/pipeline/senders/s1", "/pipeline/senders/%ff%00", "/alerts", "/people",
    "/account", "/help", "/nowhere",
)  # fmt: skip
SOUND_VALUES: Mapping[str, tuple[Any, ...]] = {
    "url.pathname": PATHS,
    "url.search": ("", SEARCH, "?start=2014-03-28T00:00:00Z&end=2014-03-29T00:00:00Z", "?model=x",
                   "?window=6h&sort=change"),
    "theme.data": ("light", "dark", None),
    "version.data": ("1", "away", None),
    "show-newer.n_clicks": (None, 1),
    "data-key.data": (None, "1"),
    "is-drawn.data": (False, True),
    "marks.data": ([], ["0:ab", "1.0:cd"], [":ab:cd", "0:ab:cd", "0.1:ab:"], None),
    "tick.n_intervals": (0, 7, None),
    "clock-act.data": (
        {"number": 1, "action": "speed", "speed": 3600, "version": 1},
        {"number": 2, "action": "jump", "to": "2014-03-28 12:00"},
        {"number": 3, "action": "next-alert"},
    ),
    "go-to.n_submit": (1, None),
    "go-to.value": ("skill", "12017", "nowhere", None),
    "pipeline-marks.data": (["key", "0:ab"], None),
    "typed.data": (
        {"typed": {"start": "2014-03-28"}, "shown": {"start": "", "end": "2014-03-29 00:00"}},
        {"typed": {"regions": "3894, 12017"}, "shown": {"regions": "", "least": "0"}},
    ),
    "explore-overview.relayoutData": (
        {"xaxis.range[0]": "2014-03-28 06:00", "xaxis.range[1]": "2014-03-29 06:00:31.5"},
        {"xaxis.autorange": True}, {"autosize": True}, None,
    ),
    "record-table.getRowsRequest": (ROWS, {"startRow": 100, "endRow": 200}, None),
    "acknowledge.n_clicks": (1, None),
    "people-action.n_clicks": (1, None),
    "account-action.n_clicks": (1, None),
    "help-action.n_clicks": (1, None),
    "lab-action.n_clicks": (1, None),
    "lab-input.value": ("train", "", None),
    "lab-tick.n_intervals": (0, 7, None),
    "lab-edits.data": (
        {"key": "a", "origin": "", "base": "name = 1", "edits": [["/seed", "3"]], "seq": 1},
        {"key": "a", "base": "seed = 1\n[estimator]\nkind = 'gru'", "redraws": True, "seq": 2,
         "edits": [["=/estimator", "svm"], ["/estimator@svm/gamma", "x"]]},
        {"base": "[", "seq": 0}, {"key": "a", "follows": True}, None,
    ),
    "lab-threshold.value": (0.5, 1, None),
    "lab-neighbours.value": (8, 1, None),
    "lab-drawn.data": ({"home": "ab"}, None),
    "people-input.value": ("ana", ["viewer"], None),
    "account-input.value": ("notebook", ["read"], None),
    "help-input.value": ("4", "It is good.", None),
    "announcements.data-shown": ("", "01M8MEMDM33KDRPJ8K40210VP4", None),
    "alert-comment.value": ("seen", None),
    "region-why-asked.data": (
        {"region": 3894, "search": "?why=day", "at": "2014-03-29T15:00:00Z", "model": None,
         "theme": "light"}, None,
    ),
    "skill-strata-asked.data": ({"search": "?range=7d", "theme": "dark"}, None),
    "skill-leads-asked.data": ({"search": "?range=7d&window=d2", "theme": "dark"}, None),
    "skill-threshold.value": ("-1.5", -0.7, None),
    "skill-cost-loss.value": ("-1.5", -0.7, None),
    "skill-sliders.data": ({"threshold": -1.0, "cl": -1.0},),
    "search.n_submit": (1, 0),
    "search.value": ("12017", "AR 3894", "", None),
    "as-of.value": ("23268400", 23268400, None),
    "as-of.max": (23268420,),
}  # fmt: skip
CLICK = {"points": [{"curveNumber": 0, "pointNumber": 3, "x": 0.03, "y": 12}]}
OTHERS = (None, CLICK)

# Parts of addresses: what the pages read, and texts that are almost that.
FIELDS = (
    "range", "start", "end", "regions", "event", "least", "model", "where", "rung", "sort", "state",
    "region", "after", "scope", "cases", "threshold", "cl", "bins", "curve", "by", "scale",
    "keywords", "models", "at", "revision", "window", "why", "q", "find", "person", "form", "kind",
    "text", "from", "next", "\x00",
)  # fmt: skip
NEAR_MISSES = (
    "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-01", "9999-12-31 23:59",
    "99999-01-01", "0000-01-01T00:00:00Z", "2014.13.01_00:00:00_TAI", "9999.12.31_23:59:59_TAI",
    "1958.01.01_00:00:00_TAI", "2014-03-28T00:00:00Z", "2014-03-29", "2014-W13-6", "20140329",
    "m1:5..10", "m1:" + "1" * 3_000 + "x", "m1:1e400..", "usflux:-1e308..1e308", "m1:..", "m1:9..1",
    "M1.0", "m1", "t_rec", "-reason", "--", "3894", "-3894", "9999999", "99999999999999999999",
    "٣٨٩٤", "²", "3894," * 60, "AR AR", "nan", "inf", "1e-320", "0.05%", "%", "5%%", "own", "disk",
    "all", "24h", "6h", "d2", "M1.0/d2", "M1.0/", "/", "passage", "latest", "day",
    "climatology", "persistence", "x@1.0.0",
    "gradient-boosting@1.0.0", "_", "2014-03-28T00:00:00Z_x", "2014-03-28T00:00:00Z_☀️",
    "☀️", "\u202e", "é" * 300, "\\", "%",
    "\x00", "' OR 1=1 --", "A" * 3_000, "\r\nX-Odd: 1", " ", "\t", "true", "None",
)  # fmt: skip
MANY: tuple[Any, ...] = ([1] * 300_000, {str(n): [] for n in range(50_000)}, "1" * 300_000 + "x")
FILES = (
    "/export/predictions.csv", "/export/predictions.parquet", "/export/skill.csv",
    "/export/skill.json", "/export/audit.csv",
)  # fmt: skip
ADDRESSES = (
    CALLBACKS, *PATHS, *FILES, "/health", "/ready", "/export/x", "/_dash-layout",
    "/_dash-dependencies", "/_reload-hash", "/_favicon.ico", "/_alive_x", "/_dash-component-suites",
    "/_dash-component-suites/x", "/_dash-component-suites/x/y.js",
    "/_dash-component-suites/dash/x.js", "/_dash-component-suites/dash/../../x",
    "/_dash-component-suites/dash/%00", "/_dash-component-suites/%00/%ff",
    "/_dash-component-suites/sys/x", "/_dash-component-suites/dash/" + "x/" * 200, "/assets/",
    "/assets/clientside.js", "/assets/%00", "/assets/..%2f..%2fetc%2fpasswd",
    "/assets/%2e%2e/create_app.py", "/assets/" + "a" * 3_000, "/assets/icons", "/assets/%ff.css",
    "/assets//etc/passwd", "/%ff", "/%00", "/regions/%d9%a3", "/regions/" + "9" * 300, "//x", "/;",
    "/explore/%e2%80%ae", "/a%0d%0ab",
)  # fmt: skip
LONGEST_SHOWN, LARGEST_BODY = 600, 2**20
METHODS = (
    "GET", "GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT",
    "PROPFIND", "get", "X" * 15,
)  # fmt: skip
HEADERS = (
    ("Accept-Encoding", "gzip;q=x, br;q=-1, *;q=1e400"), ("Accept-Encoding", "," * 2_000),
    ("If-None-Match", 'W/"' + "x" * 2_000), ("If-Modified-Since", "Mon, 99 Foo 99999 25:61:61 GMT"),
    ("Range", "bytes=9-1,x-,-0"), ("If-Range", "\x00"), ("Cookie", "session=x.y.z; =; ;;"),
    ("Cookie", "x" * 7_000), ("Accept-Language", "\xe9"), ("X-Forwarded-For", "' OR 1=1"),
    ("Content-Encoding", "gzip"), ("Expect", "200-ok"), ("Authorization", "Basic %%%"),
)  # fmt: skip
FORM = "application/x-www-form-urlencoded"
JSON_TYPES = ("application/json", "application/json; charset=utf-16", "application/x+json")
OTHER_TYPES = (
    FORM, "multipart/form-data; boundary=x", "multipart/form-data", "text/plain", "application/xml",
    "", "application/json, text/html",
)  # fmt: skip


@dataclass(frozen=True)
class Crafted:
    """One request; `target` is what stands behind the method in its first line."""

    method: str
    target: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        body = (self.body or b"")[:LONGEST_SHOWN]
        return f"{self.method} {self.target[:LONGEST_SHOWN]} {dict(self.headers)} {body!r}"


def callback_request(body: bytes, media_type: str = JSON_TYPES[0]) -> Crafted:
    """Return the request that calls back."""
    return Crafted("POST", CALLBACKS, body, {"Content-Type": media_type} if media_type else {})


def sound_body(callback: Mapping[str, Any], rng: random.Random) -> dict[str, Any]:
    """Return a body of one callback, as `/_dash-dependencies` describes it."""
    chosen = rng.choice(("", "?range=7d", "?sort=m1&where=m1:5..10", "a0c1"))
    inputs, state = (
        [_with_value(one, chosen, rng) for one in callback[kind]] for kind in ("inputs", "state")
    )
    outputs = [_output(text, chosen) for text in _split(callback["output"])]
    changed = rng.choice(inputs)
    return {
        "output": callback["output"],
        "outputs": outputs if callback["output"].startswith("..") else outputs[0],
        "inputs": inputs,
        "changedPropIds": rng.choice(([_name(changed)], [_name(changed)], [])),
        "parsedChangedPropsIds": [changed["id"]],
        **({"state": state} if state else {}),
    }


def _split(output: str) -> list[str]:
    return output[2:-2].split("...") if output.startswith("..") else [output]


def _output(text: str, chosen: str) -> dict[str, Any]:
    identity, _, name = text.rpartition(".")
    return {"id": _identity(identity.replace("\\.", "."), chosen), "property": name}


def _identity(text: str, chosen: str) -> Any:
    """Return an id as the browser sends it: what may be anything is what was chosen."""
    if not text.startswith("{"):
        return text
    # A part of a page of the Lab is drawn at the address of that page.
    matched = {"at": "/lab"}
    return {
        key: matched.get(key, chosen) if isinstance(value, list) else value
        for key, value in json.loads(text).items()
    }


def _with_value(spec: Mapping[str, Any], chosen: str, rng: random.Random) -> Any:
    known = _with_one_value(spec, chosen, rng)
    # Of what matches ALL the browser sends a list.
    return [known] if '["ALL"]' in spec["id"] else known


def _with_one_value(spec: Mapping[str, Any], chosen: str, rng: random.Random) -> dict[str, Any]:
    identity = _identity(spec["id"], chosen)
    kind = identity["type"] if isinstance(identity, dict) else identity
    value = rng.choice(SOUND_VALUES.get(f"{kind}.{spec['property']}", OTHERS))
    known = {"id": identity, "property": spec["property"]}
    # The browser leaves out what is undefined.
    return known if value is None else {**known, "value": deepcopy(value)}


def _name(given: Mapping[str, Any]) -> str:
    identity = given["id"]
    if isinstance(identity, dict):
        identity = json.dumps(identity, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"{identity}.{given['property']}"


def crafted(callbacks: list[Mapping[str, Any]], rng: random.Random) -> Crafted:
    """Return a request that nobody means, no larger than the dashboard is to read."""
    while True:
        request = rng.choices(_KINDS, _WEIGHTS)[0](callbacks, rng)
        if len(request.body or b"") <= LARGEST_BODY:
            return request


def _wrong_values(callbacks: list[Mapping[str, Any]], rng: random.Random) -> Crafted:
    """Change values only, so that most bodies reach their callback."""
    body = sound_body(rng.choice(callbacks), rng)
    for _ in range(rng.randint(1, 3)):
        given = rng.choice([*body["inputs"], *body.get("state", [])])
        given = given[0] if isinstance(given, list) else given
        if isinstance(given.get("value"), dict | list) and given["value"] and rng.random() < 0.7:
            put_odd_value(given["value"], rng)
        else:
            given["value"] = _any_value(rng)
    return callback_request(json.dumps(body).encode())


def _any_value(rng: random.Random) -> Any:
    texts = (_search(rng), *PATHS)
    return deepcopy(
        rng.choice(rng.choices((ODD_VALUES, NEAR_MISSES, texts, MANY), (40, 40, 19, 1))[0])
    )


def _search(rng: random.Random) -> str:
    fields = {rng.choice(FIELDS): rng.choice(NEAR_MISSES) for _ in range(rng.randint(1, 4))}
    return f"?{urlencode(fields)}"


def _wrong_text(callbacks: list[Mapping[str, Any]], rng: random.Random) -> Crafted:
    body: Any = sound_body(rng.choice(callbacks), rng)
    for _ in range(rng.randint(0, 3)):
        put_odd_value(body, rng)
    media_type = rng.choice((*[JSON_TYPES[0]] * 8, *JSON_TYPES, *OTHER_TYPES))
    return callback_request(mutated_text(body, rng), media_type)


def _wrong_shape(callbacks: list[Mapping[str, Any]], rng: random.Random) -> Crafted:
    body = sound_body(rng.choice(callbacks), rng)
    for _ in range(rng.randint(1, 2)):
        rng.choice(_SHAPES)(body, rng)
    return callback_request(json.dumps(body).encode())


def _lose_a_key(body: dict[str, Any], rng: random.Random) -> None:
    body.pop(rng.choice(list(body)), None)


def _lose_a_part(body: dict[str, Any], rng: random.Random) -> None:
    part = rng.choice(body.get("inputs") or [{}])
    if isinstance(part, dict) and part:
        part.pop(rng.choice(list(part)))


def _change_length(body: dict[str, Any], rng: random.Random) -> None:
    key = rng.choice(("inputs", "state", "outputs", "changedPropIds"))
    given = body.get(key)
    given = given if isinstance(given, list) else [given]
    body[key] = rng.choice((given * 2, given[:-1], given[::-1], [given], given * 500))


def _change_output(body: dict[str, Any], rng: random.Random) -> None:
    odd = ("x.y", "url.search", "....", "..", ".", "page.children", "theme.data", "marked.children")
    body["output"] = rng.choice((*odd, f"..{body.get('output')}..", str(body.get("output"))[:-1]))


def _change_identity(body: dict[str, Any], rng: random.Random) -> None:
    part = rng.choice([*(body.get("inputs") or []), body.get("outputs")])
    odd = ({"type": "acknowledge", "alert": rng.choice(ODD_VALUES)}, {"type": "record-table"},
           {"view": [], "type": {}}, {"type": "acknowledge", "alert": ["MATCH"]}, 5)  # fmt: skip
    if isinstance(part, dict):
        part["id"] = rng.choice((*odd, _any_value(rng)))


def _change_what_changed(body: dict[str, Any], rng: random.Random) -> None:
    odd = ("{.n_clicks", "{}.n_clicks", '{"type":1}.x', "[].x", ".", "", "url", "{" * 2_000 + ".x",
           '{"alert":{"a":[1]},"type":"acknowledge"}.n_clicks', None, 5, [], {})  # fmt: skip
    body["changedPropIds"] = rng.choice(([rng.choice(odd)], list(odd), *odd))


_SHAPES: tuple[Callable[[dict[str, Any], random.Random], None], ...] = (
    _lose_a_key, _lose_a_part, _change_length, _change_length, _change_output, _change_identity,
    _change_what_changed,
)  # fmt: skip


def _draw_of_an_address(callbacks: list[Mapping[str, Any]], rng: random.Random) -> Crafted:
    drawing = next(one for one in callbacks if "page.children" in one["output"])
    body = sound_body(drawing, rng)
    for given in body["inputs"]:
        if given["property"] == "search":
            given["value"] = _search(rng)
    return callback_request(json.dumps(body).encode())


def _file_of_an_address(_callbacks: list[Mapping[str, Any]], rng: random.Random) -> Crafted:
    odd = ("?%ff=%ff&start=%80", "?" + "&" * 3_000, "?a" * 1_000, "?;;==", "??", "?range=\xe9")
    query = rng.choice((_search(rng), _search(rng), rng.choice(odd)))
    return Crafted("GET", rng.choice(FILES) + query)


def _any_method(_callbacks: list[Mapping[str, Any]], rng: random.Random) -> Crafted:
    target = rng.choice((rng.choice(ADDRESSES), "/" + quote(rng.choice(NEAR_MISSES))))
    query = rng.choice(("", "", _search(rng), "?" + "x" * rng.choice((4_000, 9_000, 40_000))))
    body = rng.choice((None, None, b"", b"a=1&b=2", b"--x\r\n\r\n--x--", b"{}", b"\xff" * 1_000))
    media_type = rng.choice((FORM, *JSON_TYPES, *OTHER_TYPES))
    headers = {"Content-Type": media_type} if body is not None and media_type else {}
    headers |= dict([rng.choice(HEADERS)]) if rng.random() < 0.3 else {}
    return Crafted(rng.choice(METHODS), target + query, body, headers)


_KINDS: tuple[Callable[[list[Mapping[str, Any]], random.Random], Crafted], ...] = (
    _wrong_values, _wrong_text, _wrong_shape, _draw_of_an_address, _file_of_an_address, _any_method,
)  # fmt: skip
_WEIGHTS = (8, 3, 4, 2, 2, 3)
