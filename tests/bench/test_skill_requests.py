"""The benchmark asks for skill of every event in every window, as the API takes it."""

from __future__ import annotations

from app.contract.queries import LeadSkillQuery, SkillQuery
from bench.skill_requests import skill_requests
from solar.flares import EVENTS, TARGETS


def test_every_event_in_every_window_is_asked_for_over_everything_and_taken_by_the_api() -> None:
    asked = [one for one in skill_requests() if one.length is None]

    skill = [SkillQuery.model_validate(one.parameters) for one in asked if one.path == "skill"]
    leads = [LeadSkillQuery.model_validate(one.parameters) for one in asked if one.path != "skill"]
    scopes = ("region", "disk")
    assert [(query.scope, query.target) for query in skill] == [
        (scope, target.name) for scope in scopes for target in TARGETS
    ]
    assert [(query.scope, query.event) for query in leads] == [
        (scope, event.name) for scope in scopes for event in EVENTS
    ]
    assert len({(one.name, one.span) for one in skill_requests()}) == len(list(skill_requests()))
    assert "skill/disk/M1.0/6h" in {one.name for one in asked}
