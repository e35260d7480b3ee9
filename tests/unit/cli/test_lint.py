"""`rollouts lint`: every error with its file and line, and an exit code for scripts."""

from __future__ import annotations

import io
from pathlib import Path

from shell.live import run_command

EXAMPLE = Path(__file__).parents[3] / "examples" / "01-first-canary"

BROKEN = """\
# A comment moves all lines by one.
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata:
  name: shop
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "shop:1"}]}
  strategy:
    canary:
      steps:
      - setWeight: 101
      - pause: {duration: soon}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: fine}
---
a: [
"""


def written(path, text):
    path.write_text(text)
    return str(path)


def test_sound_manifests_are_passed():
    answer = run_command("lint", str(EXAMPLE))

    assert (answer.code, answer.err) == (0, "")
    assert answer.out == "3 files, 0 errors, 0 warnings\n"


def test_all_errors_of_all_documents_are_shown_with_file_and_line(tmp_path):
    name = written(tmp_path / "shop.yaml", BROKEN)

    answer = run_command("lint", name)

    assert answer.code == 1
    assert [line.removeprefix(name).split(": ")[0] for line in answer.lines] == [
        ":14",
        ":15",
        ":22",
        "1 file, 3 errors, 0 warnings",
    ]
    assert "Rollout/shop: spec.strategy.canary.steps[0].setWeight" in answer.lines[0]
    assert '(found "soon")' in answer.lines[1]


def test_warnings_alone_do_not_fail(tmp_path):
    twice = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: twice, namespace: shop}\n"
    answer = run_command("lint", written(tmp_path / "a.yaml", f"{twice}---\n{twice}"))

    assert answer.code == 0
    assert answer.lines[-1] == "1 file, 0 errors, 1 warning"
    assert answer.lines[0].startswith(f"{tmp_path / 'a.yaml'}:5: warning: ConfigMap/shop/twice")


def test_a_directory_means_its_manifests_at_any_depth_and_nothing_else(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    written(tmp_path / "deep" / "er" / "a.yml", "a: [")
    written(tmp_path / "b.json", "{")
    written(tmp_path / "notes.txt", "a: [")

    answer = run_command("lint", str(tmp_path))

    assert answer.lines[-1] == "2 files, 2 errors, 0 warnings"


def test_charts_and_values_in_a_directory_are_no_manifests(tmp_path):
    (tmp_path / "chart" / "templates").mkdir(parents=True)
    written(tmp_path / "chart" / "Chart.yaml", "name: shop\nversion: 1.0.0\n")
    written(tmp_path / "chart" / "templates" / "a.yaml", "kind: {{ .Values.kind }}\n")
    written(tmp_path / "production.yaml", "replicas: 6\n")
    written(tmp_path / "broken.yaml", "replicas: [6\n")

    answer = run_command("lint", str(tmp_path))

    assert f"{tmp_path}/chart: a chart is not read; try: helm template" in answer.out
    assert answer.lines[-1] == "1 file, 1 error, 0 warnings"

    named = run_command("lint", str(tmp_path / "production.yaml"))
    assert "kind: is required" in named.out


def test_files_can_be_named_as_in_kubectl(tmp_path):
    name = written(tmp_path / "shop.yaml", BROKEN)

    answer = run_command("lint", "-f", str(EXAMPLE / "rollout.yaml"), "-f", name)

    assert answer.lines[-1] == "2 files, 3 errors, 0 warnings"


def test_without_a_file_it_reads_standard_input(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(BROKEN.encode()))
    monkeypatch.setattr("sys.stdin", stream)

    answer = run_command("lint")

    assert answer.code == 1
    assert answer.lines[0].startswith("standard input:14: error")


def test_bytes_that_are_no_text_are_an_error_and_not_a_crash(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00a: 1\xc3(")

    answer = run_command("lint", str(tmp_path / "a.yaml"))

    assert answer.code == 1
    assert answer.lines[-1] == "1 file, 1 error, 0 warnings"


def test_an_empty_file_is_fine(tmp_path):
    answer = run_command("lint", written(tmp_path / "a.yaml", ""))

    assert answer == run_command("lint", written(tmp_path / "a.yaml", "# only words\n---\n"))
    assert (answer.code, answer.out) == (0, "1 file, 0 errors, 0 warnings\n")


def test_a_file_that_is_not_there_is_named():
    answer = run_command("lint", "nowhere.yaml")

    assert answer.code == 1
    assert answer.err == "error: cannot read nowhere.yaml: No such file or directory\n"


def test_a_rollout_is_checked_with_the_templates_of_all_files(tmp_path):
    written(
        tmp_path / "rollout.yaml",
        """\
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "shop:1"}]}
  strategy:
    canary:
      steps:
      - analysis: {templates: [{templateName: eror-rate}]}
""",
    )
    written(
        tmp_path / "template.yaml",
        """\
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: error-rate}
spec:
  metrics:
  - name: error-rate
    provider: {web: {url: "http://shop/errors"}}
""",
    )

    answer = run_command("lint", str(tmp_path))

    assert answer.code == 1
    assert any(
        "rollout.yaml:12: error: Rollout/shop: " in line and "did you mean error-rate?" in line
        for line in answer.lines
    )
