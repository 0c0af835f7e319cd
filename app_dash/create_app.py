"""The dashboard as a WSGI application."""

from __future__ import annotations

import logging
from typing import Any

import dash
import sqlalchemy as sa
from flask import Flask, Response
from flask_compress import Compress

from app_dash import health, routing
from app_dash.now.strip import Verdict, strip
from app_dash.pages import alerts, explore, now, pipeline, region, skill
from app_dash.settings import DashSettings, signing_key
from app_dash.shell import Ids, shell
from app_dash.view import Page, never

_log = logging.getLogger(__name__)

PAGES: tuple[Page, ...] = (
    Page("/", "Now", "Operations overview", "1", now.layout),
    Page("/regions", "Regions", "One active region", "2", region.layout, region.is_live),
    Page("/skill", "Skill", "Verification", "3", skill.layout, never),
    Page("/explore", "Explore", "Stored forecasts", "4", explore.layout, never),
    Page("/pipeline", "Pipeline", "From sender to store", "5", pipeline.layout, never),
    Page("/alerts", "Alerts", "Raised, acknowledged, judged", "6", alerts.layout),
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


def create_app(engine: sa.Engine, settings: DashSettings) -> dash.Dash:
    """Build the dashboard on an opened store; `.server` is the WSGI application."""
    server = Flask("app_dash")
    server.secret_key = signing_key(settings)
    given: Any = server  # dash takes a Flask but declares only a bool
    app = dash.Dash(
        "app_dash",
        server=given,
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
    routing.register(app, engine, settings=settings, pages=PAGES)
    alerts.register(app, engine, settings=settings)
    region.register(app, engine, settings=settings)
    for module in (explore, pipeline, skill):
        module.register(app, engine)
    health.register(server, engine)
    Compress(server)
    _secure(app)
    return app


def _report(error: Exception) -> None:
    # The last resort: whatever a page did not foresee is logged, and the reader is told.
    _log.error("a view could not be drawn", exc_info=error)
    said = Verdict("error", "This view could not be drawn.", ("the dashboard's log says why",))
    dash.set_props(Ids.STRIP, {"children": strip(said, ())})


def _secure(app: dash.Dash) -> None:
    # The hashes cover the inline scripts that dash writes, so every callback must exist by now.
    scripts = " ".join(["'self'", *app.csp_hashes()])
    policy = (
        f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline';"
        " img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self';"
        " frame-ancestors 'none'"
    )

    def add_headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    app.server.after_request(add_headers)
