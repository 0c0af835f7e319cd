"""Contradictions: statements of a manifest that cannot all be true, one sentence each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from model_training.artefact.manifest import GRAPH, MOST_INPUTS, Manifest
from model_training.features import kind, unit
from solar.flares import EVENTS
from solar.windows import DAY

# What our training writes into every manifest.
TRAINED = (
    "sources",
    "split",
    "leak_audit",
    "parity",
    "scores",
    "score_notes",
    "recipe",
    "libraries",
)
# Results that were computed with one graph and do not hold for another.
EVIDENCE = ("split", "leak_audit", "parity", "scores", "reference", "disk", "repaired")
_DAY_HOURS = round(DAY.validity.total_seconds() / 3600)


def contradictions(manifest: Manifest, *, folder: str) -> list[str]:
    """List everything in a manifest that disagrees; `folder` is the name of the artefact's folder.

    What cannot be detected: evidence that was copied together with its `scored_graph` and then
    given the digest of the new graph.
    """
    return [
        *_of_names(manifest, folder),
        *_of_size(manifest),
        *_of_evidence(manifest),
        *_of_recipe(manifest),
        *_of_features(manifest),
        *_of_events(manifest),
        *_of_calibration(manifest),
        *_of_bands(manifest),
        *_of_horizon(manifest),
    ]


def warnings_of(manifest: Manifest) -> list[str]:
    """List warnings about a manifest from before `scored_graph`, one sentence each."""
    evidence = evidence_of(manifest)
    if manifest.scored_graph is not None or not evidence or manifest.made_by == "elsewhere":
        return []
    return [
        f"nothing says that {', '.join(evidence)} belong to this {GRAPH} (no scored_graph in the"
        " manifest); train the model again"
    ]


def _of_names(manifest: Manifest, folder: str) -> list[str]:
    expected = f"{manifest.name}-{manifest.version}"
    if folder == expected:
        return []
    return [f"the folder is {folder} where name and version say {expected}; rename one of them"]


def _of_size(manifest: Manifest) -> list[str]:
    numbers = manifest.window_length * len(manifest.features)
    if numbers <= MOST_INPUTS:
        return []
    return [
        f"windows of {manifest.window_length} steps and {len(manifest.features)} features are"
        f" {numbers:,} numbers; at most {MOST_INPUTS:,} are served"
    ]


def _of_evidence(manifest: Manifest) -> list[str]:
    absent = [name for name in TRAINED if getattr(manifest, name) is None]
    if manifest.made_by == "flarewatch" and absent:
        return [
            f"made_by is flarewatch and {', '.join(absent)} are absent; if the model was made"
            ' elsewhere, write "made_by": "elsewhere"'
        ]
    return _of_scored_graph(manifest, evidence_of(manifest))


def _of_scored_graph(manifest: Manifest, evidence: list[str]) -> list[str]:
    scored, served = manifest.scored_graph, manifest.files.get(GRAPH)
    listed = ", ".join(evidence)
    if evidence and scored is None and manifest.made_by == "elsewhere":
        return [
            f"{listed} belong to no graph; leave them out, or say in scored_graph the sha256 of the"
            " graph that they were computed with"
        ]
    if scored is None or scored == served:
        return []
    return [
        f"{listed or 'scored_graph'} belong to the graph {scored[:12]} and {GRAPH} is"
        f" {served[:12] if served else 'absent'}; train the model again or, if the graph was made"
        ' elsewhere, write "made_by": "elsewhere" and leave out'
        f" {', '.join([*evidence, 'scored_graph'])}"
    ]


def evidence_of(manifest: Manifest) -> list[str]:
    """List which of `EVIDENCE` a manifest brings."""
    return [name for name in EVIDENCE if getattr(manifest, name) not in (None, {})]


def _of_recipe(manifest: Manifest) -> list[str]:
    """Compare with the recipe that a manifest holds, whose keys a maker may choose."""
    recipe = manifest.recipe or {}
    pairs: dict[str, tuple[object, object]] = {
        "name": (recipe.get("name"), manifest.name),
        "version": (recipe.get("version"), manifest.version),
        "events": (_listed(recipe.get("events")), ", ".join(manifest.event_names)),
        "keywords and history": (
            _listed(recipe.get("keywords"), recipe.get("history")),
            ", ".join(manifest.feature_names),
        ),
    }
    return [
        f"{what} of the recipe: {in_recipe} where the manifest says {in_manifest}; leave out the"
        " recipe unless it made this model"
        for what, (in_recipe, in_manifest) in pairs.items()
        if in_recipe is not None and in_recipe != in_manifest
    ] + _of_recipe_window(manifest, recipe.get("window"))


def _of_recipe_window(manifest: Manifest, window: object) -> list[str]:
    # One step in a recipe leaves windows as long as their source has made them.
    steps = window.get("steps", 1) if isinstance(window, dict) else 1
    if steps in (1, manifest.window_length):
        return []
    return [
        f"window of the recipe: {steps} steps where window_length says {manifest.window_length};"
        " leave out the recipe unless it made this model"
    ]


def _listed(*lists: object) -> str | None:
    names = [str(name) for one in lists if isinstance(one, list | tuple) for name in one]
    return ", ".join(names) or None


def _of_features(manifest: Manifest) -> list[str]:
    faults = [
        f"{', '.join(names)}: called {word} and not known as that, so that no observation brings it"
        for word in ("keyword", "history")
        if (names := [f.name for f in manifest.features if word == f.kind != kind(f.name)])
    ]
    faults += [
        f"{f.name} is in {f.unit} where observations bring {unit(f.name)}; let the graph convert it"
        for f in manifest.features
        if kind(f.name) != "other" and f.unit not in ("", unit(f.name))
    ]
    faults += [f"feature {name} is listed twice" for name in _twice(manifest.feature_names)]
    if manifest.reference is None:
        return faults
    differing = set(manifest.reference.features) ^ set(manifest.feature_names)
    return faults + [
        f"reference and features differ by {name}; describe every feature and no other"
        for name in sorted(differing)
    ]


def _of_events(manifest: Manifest) -> list[str]:
    known, names = [event.name for event in EVENTS], list(manifest.event_names)
    faults = [f"event {name} is none of {', '.join(known)}" for name in names if name not in known]
    faults += [f"event {name} is listed twice" for name in _twice(names)]
    in_order = [name for name in known if name in names]
    if not faults and names != in_order:
        faults.append(f"events stand from frequent to rare: {', '.join(in_order)}")
    shared = _twice(str(event.column) for event in manifest.events)
    faults += [f"column {column} of the output stands for two events" for column in shared]
    return faults + _of_foreign_events(manifest) + _of_thresholds(manifest)


def _of_foreign_events(manifest: Manifest) -> list[str]:
    events_by_field = {
        "disk": set(manifest.disk or ()),
        "reference.predictions": set(manifest.reference.predictions if manifest.reference else ()),
        "scores": {
            event
            for entrants in (manifest.scores or {}).values()
            for events in entrants.values()
            for event in events
        },
    }
    return [
        f"{where} speaks of {event}, which is no event of the model; leave it out"
        for where, events in events_by_field.items()
        for event in sorted(events - set(manifest.event_names))
    ]


def _of_thresholds(manifest: Manifest) -> list[str]:
    """Find events whose yes/no scores were computed at another threshold than is served."""
    return [
        f"{event.name}: threshold {event.threshold} where its {part} scores are at"
        f" {scores.threshold}; restore it, or evaluate the model again"
        for part, entrants in (manifest.scores or {}).items()
        for event in manifest.events
        if (scores := entrants.get("model", {}).get(event.name)) is not None
        and scores.threshold != event.threshold
    ]


def _of_calibration(manifest: Manifest) -> list[str]:
    return [
        f"{event.name}: calibration {event.calibration.kind}: {fault}"
        for event in manifest.events
        for fault in event.calibration.faults()
    ]


def _of_bands(manifest: Manifest) -> list[str]:
    return [
        f"{target.name}: band: {fault}"
        for target in manifest.all_targets
        if target.band is not None
        for fault in target.band.faults()
    ]


def _of_horizon(manifest: Manifest) -> list[str]:
    if manifest.horizon_hours == _DAY_HOURS:
        return []
    return [
        f"horizon_hours is {manifest.horizon_hours}; forecasts are stored and verified for"
        f" {_DAY_HOURS} h"
    ]


def _twice(items: Iterable[str]) -> list[str]:
    return [item for item, number in Counter(items).items() if number > 1]
