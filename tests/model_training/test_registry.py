from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from model_training import registry
from model_training.artefact.graph import named, to_bytes
from model_training.artefact.manifest import GRAPH, Check, LeakAudit, Manifest, Score
from model_training.training import TrainingResult
from solar.errors import ArtifactError, InvalidInputError, NotFoundError
from solar.stages import Stages, read_stages


def write(trained: TrainingResult, folder: Path, version: str, **changes: object) -> str:
    assert trained.manifest.recipe is not None
    own = {"version": version, "recipe": trained.manifest.recipe | {"version": version}}
    manifest = trained.manifest.model_copy(update=own | changes)
    replace(trained, manifest=manifest).write(folder)
    return f"{manifest.name}@{version}"


def with_skill(
    manifest: Manifest, low: float, high: float, *, of: str | None = None
) -> dict[str, object]:
    """Change the validation skill of one event, or of all."""
    validation = manifest.scores["validation"]
    bss = Score(value=(low + high) / 2, low=low, high=high)
    model = {
        event: found.model_copy(update={"scores": found.scores | {"bss": bss}})
        if of in (None, event)
        else found
        for event, found in validation["model"].items()
    }
    return {"scores": manifest.scores | {"validation": validation | {"model": model}}}


def test_the_first_model_goes_live(trained: TrainingResult, tmp_path: Path) -> None:
    model = write(trained, tmp_path, "1.0.0")

    registry.promote(tmp_path, model)

    assert read_stages(tmp_path).model_ids == (model,)


def test_the_model_that_is_replaced_stays_in_the_shadow(
    trained: TrainingResult, tmp_path: Path
) -> None:
    first, second = (write(trained, tmp_path, version) for version in ("1.0.0", "1.1.0"))
    registry.promote(tmp_path, first)
    registry.promote(tmp_path, second, stage="shadow")

    stages = registry.promote(tmp_path, second)

    assert stages == Stages(live=second, shadow=(first,))


def test_a_model_whose_skill_lies_below_the_live_one_is_refused(
    trained: TrainingResult, tmp_path: Path
) -> None:
    live = write(trained, tmp_path, "1.0.0", **with_skill(trained.manifest, 0.3, 0.4))
    worse = write(trained, tmp_path, "1.1.0", **with_skill(trained.manifest, 0.1, 0.2))
    registry.promote(tmp_path, live)

    with pytest.raises(InvalidInputError, match=r"validation BSS at most 0\.2, live at least 0\.3"):
        registry.promote(tmp_path, worse)

    assert read_stages(tmp_path).live == live


def test_a_model_with_overlapping_skill_may_replace_the_live_one(
    trained: TrainingResult, tmp_path: Path
) -> None:
    live = write(trained, tmp_path, "1.0.0", **with_skill(trained.manifest, 0.3, 0.4))
    other = write(trained, tmp_path, "1.1.0", **with_skill(trained.manifest, 0.2, 0.35))
    registry.promote(tmp_path, live)

    assert registry.promote(tmp_path, other).live == other


def test_a_failed_leak_audit_keeps_a_model_out(trained: TrainingResult, tmp_path: Path) -> None:
    leak = Check(name="no region is in train and test", passed=False, detail="1 shared")
    audit = LeakAudit(passed=False, checks=(leak,))
    model = write(trained, tmp_path, "1.0.0", leak_audit=audit)

    with pytest.raises(InvalidInputError, match="leak audit: no region is in train and test"):
        registry.promote(tmp_path, model)


def test_the_most_skilful_for_m1_is_live_and_the_next_its_shadow(
    trained: TrainingResult, tmp_path: Path
) -> None:
    skills = {"1.0.0": 0.2, "1.1.0": 0.4, "1.2.0": 0.3}
    for version, bss in skills.items():
        write(trained, tmp_path, version, **with_skill(trained.manifest, bss, bss, of="M1.0"))
    name = trained.manifest.name
    registry.promote(tmp_path, f"{name}@1.0.0")

    stages = registry.select(tmp_path)

    assert stages == Stages(live=f"{name}@1.1.0", shadow=(f"{name}@1.2.0",))
    assert read_stages(tmp_path).model_ids == stages.model_ids


def test_between_equals_for_m1_the_mean_of_all_events_decides(
    trained: TrainingResult, tmp_path: Path
) -> None:
    worse = write(trained, tmp_path, "1.0.0", **with_skill(trained.manifest, -9, -9, of="C1.0"))
    better = write(trained, tmp_path, "1.1.0", **with_skill(trained.manifest, 0.9, 0.9, of="C1.0"))

    assert registry.ranking(tmp_path) == [better, worse]


def test_a_model_with_a_leak_is_not_selected(trained: TrainingResult, tmp_path: Path) -> None:
    write(trained, tmp_path, "1.0.0", leak_audit=LeakAudit(passed=False, checks=()))

    with pytest.raises(NotFoundError, match="passed its leak audit"):
        registry.select(tmp_path)


def test_a_model_that_was_never_trained_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no model ghost@1\.0\.0"):
        registry.promote(tmp_path, "ghost@1.0.0")


def test_a_broken_stage_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "live.json").write_text('{"live": 3}')

    with pytest.raises(ArtifactError, match=r"live\.json"):
        read_stages(tmp_path)


def test_a_retired_shadow_serves_no_more(trained: TrainingResult, tmp_path: Path) -> None:
    first, second = (write(trained, tmp_path, version) for version in ("1.0.0", "1.1.0"))
    registry.promote(tmp_path, first)
    registry.promote(tmp_path, second, stage="shadow")

    stages = registry.retire(tmp_path, second)

    assert stages == Stages(live=first)
    assert read_stages(tmp_path).model_ids == (first,)
    assert registry.find(tmp_path, second).is_dir()


def test_the_live_model_cannot_be_retired(trained: TrainingResult, tmp_path: Path) -> None:
    live = write(trained, tmp_path, "1.0.0")
    registry.promote(tmp_path, live)

    with pytest.raises(InvalidInputError, match="is live; promote another model first"):
        registry.retire(tmp_path, live)


def test_a_model_whose_inputs_no_sender_supplies_does_not_serve(
    trained: TrainingResult, tmp_path: Path
) -> None:
    first, *others = trained.manifest.features
    strange = first.model_copy(update={"name": "LOS_AREA", "kind": "other"})
    names = [strange.name, *(feature.name for feature in others)]
    drawn = to_bytes(named(onnx.load_from_string(trained.graph), names))
    files = {GRAPH: hashlib.sha256(drawn).hexdigest()}
    odd = replace(trained, graph=drawn)
    assert trained.manifest.recipe is not None
    own = {"version": "1.0.0", "keywords": [strange.name, *trained.recipe.keywords[1:]]}
    model = write(
        odd, tmp_path, "1.0.0", features=(strange, *others), files=files, reference=None,
        scored_graph=files[GRAPH], recipe=trained.manifest.recipe | own,
    )  # fmt: skip

    with pytest.raises(InvalidInputError, match="no sender supplies LOS_AREA"):
        registry.promote(tmp_path, model, stage="shadow")

    assert registry.ranking(tmp_path) == []
