from datetime import UTC, datetime, timedelta

import pytest

from rollouts.emulator.resources import ResourceType
from rollouts.emulator.web.ages import age_of, format_age
from rollouts.emulator.web.columns import printer_of
from rollouts.emulator.web.jsonpath import BadPath, find, parse_path
from rollouts.emulator.web.negotiation import accepts_aggregated, choose_form
from rollouts.emulator.web.paths import Target, read_path, verb_of
from rollouts.emulator.web.tables import make_table
from rollouts.emulator.web.workload_cells import job_cells, pod_cells

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (599, "9m59s"),
        (600, "10m"),
        (10799, "179m"),
        (10800, "3h"),
        (11100, "3h5m"),
        (8 * 3600, "8h"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (50 * 3600, "2d2h"),
        (8 * 86400, "8d"),
        (730 * 86400, "2y"),
        (800 * 86400, "2y70d"),
        (9 * 365 * 86400, "9y"),
    ],
)
def test_ages_are_short(seconds, text):
    assert format_age(seconds) == text


@pytest.mark.parametrize("stamp", [None, "", "yesterday", "2026-01-01T00:00:00"])
def test_an_age_that_cannot_be_told_is_unknown(stamp):
    assert age_of(stamp, NOW) == "<unknown>"


DOCUMENT = {
    "spec": {"size": 3, "a.b": "dotted", "list": [1, 2, 3]},
    "status": {
        "conditions": [
            {"type": "Ready", "status": "True", "count": 2},
            {"type": "Done", "status": "False", "count": 5},
        ]
    },
}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        (".spec.size", [3]),
        ("{.spec.size}", [3]),
        ("$.spec.size", [3]),
        (r".spec.a\.b", ["dotted"]),
        (".spec['a.b']", ["dotted"]),
        (".spec.list[0]", [1]),
        (".spec.list[-1]", [3]),
        (".spec.list[9]", []),
        (".spec.list[*]", [1, 2, 3]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type=='Done')].status", ["False"]),
        (".status.conditions[?(@.count>2)].type", ["Done"]),
        (".status.conditions[?(@.count<=2)].type", ["Ready"]),
        (".status.conditions[?(@.type!='Ready')].type", ["Done"]),
        (".status.conditions[?(@.none)].type", []),
        (".status.conditions[?(@.type > 3)].type", []),
        (".status.conditions[*].type", ["Ready", "Done"]),
        (".none.at.all", []),
        (".spec.size.deeper", []),
    ],
)
def test_paths_lead_to_values(path, values):
    assert find(parse_path(path), DOCUMENT) == values


@pytest.mark.parametrize("path", ["spec", ".a[", ".a[?(1)]", ".a[0:2]", ".a[?(@.b==c)]"])
def test_paths_outside_the_subset_are_refused(path):
    with pytest.raises(BadPath):
        parse_path(path)


def custom(*columns):
    return ResourceType(
        "example.com", "v1", "Widget", "widgets", "widget", custom=True, printer_columns=columns
    )


def column(kind, path):
    return {"name": "Value", "type": kind, "jsonPath": path}


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        ("string", "red", "red"),
        ("string", 3, "3"),
        ("string", True, "true"),
        ("string", {"a": 1}, "map[a:1]"),
        ("string", ["a", "b"], "[a b]"),
        ("integer", 3, 3),
        ("integer", 3.7, 3),
        ("integer", "3", None),
        ("integer", True, None),
        ("number", 3.7, 3.7),
        ("boolean", False, False),
        ("boolean", "false", None),
        ("date", "2026-01-01T11:59:00Z", "60s"),
        ("date", 5, None),
    ],
)
def test_cells_follow_the_type_of_their_column(kind, value, cell):
    rt = custom(column(kind, ".spec.value"))
    widget = {"metadata": {"name": "w"}, "spec": {"value": value}}
    table = make_table(rt, [widget], NOW, metadata={})

    assert table["rows"][0]["cells"] == ["w", cell]


def test_a_missing_value_leaves_its_cell_empty():
    rt = custom(column("string", ".spec.none"), column("string", "broken["))
    table = make_table(rt, [{"metadata": {"name": "w"}}], NOW, metadata={})

    assert table["rows"][0]["cells"] == ["w", None, None]


def test_without_columns_a_custom_resource_shows_its_age():
    widget = {"metadata": {"name": "w", "creationTimestamp": "2026-01-01T11:00:00Z"}}
    table = make_table(custom(), [widget], NOW, metadata={})

    assert [each["name"] for each in table["columnDefinitions"]] == ["Name", "Age"]
    assert table["rows"][0]["cells"] == ["w", "60m"]


def test_a_table_without_objects_has_columns_and_no_rows():
    table = make_table(custom(), [], NOW, metadata={"resourceVersion": "7"})

    assert table["rows"] == []
    assert table["metadata"] == {"resourceVersion": "7"}


def pod(status, **metadata):
    spec = {"containers": [{"name": "a"}]}
    return {"metadata": {"name": "p"} | metadata, "spec": spec, "status": status}


def one(state, **facts):
    return {"phase": "Running", "containerStatuses": [{"name": "a", "state": state} | facts]}


@pytest.mark.parametrize(
    ("manifest", "word"),
    [
        (pod({}), "Pending"),
        (pod({"phase": "Running"}), "Running"),
        (pod(one({"waiting": {"reason": "CrashLoopBackOff"}})), "CrashLoopBackOff"),
        (pod(one({"terminated": {"reason": "Completed"}})), "Completed"),
        (pod(one({"terminated": {"exitCode": 3}})), "ExitCode:3"),
        (pod({"phase": "Failed", "reason": "Evicted"}), "Evicted"),
        (pod({"phase": "Running"}, deletionTimestamp="x"), "Terminating"),
    ],
)
def test_one_word_sums_a_pod_up(manifest, word):
    assert pod_cells(manifest, NOW)[2] == word


def test_restarts_tell_when_the_last_one_was():
    ended = {"terminated": {"finishedAt": "2026-01-01T11:59:50Z"}}
    manifest = pod(one({"running": {}}, restartCount=3, lastState=ended))

    assert pod_cells(manifest, NOW)[3] == "3 (10s ago)"


def test_a_job_tells_its_duration():
    job = {
        "metadata": {"name": "j"},
        "spec": {"completions": 2, "template": {"spec": {"containers": []}}},
        "status": {
            "succeeded": 2,
            "startTime": "2026-01-01T11:00:00Z",
            "completionTime": "2026-01-01T11:01:30Z",
            "conditions": [{"type": "Complete", "status": "True"}],
        },
    }

    assert job_cells(job, NOW)[1:4] == ["Complete", "2/2", "90s"]


def test_every_printer_fills_all_of_its_columns():
    from rollouts.emulator.builtins import BUILTIN_TYPES

    bare = {"metadata": {"name": "x", "creationTimestamp": "2026-01-01T00:00:00Z"}}
    for rt in BUILTIN_TYPES:
        printer = printer_of(rt)

        assert len(printer.cells(bare | {"spec": {}}, NOW)) == len(printer.columns), rt.plural


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/v1/pods", Target("", "v1", "pods")),
        ("/api/v1/namespaces", Target("", "v1", "namespaces")),
        ("/api/v1/namespaces/a", Target("", "v1", "namespaces", "", "a")),
        ("/api/v1/namespaces/a/status", Target("", "v1", "namespaces", "", "a", "status")),
        ("/api/v1/namespaces/a/pods", Target("", "v1", "pods", "a")),
        ("/api/v1/namespaces/a/pods/b", Target("", "v1", "pods", "a", "b")),
        ("/api/v1/namespaces/a/pods/b/log", Target("", "v1", "pods", "a", "b", "log")),
        ("/apis/x.y/v1/things/a", Target("x.y", "v1", "things", "", "a")),
        ("/apis/x.y/v1/namespaces/n/things", Target("x.y", "v1", "things", "n")),
        ("/apis/x.y/v1/things/a/scale", Target("x.y", "v1", "things", "", "a", "scale")),
        ("/api/v1/namespaces/a/pods/b%2Fc", Target("", "v1", "pods", "a", "b/c")),
        ("/api", None),
        ("/api/v1", None),
        ("/apis/x.y/v1", None),
        ("/apis//v1/things", None),
        ("/api/v1/pods//x", None),
        ("/version", None),
        ("/", None),
    ],
)
def test_paths_name_their_target(path, target):
    assert read_path(path) == target


@pytest.mark.parametrize(
    ("method", "name", "watching", "verb"),
    [
        ("GET", "", False, "list"),
        ("GET", "", True, "watch"),
        ("GET", "a", False, "get"),
        ("GET", "a", True, "watch"),
        ("DELETE", "", False, "deletecollection"),
        ("DELETE", "a", False, "delete"),
        ("PATCH", "", False, ""),
        ("BREW", "a", False, ""),
    ],
)
def test_methods_become_verbs(method, name, watching, verb):
    assert verb_of(method, Target("", "v1", "pods", "", name), watching=watching) == verb


def test_the_first_form_that_can_be_given_is_chosen():
    table = "application/json;as=Table;v=v1;g=meta.k8s.io"

    assert choose_form(f"{table},application/json", kinds=("Table",)).kind == "Table"
    assert choose_form(f"{table},application/json").kind == ""
    assert choose_form(table) is None
    assert choose_form("application/vnd.kubernetes.protobuf,*/*").media == "application/json"
    assert choose_form("application/json;as=Table;v=v1beta1;g=meta.k8s.io") is None


def test_only_final_aggregated_discovery_is_offered():
    form = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"

    assert accepts_aggregated(form.format("v2")) == "v2"
    assert accepts_aggregated(f"{form.format('v2beta1')},application/json") == ""
    assert accepts_aggregated("application/json") == ""


def test_ages_of_the_future_are_invalid():
    assert age_of((NOW + timedelta(minutes=1)).isoformat(), NOW) == "<invalid>"
