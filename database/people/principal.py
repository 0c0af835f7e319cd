"""Principals: who asks, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass

# What a route, page or callback declares that it needs.
PUBLIC = "public"
READ = "read"
INGEST = "ingest"
ACKNOWLEDGE = "acknowledge"
ANNOUNCE = "announce"
ANSWER = "answer"
FEEDBACK = "feedback"
ACCOUNT = "account"
PEOPLE = "people"
METRICS = "metrics"
# Of the Lab: to see what is shared, to have objects of one's own, to stop any run and drain
# workers, and to execute runs, as workers do.
LAB_READ = "lab-read"
LAB = "lab"
OPERATE = "operate"
WORK = "work"
PERMISSIONS = (
    PUBLIC, READ, INGEST, ACKNOWLEDGE, ANNOUNCE, ANSWER, FEEDBACK, ACCOUNT, PEOPLE, METRICS,
    LAB_READ, LAB, OPERATE, WORK,
)  # fmt: skip

_VIEWER = frozenset({PUBLIC, READ, METRICS, FEEDBACK, ACCOUNT, LAB_READ})
_OPERATOR = _VIEWER | {ACKNOWLEDGE, ANNOUNCE, ANSWER, OPERATE}
_ALL = frozenset(PERMISSIONS)
ROLES: dict[str, frozenset[str]] = {
    "viewer": _VIEWER,
    "researcher": _VIEWER | {LAB},
    "operator": _OPERATOR,
    "admin": _ALL - {WORK},
}
# A key has no account, and only a person can say something.
SCOPES: dict[str, frozenset[str]] = {
    "ingest": frozenset({PUBLIC, INGEST}),
    "read": frozenset({PUBLIC, READ, METRICS}),
    "lab": frozenset({PUBLIC, LAB_READ, LAB}),
    "work": frozenset({PUBLIC, WORK}),
    "admin": _ALL - {ACCOUNT, FEEDBACK},
}

SESSION, KEY, LOCAL, CLI, SYSTEM = "session", "key", "local", "cli", "system"


@dataclass(frozen=True)
class Principal:
    """Who asks: a person in a session, a key, the owner of this machine, the program, or nobody.

    `name` is what their acts are signed with. `person_id` is None for all but people.
    """

    name: str
    via: str
    permissions: frozenset[str]
    roles: tuple[str, ...] = ()
    person_id: str | None = None
    login: str = ""
    request_id: str | None = None

    def may(self, permission: str) -> bool:
        """Tell whether they have the permission."""
        return permission in self.permissions

    @property
    def owner(self) -> str:
        """What their objects of the Lab belong to: the person, or else the key or this machine."""
        return self.person_id or f"{self.via} {self.name}"

    @property
    def sees_all(self) -> bool:
        """Tell whether they see the private objects of others, as an admin does."""
        return self.may(PEOPLE)

    @property
    def is_nobody(self) -> bool:
        """Tell whether nothing is known of them."""
        return not self.via


NOBODY = Principal("nobody", "", frozenset({PUBLIC}))
# Everybody on a machine where nobody is registered.
OWNER = Principal("local", LOCAL, _ALL - {ACCOUNT}, roles=tuple(ROLES), login="local")
COMMAND_LINE = Principal("command line", CLI, _ALL)
PROGRAM = Principal("system", SYSTEM, _ALL)


def permissions_of(roles: tuple[str, ...]) -> frozenset[str]:
    """Return what a person with these roles may do."""
    return frozenset({PUBLIC}).union(*(ROLES[role] for role in roles))
