"""The prediction API."""

import database  # noqa: F401  before everything else, for the sake of its driver
