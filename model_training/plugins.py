"""Plug-ins: imputers and estimators of other packages, found by their entry points."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from solar.errors import InvalidInputError

IMPUTERS = "flarewatch.imputers"
ESTIMATORS = "flarewatch.estimators"


@dataclass(frozen=True)
class Plugin:
    """What a package offers: its name in recipes, and where it comes from."""

    group: str
    name: str
    package: str
    version: str
    entry: EntryPoint

    @property
    def kind(self) -> str:
        """What it is, in one word."""
        return self.group.rpartition(".")[2].removesuffix("s")


def installed(group: str) -> list[Plugin]:
    """List the plug-ins of a group by name; nothing of them is imported."""
    found = [
        Plugin(group, entry.name, entry.dist.metadata["Name"], entry.dist.version, entry)
        for entry in entry_points(group=group)
        if entry.dist is not None
    ]
    return sorted(found, key=lambda plugin: plugin.name)


def find(group: str, name: str) -> Plugin:
    """Return the plug-in of a name.

    Raises
    ------
    InvalidInputError
        When there is none, naming those that there are, or when two packages claim the name.
    """
    every = installed(group)
    found = [plugin for plugin in every if plugin.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        packages = " and ".join(plugin.package for plugin in found)
        raise InvalidInputError(f"{packages} both offer {name!r} in {group}; uninstall one of them")
    offered = ", ".join(f"{plugin.name} (of {plugin.package})" for plugin in every)
    raise InvalidInputError(
        f"no installed package offers {name!r} in {group}; there are: {offered or 'none'}"
    )


def load(group: str, name: str) -> Callable[..., Any]:
    """Import a plug-in; what it raises on the way is told with the name of its package."""
    plugin = find(group, name)
    try:
        loaded = plugin.entry.load()
    # Code of others may fail in any way, and all of them mean the same here.
    except Exception as error:
        raise InvalidInputError(
            f"the {plugin.kind} {name!r} of {plugin.package} {plugin.version} cannot be imported:"
            f" {type(error).__name__}: {error}"
        ) from error
    if not callable(loaded):
        raise InvalidInputError(
            f"the {plugin.kind} {name!r} of {plugin.package} {plugin.version} is no class and no"
            f" function but {type(loaded).__name__}"
        )
    made_by: Callable[..., Any] = loaded
    return made_by


def refuse_unknown_options(
    name: str, made_by: Callable[..., Any], options: Mapping[str, Any], *given: str
) -> None:
    """Refuse options of a recipe that a plug-in does not take, or lacks, by name.

    `given` are the arguments that come from the training itself.
    """
    every = {**dict.fromkeys(given), **options}
    try:
        inspect.signature(made_by).bind(**every)
    except TypeError as error:
        raise InvalidInputError(
            f"the options of the plug-in {name!r} do not fit: {error}"
        ) from error
