"""Plug-ins: imputers and estimators of other packages, discovered by their entry points."""

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
    """List the plug-ins of a group by name; none is imported."""
    plugins = [
        Plugin(group, entry.name, entry.dist.metadata["Name"], entry.dist.version, entry)
        for entry in entry_points(group=group)
        if entry.dist is not None
    ]
    return sorted(plugins, key=lambda plugin: plugin.name)


def find(group: str, name: str) -> Plugin:
    """Return the plug-in of a name.

    Raises
    ------
    InvalidInputError
        When there is none, naming those that there are, or when two packages claim the name.
    """
    every = installed(group)
    matches = [plugin for plugin in every if plugin.name == name]
    if len(matches) == 1:
        return matches[0]
    if matches:
        packages = " and ".join(plugin.package for plugin in matches)
        raise InvalidInputError(f"{packages} both offer {name!r} in {group}; uninstall one of them")
    offered = ", ".join(f"{plugin.name} (of {plugin.package})" for plugin in every)
    raise InvalidInputError(
        f"no installed package offers {name!r} in {group}; there are: {offered or 'none'}"
    )


def load(group: str, name: str) -> Callable[..., Any]:
    """Import a plug-in; an error names its package."""
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
    factory: Callable[..., Any] = loaded
    return factory


def accept_draw(kind: Any) -> None:
    """Let `draw`, the former name of the method `to_onnx`, of a plug-in class stand for it."""
    if hasattr(kind, "draw") and not hasattr(kind, "to_onnx"):
        kind.to_onnx = kind.draw


def refuse_unknown_options(
    name: str, factory: Callable[..., Any], options: Mapping[str, Any], *passed: str
) -> None:
    """Refuse options of a recipe that a plug-in does not take, or lacks, by name.

    `passed` are the arguments that the training itself passes.
    """
    every = {**dict.fromkeys(passed), **options}
    try:
        inspect.signature(factory).bind(**every)
    except TypeError as error:
        raise InvalidInputError(
            f"the options of the plug-in {name!r} do not fit: {error}"
        ) from error
