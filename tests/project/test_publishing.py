"""What those who cite, report, contribute and install read is true."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from weights.frameworks import PACKAGES

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOWS = ROOT / ".github" / "workflows"


def workflow(name: str) -> dict:
    return yaml.safe_load((WORKFLOWS / name).read_text())["jobs"]


def test_every_python_meets_every_framework_alone() -> None:
    matrix = workflow("tests.yml")["framework"]["strategy"]["matrix"]
    classifiers = " ".join(PROJECT["classifiers"])

    assert matrix["python"] == re.findall(r"Python :: (3\.\d+)", classifiers)
    assert [f"ghost_{name}" for name in matrix["framework"]] == list(PACKAGES)


def test_every_target_of_a_workflow_is_one_of_make() -> None:
    targets = workflow("tests.yml")["whole"]["strategy"]["matrix"]["target"]
    makefile = (ROOT / "Makefile").read_text()

    assert [name for name in targets if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


def test_the_shards_are_as_many_as_they_say() -> None:
    shard = workflow("conformance.yml")["shard"]
    count = len(shard["strategy"]["matrix"]["index"])

    assert f"/{count} " in " ".join(step.get("run", "") for step in shard["steps"])


def test_the_shards_of_each_python_are_merged() -> None:
    jobs = workflow("conformance.yml")
    shards, merged = (jobs[name]["strategy"]["matrix"]["python"] for name in ("shard", "merge"))

    assert len(shards) == 2
    assert merged == shards


def test_a_page_shows_the_workflow_of_shards() -> None:
    page = (ROOT / "docs" / "running.md").read_text()
    text = (WORKFLOWS / "conformance.yml").read_text().partition("jobs:")[2]

    # A project of one's own has neither this lock nor its cache of packages.
    assert text.replace(" -c constraints.txt", "").replace(", cache: pip", "") in page


def test_every_dependency_is_told_what_for() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text()
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    names = {Requirement(text).name for texts in lists for text in texts} - {PROJECT["name"]}

    assert sorted(name for name in names if f"`{name}`" not in page) == []


def test_the_citation_has_the_projects_licence_and_no_version_of_its_own() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())

    assert citation["license"] == PROJECT["license"]
    assert "version" not in citation


@pytest.mark.parametrize("name", ["bug", "checkpoint"])
def test_an_issue_form_asks_for_what_reproduces_it(name: str) -> None:
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml").read_text())

    assert all(part["validations"]["required"] for part in form["body"])
