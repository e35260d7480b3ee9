"""The Dockerfile is one that a build elsewhere would accept, and that a platform team would."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

from rollouts import __version__
from tests.chart.helm import CHART, ROOT

TEXT = (ROOT / "Dockerfile").read_text()
BESIDE_PYTHON = Path(sys.executable).with_name("hadolint")
HADOLINT = shutil.which("hadolint") or (str(BESIDE_PYTHON) if BESIDE_PYTHON.exists() else None)


def instructions():
    """Each instruction with its arguments, continued lines joined and comments left out."""
    lines = [line for line in TEXT.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip()]


def of(word):
    return [rest for name, rest in instructions() if name == word]


def last_stage():
    found = instructions()
    start = max(index for index, (name, _) in enumerate(found) if name == "FROM")
    return found[start:]


def is_ignored(path):
    """Whether .dockerignore keeps a path out: the last pattern that matches decides."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!").strip("/")
        if not pattern or line.startswith("#"):
            continue
        above = [path, *(str(each) for each in Path(path).parents)]
        if any(fnmatch(each, pattern) for each in above):
            ignored = not line.startswith("!")
    return ignored


@pytest.mark.skipif(HADOLINT is None, reason="hadolint is not there for this platform")
def test_the_linter_has_nothing_to_say():
    done = subprocess.run(
        [HADOLINT, "--failure-threshold", "style", str(ROOT / "Dockerfile")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_every_base_is_pinned_by_an_exact_tag():
    stages = {rest.split(" AS ")[1] for rest in of("FROM") if " AS " in rest}
    bases = [rest.split()[0] for rest in of("FROM") if rest.split()[0] not in stages]

    assert bases
    assert [base for base in bases if not re.search(r":\d+\.\d+\.\d+-[\w-]+$", base)] == []
    # Docker's own library images, wherever the build gets these from.
    assert [base for base in bases if "/" in base] == []


def test_the_container_runs_as_a_numeric_user_that_is_not_root():
    """Kubernetes cannot tell of a name whether it is root."""
    users = [rest for name, rest in last_stage() if name == "USER"]
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    assert users == [f"{values['runAsUser']}:{values['runAsUser']}"]
    names = [name for name, _ in last_stage()]
    assert {"RUN", "COPY"} & set(names[names.index("USER") :]) == set()


def test_what_is_copied_exists_and_is_sent_to_the_build():
    for rest in of("COPY"):
        sources = [each for each in rest.split()[:-1] if not each.startswith("--")]
        if "--from=" in rest:
            continue
        for source in sources:
            assert (ROOT / source).exists(), source
            assert not is_ignored(source.strip("/")), source


@pytest.mark.parametrize("path", [".git/config", ".venv/bin/python", "tests/conftest.py", "docs/x"])
def test_nothing_else_is_sent(path):
    assert is_ignored(path)


def test_nothing_is_fetched_from_an_address():
    assert of("ADD") == []
    assert re.findall(r"https?://|curl|wget", "\n".join(of("RUN"))) == []


def test_lists_of_packages_do_not_stay_in_the_image():
    installing = [rest for rest in of("RUN") if "apt-get install" in rest]

    assert installing
    assert all("rm -rf /var/lib/apt/lists/*" in rest for rest in installing)
    assert all("--no-install-recommends" in rest for rest in installing)


def test_the_image_says_which_version_it_is():
    (label,) = of("LABEL")

    assert f'org.opencontainers.image.version="{__version__}"' in label


def test_the_programs_that_gitops_needs_are_inside():
    installed = "\n".join(of("RUN"))

    assert all(name in installed for name in ("git", "openssh-client", "/helm", "/kustomize"))


def test_the_image_has_the_ports_and_the_command_of_the_chart():
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    assert of("EXPOSE") == [f"{values['ports']['health']} {values['ports']['metrics']}"]
    assert of("ENTRYPOINT") == ['["tini", "--", "rollouts"]']
