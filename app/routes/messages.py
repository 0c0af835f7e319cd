"""Messages over HTTP: announcements to everybody, and feedback with its answers."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from flask import Blueprint, Response

from app.contract.bodies import read_json, read_model
from app.contract.people import (
    AnnouncementBody,
    AnnouncementItem,
    AnnouncementsPage,
    AnnouncementsQuery,
    AnswerBody,
    FeedbackBody,
    FeedbackItem,
    FeedbackPage,
)
from app.contract.responses import json_response, page
from app.routes.operation import operation
from app.services import services
from database.engine import reading, transact
from database.people.announcements import announce, end_announcement, list_announcements
from database.people.feedback import answer_feedback, give_feedback, list_feedback
from database.people.principal import ANNOUNCE, ANSWER, FEEDBACK, READ

blueprint = Blueprint("messages", __name__)


@blueprint.get("/announcements")
@operation(
    "What everybody is told now, the most severe first",
    permission=READ,
    query=AnnouncementsQuery,
    answer=AnnouncementsPage,
)
def get_announcements(query: AnnouncementsQuery) -> Response:
    with reading(services().engine) as connection:
        rows = list_announcements(connection, now=services().clock(), with_past=query.past)
    return page([asdict(row) for row in rows], next_cursor=None)


@blueprint.post("/announcements")
@operation(
    "Tell everybody something until a time",
    permission=ANNOUNCE,
    body=AnnouncementBody,
    answer=AnnouncementItem,
)
def post_announcements() -> Response:
    body = read_model(AnnouncementBody, read_json())
    running, now = services(), services().clock()
    work = partial(
        announce,
        who=running.guard.principal(),
        text=body.text,
        severity=body.severity,
        from_at=body.from_at or now,
        until_at=body.until_at,
        now=now,
    )
    return json_response(asdict(transact(running.engine, work)))


@blueprint.delete("/announcements/<announcement_id>")
@operation("End an announcement now", permission=ANNOUNCE, answer=AnnouncementsPage)
def delete_announcement(announcement_id: str) -> Response:
    running, now = services(), services().clock()
    who = running.guard.principal()
    transact(running.engine, lambda c: end_announcement(c, who, announcement_id, now=now))
    with reading(running.engine) as connection:
        rows = list_announcements(connection, now=now)
    return page([asdict(row) for row in rows], next_cursor=None)


@blueprint.get("/feedback")
@operation(
    "What I said and the answers; for those who answer, what all said",
    permission=FEEDBACK,
    answer=FeedbackPage,
)
def get_feedback() -> Response:
    who = services().guard.principal()
    with reading(services().engine) as connection:
        rows = list_feedback(connection, of=None if who.may(ANSWER) else who)
    return page([asdict(row) for row in rows], next_cursor=None)


@blueprint.post("/feedback")
@operation(
    "Say something about the program", permission=FEEDBACK, body=FeedbackBody, answer=FeedbackItem
)
def post_feedback() -> Response:
    body = read_model(FeedbackBody, read_json())
    running = services()
    work = partial(
        give_feedback, who=running.guard.principal(), **body.model_dump(), now=running.clock()
    )
    return json_response(asdict(transact(running.engine, work)))


@blueprint.patch("/feedback/<feedback_id>")
@operation("Answer feedback", permission=ANSWER, body=AnswerBody, answer=FeedbackItem)
def patch_feedback(feedback_id: str) -> Response:
    body = read_model(AnswerBody, read_json())
    running = services()
    work = partial(
        answer_feedback,
        who=running.guard.principal(),
        feedback_id=feedback_id,
        answer=body.answer,
        now=running.clock(),
    )
    return json_response(asdict(transact(running.engine, work)))
