from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from model_training.artefact.manifest import Manifest, NoiseTrial, Score
from model_training.judging.evidence import Evidence
from model_training.judging.importance import Importance
from model_training.judging.judgement import judge
from model_training.report.page import Page, write
from solar.skill import Estimate

Make = Callable[..., Evidence]
_EMPTY = {"meta", "br", "link", "img", "input", "hr"}


class Reader(HTMLParser):
    """What a reader's browser would find: tags, attributes, text, and tags left open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _page(manifest: Manifest, *evidences: Evidence) -> Page:
    return Page(
        manifest,
        evidences,
        [judge(evidence, resamples=20) for evidence in evidences],
        importance={"M1.0": (Importance("USFLUX", Estimate(0.2, 0.1, 0.3)),)},
        log=['{"event":"epoch","place":"gru","step":1,"loss":0.5}'],
    )


@pytest.fixture(scope="module")
def html(manifest: Manifest, make_evidence: Make, tmp_path_factory: pytest.TempPathFactory) -> str:
    quiet = make_evidence(event="X1.0", outcome=np.zeros(240))
    path = tmp_path_factory.mktemp("run") / "report.html"
    write(_page(manifest, make_evidence(part="validation"), quiet), path)
    return path.read_text(encoding="utf-8")


def test_the_page_is_well_formed_and_asks_nothing_of_the_network(html: str) -> None:
    found = Reader(html)

    assert not found.open
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in found.tags}
    wanted = [a.get("src") or a.get("href") or a.get("xlink:href") for _, a in found.tags]
    assert all(target.startswith("#") for target in wanted if target)
    assert "@import" not in html
    assert "url(h" not in html


def test_every_link_of_the_page_leads_somewhere_and_every_id_is_unique(html: str) -> None:
    found = Reader(html)

    ids = [a["id"] for _, a in found.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"] for tag, a in found.tags if tag == "a"} <= {f"#{name}" for name in ids}


def test_every_figure_has_a_text_alternative(html: str) -> None:
    pictures = [a for tag, a in Reader(html).tags if tag == "svg"]

    # Reliability, histogram and confusion of both; ROC, PR and forest where events are;
    # importance and learning.
    assert len(pictures) == 3 + 6 + 2
    assert all(a["role"] == "img" and a["aria-label"] for a in pictures)


def test_a_score_without_events_reads_undefined(html: str) -> None:
    said = Reader(html).text

    assert "X1.0+ on test cases (n = 240, 0 events): undefined" in said
    section = said[said.index("X1.0+, test cases", said.index("By the 95")) :]
    # The model, climatology and persistence.
    assert "AUC undefined undefined undefined" in " ".join(section.split())


def test_the_card_names_data_licence_hash_and_every_check(html: str, manifest: Manifest) -> None:
    said = Reader(html).text

    for source in manifest.sources:
        assert source.sha256 in said
        assert source.licence in said
    for check in manifest.leak_audit.checks:
        assert check.name in said
    assert all(version in said for version in manifest.libraries.values())


def test_the_noise_test_stands_beside_the_leak_audit(
    manifest: Manifest, make_evidence: Make, tmp_path: Path
) -> None:
    assert manifest.leak_audit is not None
    trials = (
        NoiseTrial(
            exchanged="inputs",
            event="M1.0",
            n=3781,
            n_events=120,
            level=0.975,
            bss=Score(value=-0.0046, low=-0.0118, high=-0.0012),
        ),
        NoiseTrial(exchanged="outcomes", event="X1.0", n=90, n_events=3, note="3 events"),
    )
    audit = manifest.leak_audit.model_copy(update={"noise": trials})
    tried = manifest.model_copy(update={"leak_audit": audit})

    write(_page(tried, make_evidence(40)), tmp_path / "report.html")

    said = " ".join(Reader((tmp_path / "report.html").read_text(encoding="utf-8")).text.split())
    assert "passed−0.005−0.012 … −0.001 (97.5 %)3,781120" in said
    assert "not judged: 3 events903" in said


def test_what_people_wrote_is_escaped(
    manifest: Manifest, make_evidence: Make, tmp_path: Path
) -> None:
    wild = manifest.model_copy(update={"description": "<script>alert(1)</script>"})
    evidence = make_evidence(entrants={'"><script>': np.full(240, 0.3)})

    write(_page(wild, evidence), tmp_path / "report.html")

    found = Reader((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "script" not in {tag for tag, _ in found.tags}
    assert "<script>alert(1)</script>" in found.text


def test_the_same_run_gives_the_same_page(
    manifest: Manifest, make_evidence: Make, tmp_path: Path
) -> None:
    for name in ("one", "other"):
        write(_page(manifest, make_evidence(40)), tmp_path / name)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_run_without_evidence_still_has_a_card(manifest: Manifest, tmp_path: Path) -> None:
    write(Page(manifest, (), ()), tmp_path / "report.html")

    said = Reader((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "there is nothing to judge it by" in said
    assert manifest.sources[0].sha256 in said


def test_a_part_without_cases_has_a_section_without_figures(
    manifest: Manifest, make_evidence: Make, tmp_path: Path
) -> None:
    empty = make_evidence(0)
    write(Page(manifest, [empty], [judge(empty, resamples=20)]), tmp_path / "report.html")

    found = Reader((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "M1.0+ on test cases (n = 0, 0 events)" in found.text
    assert "svg" not in {tag for tag, _ in found.tags}
