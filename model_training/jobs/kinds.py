"""The kinds of job: what each of them does in a folder of data, and what it leaves behind.

They are the commands of the command line without their words: both call the same functions.
"""

from __future__ import annotations

import logging
import shutil
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import orjson
from pydantic import ValidationError
from threadpoolctl import threadpool_limits

from model_training.analysis.clusters import cluster_recipe
from model_training.analysis.keyword_forecast import forecast_recipe
from model_training.analysis.network_study import study_recipe
from model_training.analysis.processing import DATA, process, write_augmented
from model_training.analysis.unknown_data import describe_unknown
from model_training.artefact import probe
from model_training.artefact.artifact import MANIFEST, Artifact, read_manifest
from model_training.artefact.manifest import GRAPH, ScoreBook
from model_training.data import leak_audit
from model_training.data.snapshot import Pages, write_snapshot
from model_training.journal import Journal
from model_training.judging import noise_test
from model_training.judging.evidence import MODEL
from model_training.judging.judgement import manifest_scores
from model_training.judging.own_cases import as_scored, audit_split, load_own_cases, own_recipe
from model_training.recipe.config import Config
from model_training.recipe.data import paths_outside
from model_training.recipe.kinds import (
    AugmentParameters,
    ClusterParameters,
    DescribeParameters,
    EvaluateParameters,
    ForecastParameters,
    NetworkParameters,
)
from model_training.recipe.recipe import Recipe, parse_recipe
from model_training.report import run_folder
from model_training.report.repeats import means
from model_training.report.run_folder import EVIDENCE, REPORT, SCORES
from solar.errors import InvalidInputError

RECIPE, MEANS, QUALITY, AUDIT = "recipe.toml", "means.json", "quality.json", "audit.json"
BREAKDOWN = "breakdown.json"
# Where the model that `evaluate` scores lies in the folder of the data.
ARTEFACT = "artefact"
_OUTPUTS = {
    GRAPH: "model",
    MANIFEST: "model",
    REPORT: "report",
    SCORES: "scores",
    MEANS: "scores",
    EVIDENCE: "evidence",
    RECIPE: "recipe",
    QUALITY: "quality",
    AUDIT: "audit",
    BREAKDOWN: "breakdown",
}
_BY_SUFFIX = {".json": "figures", ".svg": "picture", ".csv": "table", ".parquet": "table"}
_log = logging.getLogger(__name__)
Asked = TypeVar("Asked", bound=Config)
Headline = dict[str, dict[str, float | None]]


@dataclass(frozen=True)
class Job:
    """One run to be made.

    Parameters
    ----------
    recipe : as TOML, for the kinds that have one
    data : folder of the files; the paths of the recipe start from it
    out : folder whose files become the outputs, under their paths in it
    journal : where events and checkpoints go; asked for a stop, the job ends soon
    store : the pages of a table of the store that a snapshot may read
    """

    kind: str
    recipe: str | None
    parameters: Mapping[str, Any]
    data: Path
    out: Path
    journal: Journal
    store: Pages | None = None


@dataclass(frozen=True)
class Result:
    """The result of a job that succeeded, beside its files.

    Parameters
    ----------
    headline : event -> ``bss`` with ``low`` and ``high``, of the kinds that score a model
    dataset : what a data set turned out to be, of `describe`
    kinds : name of an output -> its kind
    """

    headline: Headline | None = None
    dataset: dict[str, Any] | None = None
    kinds: dict[str, str] = field(default_factory=dict)


def execute(job: Job) -> Result:
    """Do what a job asks for, on one thread.

    Raises
    ------
    FlarewatchError
        When it cannot be done; the message says why and what to do. What was written so far is
        in `job.out`.
    StoppedError
        When the journal was asked to stop; its checkpoints are kept.
    """
    if job.kind not in _KINDS:
        raise InvalidInputError(f"no job is of kind {job.kind!r}; there are {', '.join(_KINDS)}")
    job.out.mkdir(parents=True, exist_ok=True)
    # As on the command line: sums in another order would differ in digits.
    with threadpool_limits(limits=1):
        result = _KINDS[job.kind](job)
    return replace(result, kinds=kinds_of(job.out))


def _describe(job: Job) -> Result:
    """Find out how the files of a new data set are laid out, and what they hold."""
    asked = _asked(DescribeParameters, job)
    job.journal.turn_to("reading the data, in a process of limited memory and time")
    told = describe_unknown(job.data, answer=asked.answer, between=job.journal.check)
    told.pop("text")
    if told["breakdown"] is not None:
        _write(job.out / BREAKDOWN, told["breakdown"])
    _log.info("%s", _verdict(told))
    return Result(dataset=told)


def _verdict(told: Mapping[str, Any]) -> str:
    if told["reason"] is not None:
        return f"refused: {told['reason']}"
    if told["question"] is not None:
        return f"asks: {told['question']['text']}"
    return f"laid out as {told['layout']['layout']}, {told['rows']} cases"


def _train(job: Job) -> Result:
    recipe = _recipe(job)
    if recipe.repeat is not None:
        return _train_each(job, recipe)
    trained, _ = run_folder.train_one(
        recipe, job.data, out=job.out, kept=job.out, journal=job.journal
    )
    return Result(headline=_headline(trained.manifest.scores or {}, "test"))


def _train_each(job: Job, recipe: Recipe) -> Result:
    """Make the runs of a repeated recipe, each in a folder of its own, and their mean scores."""
    runs = recipe.repeats()
    job.journal.tell_parts([one.name for one in runs])
    for one in runs:
        kept, journal = run_folder.path(job.out, one), job.journal.within(one.name)
        run_folder.train_one(one, job.data, out=job.out, kept=kept, journal=journal)
    spreads, plain = means(recipe, job.out), defaultdict[str, Any](dict)
    for event, entrants in spreads.items():
        for entrant, scores in entrants.items():
            plain[event][entrant] = {
                score: {"mean": one.mean, "deviation": one.deviation, **asdict(one)}
                for score, one in scores.items()
            }
    _write(job.out / MEANS, plain)
    headline: Headline = {
        event: {"bss": entrants[MODEL]["bss"].mean, "low": None, "high": None}
        for event, entrants in spreads.items()
    }
    return Result(headline=headline)


def _evaluate(job: Job) -> Result:
    """Score the artefact that lies in the folder `ARTEFACT` of the data."""
    asked = _asked(EvaluateParameters, job)
    model = _model(job.data / ARTEFACT)
    manifest = model.manifest
    is_ours = manifest.made_by == "flarewatch"
    recipe = own_recipe(manifest) if is_ours else as_scored(_recipe(job), manifest)
    _refuse_paths_outside(recipe)
    own = load_own_cases(model, recipe, job.data, journal=job.journal)
    job.journal.turn_to(f"scoring {model.model_id} on the {asked.on} cases")
    evidences = own.evidence(asked.on, journal=job.journal)
    run_folder.keep(job.out, manifest, evidences, importances={}, log=job.journal.lines())
    return Result(headline=_headline(manifest_scores(evidences), asked.on))


def _model(folder: Path) -> Artifact:
    if not (folder / MANIFEST).is_file():
        raise InvalidInputError("the run that is scored left no model; choose one that succeeded")
    manifest = read_manifest(folder)
    with TemporaryDirectory() as temporary:
        # The folder of an artefact carries its name.
        named = Path(temporary) / f"{manifest.name}-{manifest.version}"
        shutil.copytree(folder, named)
        return probe.load(named, with_evaluation=False)


def _augment(job: Job) -> Result:
    # Imported when asked for: torch takes a second, and most jobs do without it.
    from model_training.analysis.augmentation_trial import trial

    asked, recipe = _asked(AugmentParameters, job), _recipe(job)
    if asked.keep:
        write_augmented(recipe, job.data, event=asked.event, out=job.out, journal=job.journal)
    _write(job.out / QUALITY, trial(recipe, job.data, journal=job.journal))
    return Result()


def _process(job: Job) -> Result:
    process(_recipe(job), job.data, out=job.out, journal=job.journal)
    return Result()


def _snapshot(job: Job) -> Result:
    """Write what the API has of the time that it was asked for; it checked the parameters."""
    if job.store is None:
        raise InvalidInputError("a snapshot reads the store, which only a worker's API reaches")
    job.journal.turn_to("reading the store")
    _log.info("%d records", write_snapshot(job.store, job.out / DATA))
    return Result()


def _network(job: Job) -> Result:
    asked = dict(_asked(NetworkParameters, job))
    study_recipe(_recipe(job), job.data, **asked, out=job.out, journal=job.journal)
    return Result()


def _cluster(job: Job) -> Result:
    asked = _asked(ClusterParameters, job)
    cluster_recipe(_recipe(job), job.data, asked, out=job.out, journal=job.journal)
    return Result()


def _forecast(job: Job) -> Result:
    asked = _asked(ForecastParameters, job)
    forecast_recipe(_recipe(job), job.data, asked, out=job.out, journal=job.journal)
    return Result()


def _audit(job: Job) -> Result:
    recipe = _recipe(job)
    reports = {
        one.name: audit_split(one, job.data, journal=job.journal) for one in recipe.repeats()
    }
    _write(job.out / AUDIT, {name: one.model_dump() for name, one in reports.items()})
    for report in reports.values():
        leak_audit.gate(recipe, report)
        noise_test.gate(recipe, report.noise)
    return Result()


def _asked(model: type[Asked], job: Job) -> Asked:
    try:
        return model.model_validate(job.parameters)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(("parameters", *map(str, fault["loc"])))
        text = f"{place} of a run of kind {job.kind}: {fault['msg']}"
        raise InvalidInputError(text) from error


def _recipe(job: Job) -> Recipe:
    """Check the recipe of a job, and keep its text among the outputs."""
    if job.recipe is None:
        raise InvalidInputError(f"a job of kind {job.kind} needs a recipe; choose one")
    (job.out / RECIPE).write_text(job.recipe, "utf-8", newline="")
    recipe = parse_recipe(job.recipe, name=RECIPE)
    _refuse_paths_outside(recipe)
    return recipe


def _refuse_paths_outside(recipe: Recipe) -> None:
    if outside := paths_outside(recipe.data):
        named = "; ".join(f"data.{option} = {path!r}" for option, path in outside.items())
        raise InvalidInputError(
            f"{recipe.name}: {named} leads out of the data set; name its files as the data set"
            " lists them"
        )


def _headline(scores: ScoreBook, part: str) -> Headline:
    """Return the Brier skill score of the model on a part: event -> value and interval."""
    return {
        event: {"bss": skill.value, "low": skill.low, "high": skill.high}
        for event, one in scores.get(part, {}).get(MODEL, {}).items()
        for skill in [one.scores["bss"]]
    }


def kinds_of(out: Path) -> dict[str, str]:
    """Return the kind of each file of the outputs, by its name."""
    files = [path for path in sorted(out.rglob("*")) if path.is_file()]
    return {path.relative_to(out).as_posix(): _kind_of(path) for path in files}


def _kind_of(path: Path) -> str:
    if path.parent.name == DATA:
        return DATA
    # A graph is written as GraphML, as JSON and as a picture.
    is_graph = path.with_suffix(".graphml").exists() and path.suffix != ".svg"
    return "graph" if is_graph else _OUTPUTS.get(path.name) or _BY_SUFFIX.get(path.suffix, "file")


def _write(path: Path, document: Any) -> None:
    option = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
    path.write_bytes(orjson.dumps(document, option=option))


_KINDS: dict[str, Callable[[Job], Result]] = {
    "describe": _describe,
    "train": _train,
    "evaluate": _evaluate,
    "augment": _augment,
    "network": _network,
    "cluster": _cluster,
    "forecast": _forecast,
    "audit": _audit,
    "process": _process,
    "snapshot": _snapshot,
}
