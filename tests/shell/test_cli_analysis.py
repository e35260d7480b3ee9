"""`analysis` and `create analysisrun` against a live cluster, and runs in `get` and `status`."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import pty
import re
import signal
import sys
from importlib.metadata import entry_points

import pytest
import yaml
from shell.live import Live, run_command
from shell.test_cli_read import read_until, started
from shell.test_gated_canary import STEP, Numbers, template

from rollouts.api.refs import (
    ANALYSIS_RUN,
    ANALYSIS_TEMPLATE,
    CLUSTER_ANALYSIS_TEMPLATE,
    NAMESPACE,
)
from rollouts.cli import analysis, main

NUMBERS = itertools.count()
STEPS = [{"setWeight": 20}, STEP, {"setWeight": 60}]


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    made = Live(tmp_path_factory.mktemp("live"))
    yield made
    made.close()


@pytest.fixture
def numbers():
    server = Numbers()
    yield server
    server.close()


@pytest.fixture
def place(live, numbers):
    """A namespace with a template `errors` in it."""
    namespace = f"analysis-{next(NUMBERS)}"
    live.create(
        NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    )
    live.create(ANALYSIS_TEMPLATE, template(numbers.url, namespace))
    return namespace


def gated(live, numbers, **metric):
    """Bring a canary to its step of analysis; return its namespace and the name of the run."""
    namespace = f"gated-{next(NUMBERS)}"
    live.deploy(namespace, steps=STEPS)
    live.create(ANALYSIS_TEMPLATE, template(numbers.url, namespace, **metric))
    live.set_image(namespace, "shop:2")
    [run] = live.until(lambda: live.items(ANALYSIS_RUN, namespace))
    return namespace, run["metadata"]["name"]


def create(live, namespace, *arguments):
    answer = live.run("create", "analysisrun", *arguments, "-n", namespace)
    assert answer.code == 0, answer.err
    return re.search(r"AnalysisRun/[^/]+/(\S+): created", answer.out)[1]


def status(live, namespace, name):
    return live.get(ANALYSIS_RUN, namespace, name).get("status") or {}


def ended(live, namespace, name):
    phases = {"Successful", "Failed", "Error", "Inconclusive"}
    return live.until(lambda: status(live, namespace, name).get("phase") in phases)


# -- create ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [["errors"], ["template", "errors"], ["template/errors"]],
    ids=" ".join,
)
def test_a_run_is_made_from_a_template_and_measured(live, place, numbers, source):
    name = create(live, place, "--from", *source)
    ended(live, place, name)

    assert name.startswith("errors-")
    assert status(live, place, name)["phase"] == "Successful"
    assert numbers.asked == 3


def test_what_was_made_is_said_with_how_to_look_at_it(live, place):
    answer = live.run("create", "analysisrun", "--from", "errors", "--name", "it", "-n", place)

    assert (answer.code, answer.err) == (0, "")
    assert answer.lines == [
        f"AnalysisRun/{place}/it: created, 1 metric",
        f"to see it: rollouts analysis get it -n {place}",
        f"to wait for its end: rollouts analysis watch it -n {place}",
    ]


def test_templates_of_the_cluster_are_found_and_those_that_are_included(live, place, numbers):
    shared = template(numbers.url, "", name="{{args.what}}")
    shared["kind"], shared["metadata"] = "ClusterAnalysisTemplate", {"name": f"shared-{place}"}
    shared["spec"]["args"] = [{"name": "what"}]
    live.create(CLUSTER_ANALYSIS_TEMPLATE, shared)
    includer = template(numbers.url, place)
    includer["metadata"]["name"] = "includer"
    includer["spec"]["templates"] = [{"templateName": f"shared-{place}", "clusterScope": True}]
    live.create(ANALYSIS_TEMPLATE, includer)

    one = create(live, place, "--from", f"clustertemplate/shared-{place}", "-a", "what=a")
    two = create(live, place, "--global", "--from", f"shared-{place}", "-a", "what=b")
    both = create(live, place, "--from", "includer", "-a", "what=c")

    def metrics(name):
        return [each["name"] for each in live.get(ANALYSIS_RUN, place, name)["spec"]["metrics"]]

    assert [metrics(each) for each in (one, two, both)] == [["a"], ["b"], ["errors", "c"]]


def test_nothing_is_made_when_anything_is_wrong(live, place):
    answer = live.run(
        "create", "analysisrun", "--from", "erors", "--from", "clustertemplate/errors",
        "-n", place,
    )  # fmt: skip

    other = "but AnalysisTemplate/errors does: write --from template/errors"
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.splitlines() == [
        "error: no AnalysisRun was created: 2 problems",
        f"  AnalysisTemplate/erors: does not exist in namespace {place}; did you mean errors?",
        f"  ClusterAnalysisTemplate/errors: does not exist, {other}",
    ]
    assert not live.items(ANALYSIS_RUN, place)


def test_a_run_is_made_from_a_file_that_is_not_in_the_cluster(live, place, numbers, tmp_path):
    made = template(numbers.url, place)
    made["metadata"] = {"name": "local"}
    made["spec"]["templates"] = [{"templateName": "errors"}]
    made["spec"]["metrics"][0]["name"] = "of-the-file"
    path = tmp_path / "local.yaml"
    path.write_text(yaml.safe_dump(made))

    name = create(live, place, "--from-file", str(path), "--generate-name", "check-")

    spec = live.get(ANALYSIS_RUN, place, name)["spec"]
    assert name.startswith("check-")
    assert [each["name"] for each in spec["metrics"]] == ["of-the-file", "errors"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "nowhere.yaml: cannot be read: No such file or directory"),
        ("a: [", "document 1, line 2: not valid YAML"),
        ("apiVersion: v1\nkind: Pod\n", "is no analysis template"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(live, place, tmp_path, text, complaint):
    path = tmp_path / "nowhere.yaml"
    if text is not None:
        path.write_text(text)
    answer = live.run("create", "analysisrun", "--from-file", str(path), "-n", place)

    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("error: no AnalysisRun was created: 1 problem\n")
    assert complaint in answer.err


def test_a_dry_run_prints_the_object_and_creates_nothing(live, place):
    answer = live.run("create", "analysisrun", "--from", "errors", "--dry-run", "-n", place)

    printed = yaml.safe_load(answer.out)
    assert answer.code == 0
    assert printed["metadata"]["generateName"] == "errors-"
    assert not live.items(ANALYSIS_RUN, place)


def test_a_secret_that_is_written_out_is_warned_about(live, place, numbers):
    secret = {"secretKeyRef": {"name": "prometheus", "key": "token"}}
    with_secret = template(numbers.url + "{{args.token}}", place)
    with_secret["metadata"]["name"] = "secret"
    with_secret["spec"]["args"] = [{"name": "token", "valueFrom": secret}]
    live.create(ANALYSIS_TEMPLATE, with_secret)

    kept = create(live, place, "--from", "secret")
    answer = live.run("create", "analysisrun", "--from", "secret", "-a", "token=x", "-n", place)

    assert live.get(ANALYSIS_RUN, place, kept)["spec"]["args"] == [
        {"name": "token", "valueFrom": secret}
    ]
    assert answer.code == 0
    assert answer.err == (
        "warning: --argument token stands in the run for all to read, in place of a reference"
        " to a Secret\n"
    )


def test_a_name_that_is_taken_is_said(live, place):
    create(live, place, "--from", "errors", "--name", "twice")
    answer = live.run("create", "analysisrun", "--from", "errors", "--name", "twice", "-n", place)

    assert (answer.code, answer.out) == (1, "")
    assert f"AnalysisRun/{place}/twice" in answer.err
    assert "already exists" in answer.err


# -- watch -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "path", "code", "err"),
    [
        (1, "{$.errors}", 0, ""),
        (50, "{$.errors}", 1, "error: AnalysisRun/{place}/it is Failed\n"),
        ([], "{$.errors[*]}", 3, "error: AnalysisRun/{place}/it is Inconclusive\n"),
    ],
)
def test_watching_ends_with_the_run_and_its_exit_code_is_the_verdict(
    live, place, numbers, value, path, code, err
):
    numbers.value = {"errors": value}
    wanted = template(numbers.url, place)
    wanted["metadata"]["name"] = "other"
    wanted["spec"]["metrics"][0]["provider"]["web"]["jsonPath"] = path
    live.create(ANALYSIS_TEMPLATE, wanted)
    create(live, place, "--from", "other", "--name", "it")

    answer = live.run("analysis", "watch", "it", "-n", place)

    assert (answer.code, answer.err) == (code, err.format(place=place))
    measured = [line for line in answer.lines if re.match(r"\d\d:\d\d:\d\dZ  errors: ", line)]
    assert len(measured) == (3 if code == 0 else 1)
    assert answer.lines[-1].startswith("it is ")


def test_create_can_wait_for_the_verdict(live, place, numbers):
    numbers.value = {"errors": 50}
    answer = live.run("create", "analysisrun", "--from", "errors", "--watch", "-n", place)

    assert answer.code == 1
    assert "created, 1 metric" in answer.lines[0]
    assert "assessed Failed due to failed (1) > failureLimit (0)" in answer.lines[-1]


def test_watching_gives_up_after_its_timeout(live, place, numbers):
    slow = template(numbers.url, place, interval="1h")
    slow["metadata"]["name"] = "slow"
    live.create(ANALYSIS_TEMPLATE, slow)
    create(live, place, "--from", "slow", "--name", "it")

    answer = live.run("analysis", "watch", "it", "-n", place, "--timeout", "300ms")

    assert answer.code == 1
    assert answer.err == f"error: AnalysisRun/{place}/it has not ended after 0.3 s\n"


def test_watching_ends_when_the_run_is_deleted(live, place, numbers):
    slow = template(numbers.url, place, interval="1h")
    slow["metadata"]["name"] = "slow"
    live.create(ANALYSIS_TEMPLATE, slow)
    create(live, place, "--from", "slow", "--name", "it")

    with started(live, "analysis", "watch", "it", "-n", place) as process:
        assert process.stdout.readline().startswith("it is ◌ ")
        live.delete(ANALYSIS_RUN, place, "it")
        _, err = process.communicate(timeout=20)

    assert (process.returncode, err) == (1, f"error: AnalysisRun/{place}/it was deleted\n")


def test_watching_on_a_terminal_redraws_one_picture_until_the_end(live, place, numbers):
    endless = template(numbers.url, place, count=1000)
    endless["metadata"]["name"] = "long"
    live.create(ANALYSIS_TEMPLATE, endless)
    create(live, place, "--from", "long", "--name", "it")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40"}
    environment.pop("NO_COLOR", None)
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs, "env": environment}
    with started(live, "analysis", "watch", "it", "-n", place, **streams) as process:
        os.close(theirs)
        seen = read_until(ours, "\x1b[1A")  # it goes up to draw over what it drew
        numbers.value = {"errors": 50}
        seen += read_until(ours, None)
        process.wait(20)
    os.close(ours)

    assert process.returncode == 1
    assert "\x1b[36m◌ Running" in seen
    assert "\x1b[31m✖ Failed" in seen
    assert "Traceback" not in seen


# -- get and list ----------------------------------------------------------------------------------


def test_get_draws_a_run(live, place, numbers):
    name = create(live, place, "--from", "errors")
    ended(live, place, name)
    answer = live.run("analysis", "get", name, "-n", place)

    assert (answer.code, answer.err) == (0, "")
    assert "Status:     ✔ Successful" in answer.lines
    assert "Owner:      none, made from errors" in answer.lines
    assert "  Wanted:    success if result < 5 (web)" in answer.lines
    assert "  Counts:    ✔ 3   ✖ 0 (0 allowed)   ? 0 (0 allowed)   ⚠ 0 (4 in a row allowed)" in (
        answer.lines
    )
    assert "  Values:    ▄▄▄  0" in answer.lines
    assert "\x1b" not in answer.out
    assert [line for line in answer.lines if line != line.rstrip()] == []


@pytest.mark.parametrize(("output", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_get_prints_the_object_for_other_programs(live, place, output, read):
    name = create(live, place, "--from", "errors")
    ended(live, place, name)
    printed = read(live.run("analysis", "get", name, "-n", place, "-o", output).out)

    assert printed["status"] == status(live, place, name)
    assert "managedFields" not in printed["metadata"]


@pytest.mark.parametrize("action", ["get", "watch", "terminate"])
def test_a_run_that_is_not_there_is_named(live, place, action):
    answer = live.run("analysis", action, "nope", "-n", place)

    assert (answer.code, answer.out) == (1, "")
    assert f"AnalysisRun/{place}/nope" in answer.err
    assert "not found" in answer.err


def test_list_shows_a_line_for_each_run(live, numbers):
    namespace, of_the_rollout = gated(live, numbers)
    live.wait_for(namespace, "Healthy")
    alone = create(live, namespace, "--from", "errors")
    ended(live, namespace, alone)
    expected = [
        ["NAME", "ROLLOUT", "WHERE", "STATUS", "METRICS"],
        [alone, "-", "stand-alone", "✔ Successful", "✔ 1"],
        [of_the_rollout, "shop", "step 2", "✔ Successful", "✔ 1"],
    ]

    answer = live.run("analysis", "list", "-n", namespace)
    rows = [re.split(r" {2,}", line) for line in answer.lines]
    assert answer.code == 0
    assert sorted([*row[:4], *row[5:]] for row in rows) == sorted(expected)
    wide = live.run("analysis", "list", "-n", namespace, "-o", "wide", "--rollout", "shop").lines
    assert wide[0].split()[-3:] == ["REVISION", "MEASUREMENTS", "MESSAGE"]
    assert [line.split()[0] for line in wide[1:]] == [of_the_rollout]


def test_list_prints_for_other_programs(live, place):
    name = create(live, place, "--from", "errors")
    names = live.run("analysis", "list", "-n", place, "-o", "name").out
    printed = json.loads(live.run("analysis", "list", "-n", place, "-o", "json").out)
    everywhere = live.run("analysis", "list", "-A").lines

    assert names == f"analysisrun.argoproj.io/{name}\n"
    assert printed["kind"] == "List"
    assert [each["metadata"]["name"] for each in printed["items"]] == [name]
    assert everywhere[0].startswith("NAMESPACE ")
    assert [line for line in everywhere if line.split()[:2] == [place, name]]


def test_an_empty_list_is_no_error(live):
    answer = live.run("analysis", "list", "-n", "kube-system", "--rollout", "shop")

    assert (answer.code, answer.out) == (0, "")
    assert answer.err == "no analysis runs of Rollout shop in namespace kube-system\n"


# -- terminate -------------------------------------------------------------------------------------


def test_terminate_ends_a_run_and_says_what_can_be_done_about_its_rollout(live, numbers):
    namespace, name = gated(live, numbers, interval="1h")
    answer = live.run("analysis", "terminate", name, "-n", namespace)

    assert (answer.code, answer.err) == (0, "")
    assert answer.lines == [
        f"AnalysisRun/{namespace}/{name}: terminated: Inconclusive",
        "rollouts promote shop measures again, rollouts abort shop gives up",
    ]
    live.until(lambda: live.status(namespace).get("message") == "InconclusiveAnalysisRun")


def test_a_run_that_has_ended_is_not_written_to(live, place):
    name = create(live, place, "--from", "errors")
    ended(live, place, name)
    before = live.get(ANALYSIS_RUN, place, name)
    answer = live.run("analysis", "terminate", name, "-n", place)

    assert (answer.code, answer.err) == (0, "")
    assert answer.out == f"AnalysisRun/{place}/{name}: has already ended: Successful\n"
    assert live.get(ANALYSIS_RUN, place, name) == before


def test_without_waiting_it_only_asks(live, place, numbers):
    slow = template(numbers.url, place, interval="1h")
    slow["metadata"]["name"] = "slow"
    live.create(ANALYSIS_TEMPLATE, slow)
    name = create(live, place, "--from", "slow")
    answer = live.run("analysis", "terminate", name, "--no-wait", "-n", place)

    assert (answer.code, answer.out) == (0, f"AnalysisRun/{place}/{name}: asked to end\n")
    ended(live, place, name)


def test_without_a_controller_the_request_stays_and_is_written_once(tmp_path, monkeypatch):
    monkeypatch.setattr(analysis, "ANSWER_SECONDS_MAX", 0.3)
    live = Live(tmp_path, controller=False)
    made = template("http://127.0.0.1/", "default")
    live.create(ANALYSIS_TEMPLATE, made)
    name = create(live, "default", "--from", "errors")

    answers = [live.run("analysis", "terminate", name, "-n", "default") for _ in range(2)]
    found = live.get(ANALYSIS_RUN, "default", name)
    live.close()

    for answer in answers:
        assert (answer.code, answer.out) == (1, "")
        assert answer.err == (
            f"error: AnalysisRun/default/{name}: no controller has ended it in 0.3 s;"
            " spec.terminate stays true\n"
        )
    assert found["spec"]["terminate"] is True
    assert found["metadata"]["generation"] == 2


# -- get and status of the rollout -----------------------------------------------------------------


def test_get_shows_the_runs_below_their_revision_and_what_is_awaited(live, numbers):
    namespace, name = gated(live, numbers, interval="1h")
    live.until(lambda: status(live, namespace, name).get("metricResults"))
    lines = live.run("get", "shop", "-n", namespace).lines

    assert "  Step:      1/3 (analysis errors)" in lines
    assert "  Next:      setWeight 60, once the analysis of step 2 has succeeded" in lines
    [awaited] = [line for line in lines if "  Analysis:" in line]
    assert re.fullmatch(
        r"  Analysis:  step 2: errors  1 of 3 measured  ✔ 1  ▄  next in (1h|59m\d+s)", awaited
    )
    [drawn] = [line for line in lines if f" {name} " in line]
    assert re.fullmatch(rf"│  └── {name} +AnalysisRun +◌ Running +\d+s +step 2  ✔ 1  ▄", drawn)


def test_status_tells_what_is_measured_until_the_end(live, numbers):
    namespace, _ = gated(live, numbers, interval="300ms", count=4)
    answer = live.run("status", "shop", "-n", namespace)

    assert (answer.code, answer.err) == (0, "")
    assert answer.lines[-1] == "Healthy"
    told = [line for line in answer.lines if line.startswith("  step 2: errors  ")]
    assert told == list(dict.fromkeys(told))
    assert [
        line for line in told if re.match(r"  step 2: errors  [123] of 4 measured  ✔ [123]  ", line)
    ]


def test_an_inconclusive_analysis_says_why_it_pauses_and_what_a_person_can_do(live, numbers):
    numbers.value = {"errors": []}
    provider = {"web": {"url": numbers.url, "jsonPath": "{$.errors[*]}"}}
    namespace, name = gated(live, numbers, provider=provider)
    live.until(lambda: live.status(namespace).get("message") == "InconclusiveAnalysisRun")
    choice = "rollouts promote shop measures again, rollouts abort shop gives up"

    drawn = live.run("get", "shop", "-n", namespace).lines
    told = live.run("status", "shop", "--no-watch", "-n", namespace).lines

    assert f"  Next:      {choice}" in drawn
    assert told[0] == "Paused - InconclusiveAnalysisRun"
    assert told[1].startswith('  step 2: ? Inconclusive: Metric "errors" assessed Inconclusive due')
    assert "no data: the answer is empty" in told[1]
    assert told[2:] == [f"  to see it: rollouts analysis get {name}", f"  {choice}"]


def test_a_failed_analysis_is_named_with_what_was_measured(live, numbers):
    numbers.value = {"errors": 50}
    namespace, name = gated(live, numbers)
    answer = live.run("status", "shop", "-n", namespace)

    assert answer.code == 1
    assert answer.lines[-2:] == [
        "  step 2: ✖ Failed  ✖ 1  ▄",
        f"  to see it: rollouts analysis get {name}",
    ]


def test_watching_in_a_pipe_prints_the_tree_again_when_something_was_measured(live, numbers):
    namespace, _ = gated(live, numbers, interval="300ms", count=1000)

    with started(live, "get", "shop", "-n", namespace, "--watch") as process:
        counts = {}  # in the order of their first appearance
        for line in process.stdout:
            counts |= dict.fromkeys(int(count) for count in re.findall(r"✔ (\d+)", line))
            if len(counts) == 3:
                process.send_signal(signal.SIGINT)
                break
        process.communicate(timeout=20)

    assert len(counts) == 3
    assert list(counts) == sorted(counts)


# -- as a plugin, and where signs do not fit -------------------------------------------------------


def test_it_is_a_plugin_of_kubectl(live, place, monkeypatch):
    [entry] = entry_points(group="console_scripts", name="kubectl-rollouts")
    monkeypatch.setattr(sys, "argv", ["/usr/local/bin/kubectl-rollouts"])
    name = create(live, place, "--from", "errors")

    assert entry.load() is main
    listed = live.run("analysis", "list", "-n", place, "-o", "name")
    assert listed.out == f"analysisrun.argoproj.io/{name}\n"
    helped = run_command("create", "analysisrun", "--help")
    assert helped.out.startswith("usage: kubectl rollouts create analysisrun ")


def test_where_the_output_cannot_hold_our_signs_plain_ones_stand_for_them(live, place):
    name = create(live, place, "--from", "errors")
    ended(live, place, name)
    raw = io.BytesIO()
    with contextlib.redirect_stdout(io.TextIOWrapper(raw, encoding="ascii")) as out:
        code = main(["analysis", "get", name, "-n", place, "--kubeconfig", live.kubeconfig])
    out.flush()
    lines = raw.getvalue().decode("ascii").splitlines()

    assert code == 0
    assert "Status:     + Successful" in lines
    assert "  Values:    ~~~  0" in lines
