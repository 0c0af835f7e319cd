"""The errors that every package raises and every border turns into a response."""

from __future__ import annotations


class FlarewatchError(Exception):
    """Base of all errors whose message is meant for the person who has to act on it."""

    status = 500
    title = "Internal error"


class InvalidInputError(FlarewatchError):
    """The input cannot be used; the message says what, where and what to do next."""

    status = 422
    title = "Invalid input"


class NotFoundError(FlarewatchError):
    """The requested thing does not exist."""

    status = 404
    title = "Not found"


class NotAllowedError(FlarewatchError):
    """Whoever asks may see the thing, but not do this to it."""

    status = 403
    title = "Not allowed"


class ConflictError(FlarewatchError):
    """The thing is in a state in which this cannot be done to it; the message names the state."""

    status = 409
    title = "Conflict"


class PreconditionError(FlarewatchError):
    """The thing has changed since whoever asks read it; read it again."""

    status = 412
    title = "Changed meanwhile"


class StoreUnavailableError(FlarewatchError):
    """The database does not answer; the same request may succeed later."""

    status = 503
    title = "Store unavailable"


class StoreLockedError(StoreUnavailableError):
    """Another transaction holds what this one needs; the same request can be sent again."""


class StoreFullError(StoreUnavailableError):
    """The disk of the store is full; the same request succeeds once there is space again."""


class StoreRefusedError(StoreUnavailableError):
    """The store refuses its file, its address or the account: waiting does not help."""


class ArtifactError(FlarewatchError):
    """A model folder is incomplete or is not the one that was registered."""

    status = 500
    title = "Model cannot be served"
