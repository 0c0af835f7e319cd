"""The dashboard as a WSGI application."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import dash
import sqlalchemy as sa
from flask import Flask, Response
from flask_compress import Compress

from app_dash import health, sign_in
from app_dash.account import page as account
from app_dash.alerts import page as alerts
from app_dash.alerts.query import AlertQuery
from app_dash.explore import page as explore
from app_dash.explore.query import ExploreQuery
from app_dash.frame import (
    announcements,
    clock_acts,
    go_to,
    refusals,
    routing,
    states,
    typed_fields,
)
from app_dash.frame.all_clear import Verdict, strip
from app_dash.frame.page import Page, never_redraw
from app_dash.frame.shell import Ids, shell
from app_dash.guard import Guard, refuse_undeclared
from app_dash.help import page as help_page
from app_dash.lab import page as lab
from app_dash.lab.query import MachinesQuery, TableQuery
from app_dash.now import page as now
from app_dash.people import page as people
from app_dash.people.query import PeopleQuery
from app_dash.pipeline import page as pipeline
from app_dash.region import page as region
from app_dash.region.data import data_key as region_data_key
from app_dash.settings import DashSettings, signing_key
from app_dash.shared.url_state import ACCOUNT_PATH, HELP_PATH, LAB_PATH, MACHINES_PATH, PEOPLE_PATH
from app_dash.skill import page as skill
from app_dash.skill.query import SkillQuery
from database.people.principal import ACCOUNT, FEEDBACK, LAB_READ, PEOPLE, READ
from database.status.watch import StoreWatch
from solar.errors import FlarewatchError

_log = logging.getLogger(__name__)

# A callback sends the state of its page, which takes some kilobytes.
MAX_BODY_BYTES = 1024 * 1024

PAGES: tuple[Page, ...] = (
    Page("/", "Now", "Operations overview", "1", now.layout, READ),
    Page(
        "/regions",
        "Regions",
        "One active region",
        "2",
        region.layout,
        READ,
        region.is_live,
        data_key=region_data_key,
    ),
    Page(
        "/skill",
        "Skill",
        "Verification",
        "3",
        skill.layout,
        READ,
        never_redraw,
        SkillQuery,
        data_key=skill.data_key,
    ),
    Page(
        "/explore",
        "Explore",
        "Stored forecasts",
        "4",
        explore.layout,
        READ,
        never_redraw,
        ExploreQuery,
        data_key=explore.data_key,
    ),
    Page("/pipeline", "Pipeline", "From sender to store", "5", pipeline.layout, READ, never_redraw),
    Page(
        "/alerts",
        "Alerts",
        "Raised, acknowledged, judged",
        "6",
        alerts.layout,
        READ,
        query=AlertQuery,
    ),
    Page(
        LAB_PATH,
        "Lab",
        "Runs, the line, the slots",
        "7",
        lab.layout,
        LAB_READ,
        never_redraw,
        TableQuery,
        is_about_data=False,
    ),
    Page(
        MACHINES_PATH,
        "Machines",
        "Processors, memory, disk, GPUs, slots",
        "8",
        lab.layout,
        LAB_READ,
        never_redraw,
        MachinesQuery,
        is_about_data=False,
    ),
    Page(
        PEOPLE_PATH,
        "People",
        "and what they did",
        "",
        people.layout,
        PEOPLE,
        never_redraw,
        PeopleQuery,
        is_about_data=False,
    ),
    Page(
        ACCOUNT_PATH,
        "Account",
        "sessions, keys, password",
        "",
        account.layout,
        ACCOUNT,
        never_redraw,
        is_about_data=False,
    ),
    Page(
        HELP_PATH,
        "Help",
        "feedback, bugs, announcements",
        "",
        help_page.layout,
        FEEDBACK,
        never_redraw,
        is_about_data=False,
    ),
)

_INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
{%metas%}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Flarewatch</title>
<link rel="icon" type="image/svg+xml" href="/assets/icons/favicon.svg">
{%css%}
<script src="/assets/theme.js"></script>
</head>
<body>
{%app_entry%}
<footer>{%config%}{%scripts%}{%renderer%}</footer>
</body>
</html>"""


def pages_of(settings: DashSettings) -> list[Page]:
    """Return the pages; where the Lab is off nothing leads to its pages, and they say so."""
    hidden = (LAB_PATH, MACHINES_PATH) if settings.lab == "off" else ()
    return [replace(page, key="") if page.path in hidden else page for page in PAGES]


def create_app(engine: sa.Engine, settings: DashSettings) -> dash.Dash:
    """Build the dashboard on an opened store; `.server` is the WSGI application."""
    server = Flask("app_dash", static_folder=None)
    server.secret_key = signing_key(settings)
    server.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    flask_server: Any = server  # dash takes a Flask but declares only a bool
    app = dash.Dash(
        "app_dash",
        server=flask_server,
        assets_folder="assets",
        assets_ignore=r"^theme\.js$",
        serve_locally=True,
        suppress_callback_exceptions=True,
        update_title="",
        title="Flarewatch",
        index_string=_INDEX,
        on_error=_report,
    )
    app.layout = shell(settings)
    watch = StoreWatch(engine, lambda: datetime.now(UTC))
    guard = Guard(server, engine, settings)
    sign_in.register(server, engine, guard, settings=settings)
    announcements.register(app, engine)
    pages = pages_of(settings)
    routing.register(app, engine, settings=settings, pages=pages)
    clock_acts.register(app, engine, settings=settings)
    go_to.register(app, engine, pages)
    states.register(app, watch, settings=settings)
    typed_fields.register(app, pages)
    alerts.register(app, engine, settings=settings)
    region.register(app, engine, settings=settings)
    for page in (explore, pipeline, skill):
        page.register(app, engine)
    people.register(app, engine, settings=settings)
    account.register(app, engine, guard, settings=settings)
    help_page.register(app, engine, settings=settings)
    lab.register(app, engine, settings=settings)
    health.register(server, engine, watch, settings=settings)
    refusals.install(app)
    Compress(server)
    _secure(app)
    refuse_undeclared(app)
    return app


def _report(error: Exception) -> None:
    if isinstance(error, FlarewatchError) and error.status < 500:
        raise error  # the browser sent what no page offers; see refusals
    # Unexpected errors of pages are logged, and the strip says so.
    _log.error("a view could not be drawn", exc_info=error)
    verdict = Verdict("error", "This view could not be drawn.", ("see the dashboard's log",))
    dash.set_props(Ids.STRIP, {"children": strip(verdict, ())})


def _secure(app: dash.Dash) -> None:
    # The hashes cover dash's inline scripts, so every callback must be registered before.
    scripts = " ".join(["'self'", *app.csp_hashes()])
    policy = (
        f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline';"
        " img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self';"
        " frame-ancestors 'none'"
    )

    def add_headers(response: Response) -> Response:
        # What a run has made and is shown in place has a stricter one.
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    app.server.after_request(add_headers)
