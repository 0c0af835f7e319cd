"""The commands ``evaluate`` and ``audit``: what an artefact is worth, and whether it leaks."""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import orjson

from model_training.artefact import artifact, probe
from model_training.artefact.manifest import (
    Check,
    Evaluation,
    EventScores,
    LeakAudit,
    NoiseTrial,
)
from model_training.commands.arguments import add_data, share, whole
from model_training.data import leak_audit, loading
from model_training.data.dataset import Dataset
from model_training.data.files import existing, existing_folder, read_table
from model_training.data.flares import harps_of, read_flares
from model_training.journal import Journal
from model_training.judging import full_disk, noise_test
from model_training.judging.evaluation import evidence_of_test, served_inputs, with_windows
from model_training.judging.evidence import Evidence
from model_training.judging.judgement import manifest_scores
from model_training.judging.own_cases import (
    OwnCases,
    as_scored,
    audit_split,
    load_own_cases,
    own_recipe,
)
from model_training.judging.region_folds import evidence_of_region_folds
from model_training.recipe.data import SharpConfig
from model_training.recipe.recipe import Recipe, read_recipe
from model_training.report.run_folder import keep
from model_training.report.wording import table
from solar.errors import InvalidInputError
from solar.flares import EVENTS

HARPS = "maps/all_harps_with_noaa_ars.txt"
AGENCIES = "moswoc_swpc_forecasts_ccby_mit"


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """Declare ``evaluate``."""
    parser.description = "Score an artefact on its own test or validation rows, or on other rows."
    parser.add_argument("artefact", type=Path, metavar="ARTEFACT", help="folder of the artefact")
    add_data(parser)
    parser.add_argument(
        "--on",
        default="test",
        metavar="PART|FILE",
        help="test, validation, or rows in the data folder such as"
        " sharp/hourly_2014.parquet (default: test)",
    )
    parser.add_argument(
        "--label",
        type=_label,
        action="append",
        default=[],
        metavar="EVENT=COLUMN",
        help="with --on FILE: take the truth of an event from a column of the"
        " rows instead of the flare list; may be repeated",
    )
    parser.add_argument(
        "--harps",
        metavar="FILE",
        default=HARPS,
        help="with --on FILE: the HARP map by which regions are HARPs, where the rows name them"
        f" (default: {HARPS}, if the data folder has it)",
    )
    parser.add_argument(
        "--folds",
        type=whole,
        metavar="N",
        help="with --on FILE: forecast each of N groups of its regions by the recipe fitted"
        " again, on its rows from before FILE and on the other groups",
    )
    parser.add_argument(
        "--fold-weight",
        type=share,
        metavar="WEIGHT",
        default=1 / 12,
        help="with --folds: weight of a row of FILE in these fits, for hours of one region are much"
        " alike (default: 1/12)",
    )
    parser.add_argument(
        "--disk",
        metavar="EVENT",
        help="with --on FILE: put the regions at 00 UT together and compare with"
        " the forecasts that agencies issued",
    )
    parser.add_argument(
        "--disk-hours",
        type=whole,
        metavar="HOURS",
        default=6,
        help="with --disk: how long before 00 UT the newest record of a region counts; 24 for rows"
        " that lie a day apart (default: 6)",
    )
    parser.add_argument(
        "--agencies",
        metavar="FOLDER",
        default=AGENCIES,
        help="with --disk: whose forecasts, a folder of the data folder; agencies_2016_2017 holds"
        f" 17 systems (default: {AGENCIES})",
    )
    parser.add_argument(
        "--agency",
        action="append",
        default=[],
        metavar="NAME",
        help="with --disk: compare with this one, on its days; may be repeated (default: all, of"
        " the 17 systems those that left out no day)",
    )
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep evidence, scores and report in this folder"
    )
    parser.add_argument("--json", action="store_true", help="write JSON instead of a table")
    parser.add_argument(
        "--recipe",
        type=Path,
        metavar="RECIPE.toml",
        help="for a model made elsewhere: whose data and split it is scored with",
    )
    parser.add_argument(
        "--record",
        action="store_true",
        help="for a model made elsewhere: keep scores and leak audit beside it,"
        " for `promote` to judge by",
    )
    parser.set_defaults(run=_evaluate)


def add_audit(parser: argparse.ArgumentParser) -> None:
    """Declare ``audit``."""
    parser.description = (
        "Split the data of a recipe or artefact again and check that nothing scored was seen."
    )
    parser.add_argument("what", type=Path, metavar="RECIPE.toml|ARTEFACT")
    add_data(parser)
    parser.set_defaults(run=_audit)


def _label(text: str) -> tuple[str, str]:
    name, sign, column = text.partition("=")
    if not sign or name not in {event.name for event in EVENTS}:
        raise argparse.ArgumentTypeError(f"{text!r} is not written like M1.0=y24_M")
    return name, column


def _evaluate(options: argparse.Namespace) -> None:
    model = probe.load(options.artefact, with_evaluation=False)
    _refuse_what_does_not_go_together(model, options)
    recipe = _recipe(model, options)
    own = load_own_cases(model, recipe, options.data, journal=Journal())
    evidences = _evidence(own, options)
    if options.keep is not None:
        report = keep(
            options.keep,
            model.manifest,
            evidences,
            importances={},
            log=Journal(options.keep).lines(),
        )
        sys.stderr.write(f"evidence, scores and report in {report.parent}\n")
    (scores,) = manifest_scores(evidences).values()
    if options.record:
        cases = own.parts.test if options.on == "test" else own.parts.validation
        audit = leak_audit.audit_elsewhere(model.manifest.fitted_until, cases, dataset=own.dataset)
        _record(options, recipe, audit, scores)
    if options.json:
        plain = {
            entrant: {event: one.model_dump() for event, one in events.items()}
            for entrant, events in scores.items()
        }
        sys.stdout.write(orjson.dumps(plain, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        sys.stdout.write(table(scores))


def _refuse_what_does_not_go_together(
    model: artifact.Artifact, options: argparse.Namespace
) -> None:
    is_part, manifest = options.on in ("test", "validation"), model.manifest
    if is_part and (options.label or options.disk or options.folds):
        raise InvalidInputError(
            f"--label, --folds and --disk go with --on FILE; {options.on} has the truth of its own"
            " data"
        )
    if options.folds and (options.disk or options.folds < 2 or manifest.made_by == "elsewhere"):
        raise InvalidInputError(
            "--folds fits the recipe of a model that was made here, two times at least, and scores"
            " regions; leave out --disk and choose such a model"
        )
    if manifest.made_by == "flarewatch" and (options.recipe or options.record):
        raise InvalidInputError(
            f"{model.model_id} was made here and holds its recipe and its scores; leave out"
            " --recipe and --record"
        )
    if options.record and (not is_part or manifest.remote is not None):
        raise InvalidInputError(
            "--record keeps the scores of a graph on test or validation cases; a remote model may"
            " answer otherwise tomorrow, and of other cases no leak audit is known"
        )


def _recipe(model: artifact.Artifact, options: argparse.Namespace) -> Recipe:
    """Return the recipe that made a model or, for one made elsewhere, that it is scored with."""
    manifest = model.manifest
    if manifest.made_by == "flarewatch":
        return own_recipe(manifest)
    if options.recipe is None:
        raise InvalidInputError(
            f"{model.model_id} was made elsewhere; say with --recipe RECIPE.toml with whose data"
            " and split it is scored"
        )
    return as_scored(read_recipe(options.recipe), manifest)


def _record(
    options: argparse.Namespace,
    recipe: Recipe,
    audit: LeakAudit,
    scores: dict[str, dict[str, EventScores]],
) -> None:
    """Keep what was found beside the artefact, tied to its manifest."""
    plain = recipe.model_dump(mode="json")
    evaluation = Evaluation(
        manifest=artifact.sha256_of(options.artefact),
        recipe=f"{recipe.name}@{recipe.version}",
        data=plain["data"],
        split=plain["split"],
        part=options.on,
        leak_audit=audit,
        scores=scores,
    )
    path = options.artefact / artifact.EVALUATION
    path.write_text(evaluation.model_dump_json(indent=2) + "\n", "utf-8")
    for check in audit.checks:
        sys.stderr.write(f"{_mark(check)}  {check.name} ({check.detail})\n")
    sys.stderr.write(f"scores and leak audit in {path}\n")


def _evidence(own: OwnCases, options: argparse.Namespace) -> tuple[Evidence, ...]:
    if options.on in ("test", "validation"):
        return own.evidence(options.on, journal=Journal())
    cases = _cases_elsewhere(own, options)
    if options.folds:
        return evidence_of_region_folds(
            own, cases, folds=options.folds, weight=options.fold_weight, journal=Journal()
        )
    if options.disk is None:
        return evidence_of_test(own.model, with_windows(cases), past=with_windows(own.dataset))
    return (_evidence_of_disk(own.model, own.recipe, cases, options),)


def _cases_elsewhere(own: OwnCases, options: argparse.Namespace) -> Dataset:
    """Load other rows, and leave out the regions that a model made here was fitted on."""
    recipe, model = own.recipe, own.model
    if not isinstance(recipe.data, SharpConfig):
        raise InvalidInputError(
            f"{recipe.name} was not trained on SHARP records; --on FILE cannot be scored with it"
        )
    harps = recipe.data.harps if options.folds else _harps(recipe.data, options)
    flares = recipe.data.flares
    other = SharpConfig(rows=options.on, flares=flares, harps=harps, flares_known_from="end")
    labels = dict(options.label)
    cases = loading.load(other, options.data, window=recipe.window, labels=labels)
    if model.manifest.made_by == "elsewhere":
        sys.stderr.write("it is not known which regions the model was fitted on; all are scored\n")
        return cases
    if options.folds:
        return cases
    fitted_on = own.parts.train.region_id
    if harps and harps != recipe.data.harps:
        pairs = harps_of(existing(options.data, harps))
        fitted_on = np.concatenate([pairs[np.isin(pairs[:, 1], fitted_on), 0], -fitted_on])
    seen = np.isin(cases.region_id, fitted_on)
    if seen.any():
        sys.stderr.write(f"{seen.sum()} cases of regions seen in training are left out\n")
    return cases.take(~seen)


def _harps(config: SharpConfig, options: argparse.Namespace) -> str | None:
    """Return the HARP map for other rows: that of the recipe where these name no HARP."""
    if config.harps or "harpnum" not in read_table(existing(options.data, options.on)).columns:
        return config.harps
    is_there = options.harps != HARPS or (options.data / HARPS).is_file()
    return options.harps if is_there else None


def _evidence_of_disk(
    model: artifact.Artifact, recipe: Recipe, cases: Dataset, options: argparse.Namespace
) -> Evidence:
    event, listed = options.disk, getattr(recipe.data, "flares", None)
    if listed is None or event not in model.manifest.event_names:
        raise InvalidInputError(
            f"{recipe.name} cannot forecast {event} on the full disk: it has no flare list, or does"
            f" not forecast it; it forecasts {', '.join(model.manifest.event_names)}"
        )
    place = model.manifest.event_names.index(event)
    regions = model.score_inputs(served_inputs(model, cases)).calibrated[:, place]
    folder = existing_folder(options.data, options.agencies)
    return full_disk.evidence_of_disk(
        event,
        full_disk.disk_days(cases, regions, memory=timedelta(hours=options.disk_hours)),
        flares=read_flares(existing(options.data, listed), known_from="end"),
        agencies=full_disk.read_agencies(folder, event, options.agency),
    )


def _audit(options: argparse.Namespace) -> None:
    if options.what.is_dir():
        recipe = own_recipe(artifact.read_manifest(options.what))
    else:
        recipe = read_recipe(options.what)
    for one in recipe.repeats():
        report = audit_split(one, options.data, journal=Journal())
        for check in report.checks:
            sys.stdout.write(f"{_mark(check)}  {check.name} ({check.detail})\n")
        for trial in report.noise:
            sys.stdout.write(
                f"{_mark(trial)}  no skill with {trial.exchanged} exchanged"
                f" ({noise_test.sentence(trial)})\n"
            )
        leak_audit.gate(one, report)
        noise_test.gate(one, report.noise)


def _mark(check: Check | NoiseTrial) -> str:
    if isinstance(check, NoiseTrial) and check.bss is None:
        return "      "
    return "passed" if check.passed else "FAILED"
