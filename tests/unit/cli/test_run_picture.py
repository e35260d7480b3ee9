"""Pictures of AnalysisRuns, from objects as a cluster holds them."""

from __future__ import annotations

from pathlib import Path

import pytest
from analysis_runs import START, after, job_metric, metric, run_manifest

from rollouts.analysis.results import exact_time
from rollouts.cli.run_picture import draw_run, list_row, say_time
from rollouts.cli.run_view import view_run
from rollouts.cli.show import put, render_run

NOW = after(100)
PAGE = Path(__file__).parents[3] / "docs" / "analysis-commands.md"


def measured(name="success-rate", **fields):
    return metric(
        name, **{"successCondition": "result >= 0.9", "interval": "30s", "count": 5} | fields
    )


def measurement(phase="Successful", seconds=0, *, value="", **fields):
    at = exact_time(after(seconds))
    known = {"phase": phase, "startedAt": at, "finishedAt": at, "value": value}
    return {key: each for key, each in (known | fields).items() if each is not None}


def result(name="success-rate", phase="Running", measurements=(), **counts):
    return {"name": name, "phase": phase, "measurements": list(measurements)} | counts


def run(*metrics, results=(), phase="Running", owner="shop", message="", place="Step", **spec):
    status = {"phase": phase, "startedAt": exact_time(START), "metricResults": list(results)}
    made = run_manifest(
        *(metrics or (measured(),)),
        status=status | ({"message": message} if message else {}),
        owner=owner,
        **spec,
    )
    labels = {
        "Step": {"rollout-type": "Step", "step-index": "2"},
        "Background": {"rollout-type": place},
    }
    made["metadata"] |= {
        "labels": labels.get(place, {}),
        "annotations": {"rollout.argoproj.io/revision": "2"} if owner else {},
        "creationTimestamp": "2026-03-01T06:00:00Z",
    }
    return made


def view(manifest, now=NOW):
    return view_run(manifest, now)


def only(manifest, now=NOW):
    [found] = view(manifest, now).metrics
    return found


def printed(manifest, capsys, now=NOW):
    put(render_run(draw_run(view_run(manifest, now), now)))
    return capsys.readouterr().out


GOLDEN = """\
Name:       canary
Namespace:  shop
Status:     ◌ Running
Owner:      Rollout/shop, revision 2, step 3
Age:        1m40s
Arguments:  service = "shop-canary"
            token from Secret prometheus, key token

success-rate  ◌ Running
  Wanted:    success if result >= 0.9 (web)
  Measured:  3 of 5, every 30s
  Counts:    ✔ 2   ✖ 1 (1 allowed)   ? 0 (0 allowed)   ⚠ 1 (1 in a row, 4 in a row allowed)
  Values:    █▁█·  from 0.5 to 0.99
  Next:      again in 6s
  MEASURED    AGO     RESULT         VALUE   MESSAGE
  06:01:36Z   4s      ⚠ Error                no answer within 5 s
  06:01:00Z   40s     ✔ Successful   0.95
  06:00:30Z   1m10s   ✖ Failed       0.5
  06:00:00Z   1m40s   ✔ Successful   0.99

latency  ? Inconclusive
  Dry run:   it decides nothing
  Wanted:    failure if result > 2 (web)
  Measured:  1 of 1
  Counts:    ✔ 0   ✖ 0 (any number allowed)   ? 1 (0 allowed)   ⚠ 0 (4 in a row allowed)
  Message:   no data
  Ended by:  inconclusive (1) > inconclusiveLimit (0)
  MEASURED    AGO     RESULT           VALUE   MESSAGE
  06:00:00Z   1m40s   ? Inconclusive   []      no data
"""


def test_a_run_is_drawn_with_its_metrics_limits_measurements_and_what_is_awaited(capsys):
    latency = {
        "name": "latency",
        "failureCondition": "result > 2",
        "failureLimit": -1,
        "provider": {"web": {"url": "http://127.0.0.1/{{args.token}}"}},
    }
    manifest = run(
        measured(failureLimit=1),
        latency,
        results=[
            result(
                measurements=[
                    measurement(value="0.99"),
                    measurement("Failed", 30, value="0.5"),
                    measurement(seconds=60, value="0.95"),
                    measurement("Error", 96, message="no answer within 5 s"),
                ],
                count=3,
                successful=2,
                failed=1,
                error=1,
                consecutiveError=1,
            ),
            result(
                "latency",
                "Inconclusive",
                [measurement("Inconclusive", value="[]", message="no data")],
                count=1,
                inconclusive=1,
                dryRun=True,
                message="no data",
            ),
        ],
        dryRun=[{"metricName": "latency"}],
        args=[
            {"name": "service", "value": "shop-canary"},
            {
                "name": "token",
                "valueFrom": {"secretKeyRef": {"name": "prometheus", "key": "token"}},
            },
        ],
    )

    assert printed(manifest, capsys) == GOLDEN
    assert f"```text\n{GOLDEN}```" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("fields", "results", "now", "awaited"),
    [
        ({}, [], after(0), "measuring now"),
        ({}, [], after(60), "measuring now"),
        ({}, [], after(61), "due for 1m1s: is the controller running?"),
        ({"initialDelay": "30s"}, [], after(10), "first in 20s"),
        ({"initialDelay": "30s"}, [], after(29.5), "first in 1s"),
        (
            {},
            [result(measurements=[measurement()], count=1, successful=1)],
            after(12),
            "next in 18s",
        ),
        (
            {},
            [result(measurements=[measurement()], count=1, successful=1)],
            after(30),
            "measuring now",
        ),
        ({}, [result(measurements=[measurement("Error")], error=1)], after(2), "again in 8s"),
        (
            {},
            [result(measurements=[measurement("Running", finishedAt=None)])],
            after(12),
            "measuring for 12s",
        ),
        (
            {},
            [result(phase="Failed", measurements=[measurement("Failed")], count=1, failed=1)],
            after(12),
            "failed (1) > failureLimit (0)",
        ),
        (
            {},
            [
                result(
                    phase="Error", measurements=[measurement("Error")], error=5, consecutiveError=5
                )
            ],
            after(12),
            "consecutiveErrors (5) > consecutiveErrorLimit (4)",
        ),
        (
            {"count": 1, "interval": ""},
            [result(phase="Successful", measurements=[measurement()], count=1, successful=1)],
            after(12),
            "",
        ),
        (
            {"consecutiveSuccessLimit": 2},
            [
                result(
                    phase="Successful",
                    measurements=[measurement()],
                    count=3,
                    successful=2,
                    consecutiveSuccess=2,
                )
            ],
            after(12),
            "2 successes in a row",
        ),
        (
            {},
            [result(phase="Inconclusive", measurements=[measurement()], count=1, successful=1)],
            after(12),
            "ended with the run",
        ),
        (
            {"failureLimit": 5},
            [result(phase="Failed", measurements=[measurement("Failed")], count=5, failed=5)],
            after(12),
            "failed (5) and nothing was successful",
        ),
    ],
)
def test_what_a_metric_awaits_or_what_has_ended_it_is_said(fields, results, now, awaited):
    assert only(run(measured(**fields), results=results), now).awaited == awaited


def test_a_run_that_nobody_has_taken_up_says_so(capsys):
    manifest = run() | {"status": {}}

    assert only(manifest).awaited == "not begun"
    assert "Status:     ◌ Pending\n" in printed(manifest, capsys)
    assert "Age:        1m40s, not begun\n" in printed(manifest, capsys)


def test_a_run_that_somebody_asked_to_end_says_so(capsys):
    manifest = run(terminate=True)

    assert "Status:     ◌ Running, and about to be ended\n" in printed(manifest, capsys)
    assert only(manifest).awaited == "about to be ended"
    assert view(manifest).is_ending
    assert not view(run(terminate=True, phase="Inconclusive")).is_ending
    assert view(run(terminate=True, phase="Inconclusive")).was_terminated


def test_a_finished_run_says_how_long_it_took(capsys):
    manifest = run(phase="Successful")
    manifest["status"]["completedAt"] = exact_time(after(72))

    assert "Age:        1m40s, ended after 1m12s\n" in printed(manifest, capsys)


@pytest.mark.parametrize(
    ("options", "place", "owner"),
    [
        ({"place": "Step"}, "step 3", "Rollout/shop, revision 2, step 3"),
        ({"place": "Background"}, "background", "Rollout/shop, revision 2, background"),
        ({"owner": None}, "stand-alone", "none: it stands alone"),
    ],
)
def test_whose_run_it_is_and_where_it_measures(options, place, owner):
    found = view(run(**options))

    assert found.place == place
    assert dict(draw_run(found, NOW).facts)["Owner"] == owner


def test_a_stand_alone_run_names_the_template_that_it_was_made_from():
    manifest = run(owner=None)
    manifest["metadata"]["annotations"] = {"rollouts.dev/analysis-template": "errors"}

    assert dict(draw_run(view(manifest), NOW).facts)["Owner"] == "none, made from errors"


def test_a_run_whose_spec_is_refused_says_why_and_shows_what_there_is(capsys):
    manifest = run(
        measured(successCondition="result >"),
        phase="Error",
        message="Analysis spec invalid",
        results=[result(phase="Error", count=1, successful=1)],
    )
    out = printed(manifest, capsys)

    assert "Problems:   spec.metrics[0].successCondition: " in out
    assert "success-rate  ⚠ Error\n  Measured:  1\n  Counts:    ✔ 1   ✖ 0   ? 0   ⚠ 0\n" in out


def test_a_run_that_is_measured_is_not_called_wrong(capsys):
    """Its provider may be installed where the controller runs, and not here."""
    mine = {"name": "mine", "count": 3, "interval": "1m", "provider": {"somebodys-own": {}}}
    manifest = run(mine, results=[result("mine", count=2, successful=2)])
    out = printed(manifest, capsys)

    assert "Problems:" not in out
    assert "(somebodys-own)\n" in out
    assert "  Measured:  2 of 3" in out


def test_metrics_that_status_alone_knows_are_shown_last():
    manifest = run(results=[result("gone"), result()])

    assert [each.name for each in view(manifest).metrics] == ["success-rate", "gone"]


def test_a_job_is_named_where_it_is_measured_by(capsys):
    opened = measurement("Running", 90, finishedAt=None, value=None, metadata={"job-name": "job-1"})
    out = printed(run(job_metric(), results=[result("load", measurements=[opened])]), capsys)

    assert "Wanted:    a Job that completes (job)\n" in out
    assert "06:01:30Z   10s   ◌ Running           Job job-1\n" in out
    assert "Values:" not in out
    assert "Next:      measuring for 10s\n" in out


def test_the_query_as_it_was_sent_is_shown_in_one_line(capsys):
    query = 'sum(\n  rate(errors{service="shop"}[1m])\n)'
    manifest = run(results=[result() | {"metadata": {"ResolvedPrometheusQuery": query}}])

    assert '  Query:     sum( rate(errors{service="shop"}[1m]) )\n' in printed(manifest, capsys)


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (["NaN"], None),
        (["[]", "up"], None),
        (["0.5"], "▄  0.5"),
        (["0.5", "NaN", "1"], "▁·█  from 0.5 to 1"),
        (["1e300", "2e300"], "▁█  from 1e+300 to 2e+300"),
    ],
)
def test_values_are_drawn_where_they_are_numbers(values, line):
    results = [result(measurements=[measurement(value=each) for each in values])]
    [block] = draw_run(view(run(results=results)), NOW).metrics

    assert dict(block.facts).get("Values") == line


def test_of_many_measurements_the_latest_are_drawn():
    many = [measurement(seconds=each, value=str(each)) for each in range(50)]
    [block] = draw_run(view(run(results=[result(measurements=many)])), NOW).metrics

    assert [row[3] for row in block.rows] == [str(each) for each in range(49, 39, -1)]
    assert dict(block.facts)["Values"].endswith("from 40 to 49")


def test_a_huge_value_is_cut_in_the_table(capsys):
    huge = [measurement(value='{"a": "' + "x" * 1000 + '"}', message="m" * 3000)]
    out = printed(run(results=[result(measurements=huge)]), capsys)

    assert '{"a": "' + "x" * 32 + "…" in out
    assert "m" * 1023 + "…" in out
    assert max(len(line) for line in out.splitlines()) < 1200


def test_what_a_server_wrote_cannot_steer_the_terminal(capsys):
    evil = "\x1b]0;owned\x07\x1b[2J[bold]:smile:\nName: forged"
    manifest = run(
        measured(evil),
        message=evil,
        phase="Error",
        results=[
            result(evil, "Error", [measurement("Error", value=evil, message=evil)], message=evil)
        ],
        args=[{"name": "x", "value": evil}],
    )
    out = printed(manifest, capsys)

    assert not any(not each.isprintable() for each in out.replace("\n", ""))
    assert not any(line.startswith("Name: forged") for line in out.splitlines())
    assert "[bold]:smile:" in out


def test_no_secret_and_no_credential_of_an_address_is_shown(capsys):
    manifest = run(
        measured(provider={"web": {"url": "http://me:hunter2@shop/{{args.token}}"}}),
        args=[
            {"name": "token", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            {"name": "address", "value": "http://me:hunter2@shop/"},
        ],
    )
    out = printed(manifest, capsys)

    assert "hunter2" not in out
    assert "token from Secret s, key k\n" in out
    assert 'address = "http://***@shop/"' in out


def test_a_run_without_metrics_is_drawn(capsys):
    manifest = run()
    manifest["spec"]["metrics"] = []

    assert printed(manifest, capsys).startswith("Name:       canary\n")


def test_a_time_of_another_day_has_its_day():
    assert say_time(after(0), after(60)) == "06:00:00Z"
    assert say_time(after(0), after(86400)) == "2026-03-01 06:00:00Z"


def test_the_row_of_a_list_sums_metrics_up():
    manifest = run(
        measured(),
        measured("latency"),
        measured("errors"),
        results=[
            result("latency", "Failed", count=2, successful=1, failed=1),
            result("errors", "Successful", count=1, successful=1),
        ],
        message="two\nlines",
    )

    row = list_row(view(manifest), NOW, is_wide=True)
    assert row[:6] == ("canary", "shop", "step 3", "Running", "1m40s", "✔ 1 ✖ 1 ◌ 1")
    assert row[6:] == ("2", "✔ 2 ✖ 1", "two lines")
    assert list_row(view(manifest), NOW) == row[:6]


def test_the_row_of_a_run_that_stands_alone_and_was_not_begun():
    manifest = run(owner=None, place="") | {"status": {}}

    assert list_row(view(manifest), NOW, is_wide=True) == (
        "canary", "-", "stand-alone", "Pending", "1m40s", "◌ 1", "-", "-", "",
    )  # fmt: skip
