"""`rollouts simulate`: a forecast of a Rollout, and a history of the simulator again."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from shell.live import run_command
from simulation.planted import PLANTED, install

ROOT = Path(__file__).parents[3]
EXAMPLE = str(ROOT / "examples" / "01-first-canary" / "rollout.yaml")
SCENARIOS = ROOT / "tests" / "simulation" / "scenarios"

GOLDEN = """\
Rollout myapp, 5 replicas; pods are ready after 2s
ELAPSED   STEP   STABLE   CANARY   WEIGHT
0:00:00   1/7    5        0        0
0:00:02   2/7    5        1        10
0:10:02   3/7    5        1        10
0:10:04   4/7    5        2        30
0:20:04   5/7    5        2        30
0:20:06   6/7    5        3        50
0:30:06   7/7    5        3        50
0:30:08   7/7    5        5        100
0:30:10   7/7    5        5        0
0:30:40   7/7    0        5        0
"""

WAITING = """\
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
      steps: [{pause: {}}]
"""


def written(tmp_path, text):
    path = tmp_path / "rollout.yaml"
    path.write_text(text)
    return str(path)


def without_words(out):
    """The columns of numbers; how things are said is the forecast's own."""
    lines = out.splitlines()
    cut = lines[1].index("WHAT HAPPENS")
    return "".join(f"{line[:cut].rstrip()}\n" for line in [*lines[1:]])


def test_the_first_example_is_forecast_to_its_end():
    answer = run_command("simulate", "-f", EXAMPLE)

    assert (answer.code, answer.err) == (0, "")
    assert answer.lines[0] == GOLDEN.splitlines()[0]
    assert without_words(answer.out) == "".join(GOLDEN.splitlines(keepends=True)[1:])


def test_pods_that_take_longer_delay_everything_behind_them():
    rows = json.loads(run_command("simulate", "-f", EXAMPLE, "--ready", "1m", "-o", "json").out)

    assert [each["rollout"] for each in rows] == ["myapp"]
    times = [row["elapsedSeconds"] for row in rows[0]["rows"]]
    assert times == [0, 60, 660, 720, 1320, 1380, 1980, 2040, 2042, 2072]
    assert [row["weight"] for row in rows[0]["rows"]] == [0, 10, 10, 30, 30, 50, 50, 100, 0, 0]


def test_a_step_that_waits_for_a_person_says_so(tmp_path):
    answer = run_command("simulate", "-f", written(tmp_path, WAITING))

    assert answer.code == 0
    assert "promoted here automatically" in answer.out
    assert answer.lines[0].startswith("Rollout shop, 1 replica;")
    assert {line.split()[4] for line in answer.lines[2:]} == {"-"}  # no router, no weight


def test_every_rollout_of_a_file_has_its_table(tmp_path):
    name = written(tmp_path, f"{WAITING}---\n{WAITING.replace('name: shop}', 'name: cart}')}")

    answer = run_command("simulate", "-f", name)

    headings = [line.split(",")[0] for line in answer.lines if line.startswith("Rollout ")]
    assert headings == ["Rollout shop", "Rollout cart"]


def test_a_rollout_comes_from_a_pipe_as_well(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(WAITING.encode()))
    monkeypatch.setattr("sys.stdin", stream)

    assert run_command("simulate", "-f", "-").lines[0].startswith("Rollout shop")


def test_an_invalid_rollout_is_refused_with_all_its_problems(tmp_path):
    broken = WAITING.replace("{pause: {}}", "{pause: {duration: soon}}, {setWeight: 101}")
    name = written(tmp_path, broken)

    answer = run_command("simulate", "-f", name)

    assert (answer.code, answer.out) == (1, "")
    soon, weight = answer.err.splitlines()
    assert soon.startswith(f"{name}:11: error: Rollout/shop: spec.strategy.canary.steps[0].pause")
    assert weight.startswith(f"{name}:11: error: Rollout/shop: spec.strategy.canary.steps[1]")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "holds no Rollout of argoproj.io/v1alpha1"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n", "holds no Rollout"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_file_without_a_rollout_is_an_error(tmp_path, text, complaint):
    answer = run_command("simulate", "-f", written(tmp_path, text))

    assert answer.code == 1
    assert complaint in answer.err


def test_a_file_that_is_not_there_is_named():
    answer = run_command("simulate", "-f", "nowhere.yaml")

    assert answer.code == 1
    assert answer.err == "error: cannot read nowhere.yaml: No such file or directory\n"


def test_a_seed_gives_the_same_history_every_time():
    first, second = (run_command("simulate", "--seed", "7") for _ in range(2))

    assert first == second
    assert first.code == 0
    assert first.lines[-1] == "no rule broken"
    assert first.lines[-2].startswith("seed 7 (drawn): ")
    assert first.err == ""


def test_two_seeds_give_two_histories():
    assert run_command("simulate", "--seed", "1") != run_command("simulate", "--seed", "2")


def test_a_scenario_file_is_replayed_and_may_end_early():
    plain = str(SCENARIOS / "plain-canary.yaml")

    answer = run_command("simulate", "--scenario", plain, "--until", "10s")

    assert answer.code == 0
    assert " in 0:00:10 of virtual time" in answer.lines[-2]
    assert len(answer.lines) < len(run_command("simulate", "--scenario", plain).lines)


def test_a_broken_rule_is_shown_and_is_exit_code_1(monkeypatch):
    install(monkeypatch, PLANTED["the weight is a little too high"])

    answer = run_command("simulate", "--scenario", str(SCENARIOS / "plain-canary.yaml"))

    assert answer.code == 1
    assert answer.lines[-1] == "broken: S4: weight 21 is above the 20 that step 0 allows"


def test_a_broken_rule_can_be_reduced_to_a_scenario_that_breaks_it_again(monkeypatch, tmp_path):
    install(monkeypatch, PLANTED["the weight is a little too high"])
    full, small = SCENARIOS / "plain-canary.yaml", tmp_path / "small.yaml"

    answer = run_command("simulate", "--scenario", str(full), "--reduce", str(small))
    again = run_command("simulate", "--scenario", str(small))

    assert answer.code == again.code == 1
    assert answer.lines[-1].startswith(f"reduced to {small}")
    assert again.lines[-1].startswith("broken: S4: weight ")
    assert len(again.lines) < len(answer.lines)


def test_nothing_is_reduced_when_no_rule_is_broken(tmp_path):
    answer = run_command("simulate", "--seed", "7", "--reduce", str(tmp_path / "small.yaml"))

    assert answer.code == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [", "it is no scenario"),
        ("[]", "it is no scenario"),
        ("plot: thin", "unknown fields: plot"),
        ("acts: [{do: abort}]", "an act lacks 'at'"),
        ("faults: {gremlins: 1}", "gremlins"),
        ("replicas: many", "many"),
    ],
)
def test_a_file_that_is_no_scenario_is_refused(tmp_path, text, complaint):
    answer = run_command("simulate", "--scenario", written(tmp_path, text))

    assert (answer.code, answer.out) == (1, "")
    assert complaint in answer.err
