"""The version of Flarewatch, which the command, the packages and the help page show."""

from __future__ import annotations

VERSION = "0.1.0"
