"""Passwords: kept as scrypt, in a table that the dashboard's account cannot read; and failures.

On MySQL the table lies in a database of its own, named after the store's with ``_credentials``.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from datetime import datetime, timedelta

import sqlalchemy as sa

from database.schema.people_tables import credentials, login_failures
from solar.errors import InvalidInputError
from solar.identifiers import new_id

SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 256
# So many failures of a name, or from an address, within this time lock it for as long.
FAILURES_PER_NAME, FAILURES_PER_ADDRESS = 5, 20
LOCKED_FOR = timedelta(minutes=15)
# Parameters of scrypt: 32 MiB and some 0.1 s for each password (RFC 7914).
_N, _R, _P = 2**15, 8, 1
_MEMORY = 128 * _N * _R * 2
# More at a time would take memory and cores from the forecasts.
_at_once = threading.BoundedSemaphore(2)


def hash_password(password: str, *, salt: str | None = None) -> str:
    """Return ``scrypt:N:r:p$salt$hash``, the form that werkzeug writes too."""
    salt = salt or secrets.token_urlsafe(12)
    with _at_once:
        digest = hashlib.scrypt(
            password.encode("utf-8", "surrogatepass"),
            salt=salt.encode(),
            n=_N,
            r=_R,
            p=_P,
            maxmem=_MEMORY,
        )
    return f"scrypt:{_N}:{_R}:{_P}${salt}${digest.hex()}"


# Compared with where a name is unknown, so that the answer takes as long as for a known one.
_NO_PASSWORD = f"scrypt:{_N}:{_R}:{_P}$-$-"


def hash_new_password(password: str) -> str:
    """Return the hash of a password that somebody chose; one too short or too long is refused."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InvalidInputError(
            f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; take a sentence"
        )
    return hash_password(password)


def set_password(
    connection: sa.Connection, person_id: str, password_hash: str, *, now: datetime
) -> None:
    """Give a person a password, in place of the one before."""
    forget_password(connection, person_id)
    connection.execute(
        credentials.insert()
        .values(person_id=person_id, password_hash=password_hash, changed_at=now)
        .execution_options(**_place(connection))
    )


def forget_password(connection: sa.Connection, person_id: str) -> None:
    """Delete the password of a person."""
    connection.execute(
        credentials.delete()
        .where(credentials.c.person_id == person_id)
        .execution_options(**_place(connection))
    )


def stored_password(connection: sa.Connection, person_id: str | None) -> str:
    """Return the hash of a person's password; for those without, one that no password fits."""
    query = sa.select(credentials.c.password_hash).where(credentials.c.person_id == person_id)
    found = connection.execute(query.execution_options(**_place(connection))).scalar()
    return found or _NO_PASSWORD


def is_password(password: str, hashed: str) -> bool:
    """Tell whether a password is the one of a hash; takes as long for any."""
    salt = hashed.split("$")[1]
    return hmac.compare_digest(hash_password(password, salt=salt), hashed)


def _place(connection: sa.Connection) -> dict[str, dict[None, str]]:
    """Return the execution option that leads to the database of the passwords."""
    if connection.dialect.name == "sqlite":
        return {}
    return {"schema_translate_map": {None: f"{connection.engine.url.database}_credentials"}}


def name_bucket(name: str) -> str:
    """Return the bucket of failures of a name, whatever was typed."""
    digest = hashlib.sha256(name.strip().lower().encode("utf-8", "replace")).hexdigest()
    return f"name:{digest[:32]}"


def address_bucket(address: str) -> str:
    """Return the bucket of failures from an address."""
    return f"address:{address}"[:64]


def locked_for(connection: sa.Connection, bucket: str, most: int, *, now: datetime) -> timedelta:
    """Return how long a bucket is still locked after so many failures; zero when it is not."""
    query = (
        sa.select(login_failures.c.at)
        .where(login_failures.c.bucket == bucket, login_failures.c.at > now - LOCKED_FOR)
        .order_by(login_failures.c.at.desc())
        .limit(most)
    )
    times = list(connection.scalars(query))
    return timedelta() if len(times) < most else max(times[-1] + LOCKED_FOR - now, timedelta())


def record_failure(connection: sa.Connection, bucket: str, *, now: datetime) -> None:
    """Add a failure to a bucket."""
    connection.execute(
        login_failures.insert().values(failure_id=new_id(now), bucket=bucket, at=now)
    )


def forgive(connection: sa.Connection, bucket: str) -> None:
    """Forget the failures of a bucket."""
    connection.execute(login_failures.delete().where(login_failures.c.bucket == bucket))
