"""Every mistake in a Rollout is reported at its place, all of them at once."""

import pytest

from rollouts.api.checks import check_rollout


def _said(manifest):
    return {problem.path: problem.message for problem in check_rollout(manifest)}


def _with_containers(rollout, *containers, **pod):
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": list(containers)} | pod,
    }
    return rollout(template=template)


STEPS = "spec.strategy.canary.steps"


class TestAccepted:
    def test_the_smallest_rollout(self, rollout):
        assert check_rollout(rollout(replicas=...)) == ()

    @pytest.mark.parametrize(
        "step",
        [
            {"setWeight": 0},
            {"setWeight": 100},
            {"pause": {}},
            {"pause": {"duration": None}},
            {"pause": {"duration": 1}},
            {"pause": {"duration": "30"}},
            {"pause": {"duration": "1h30m"}},
            {"setCanaryScale": {"replicas": 0}},
            {"setCanaryScale": {"weight": 100}},
            {"setCanaryScale": {"matchTrafficWeight": True}},
            {"setCanaryScale": {}},
        ],
    )
    def test_a_good_step(self, routed, step):
        assert check_rollout(routed(steps=[step])) == ()

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"steps": []},
            {"steps": None},
            {"maxSurge": 0, "maxUnavailable": 1},
            {"maxSurge": "0%"},
            {"maxSurge": "100%", "maxUnavailable": "0%"},
            {"canaryService": "c", "stableService": "s"},
            {"replicaProgressThreshold": {"type": "Percent", "value": 90}},
            {"abortScaleDownDelaySeconds": 0},
        ],
    )
    def test_a_good_canary(self, canary, fields):
        assert check_rollout(canary(**fields)) == ()

    def test_weights_up_to_the_largest_weight_of_nginx(self, routed):
        nginx = {"nginx": {"stableIngress": "web"}, "maxTrafficWeight": 1000}

        assert check_rollout(routed(trafficRouting=nginx, steps=[{"setWeight": 1000}])) == ()

    @pytest.mark.parametrize("replicas", [0, 1, 150_000, None])
    def test_counts_up_to_what_a_cluster_holds(self, rollout, replicas):
        assert check_rollout(rollout(replicas=replicas)) == ()

    def test_a_name_that_leaves_room_for_the_hash(self, rollout):
        manifest = rollout()
        manifest["metadata"]["name"] = "a." * 120 + "bb"  # 242 characters

        assert check_rollout(manifest) == ()

    def test_a_strange_status_is_not_the_users_mistake(self, rollout):
        assert check_rollout(rollout() | {"status": {"replicas": "many"}}) == ()


# The bad inputs that every release must survive: one case each, with the place it is found at.
BAD_CANARIES = [
    ("unknown step key", {"steps": [{"setWieght": 10}]}, f"{STEPS}[0].setWieght"),
    ("two keys in a step", {"steps": [{"setWeight": 1, "pause": {}}]}, f"{STEPS}[0]"),
    ("no key in a step", {"steps": [{}]}, f"{STEPS}[0]"),
    ("weight -1", {"steps": [{"setWeight": -1}]}, f"{STEPS}[0].setWeight"),
    ("weight 101", {"steps": [{"setWeight": 101}]}, f"{STEPS}[0].setWeight"),
    ("weight 10.5", {"steps": [{"setWeight": 10.5}]}, f"{STEPS}[0].setWeight"),
    ("weight 10.0", {"steps": [{"setWeight": 10.0}]}, f"{STEPS}[0].setWeight"),
    ("weight '10'", {"steps": [{"setWeight": "10"}]}, f"{STEPS}[0].setWeight"),
    ("weight true", {"steps": [{"setWeight": True}]}, f"{STEPS}[0].setWeight"),
    ("weight 10^99", {"steps": [{"setWeight": 10**99}]}, f"{STEPS}[0].setWeight"),
    ("pause -5s", {"steps": [{"pause": {"duration": "-5s"}}]}, f"{STEPS}[0].pause.duration"),
    ("pause '5 m'", {"steps": [{"pause": {"duration": "5 m"}}]}, f"{STEPS}[0].pause.duration"),
    ("pause 10^99", {"steps": [{"pause": {"duration": 10**99}}]}, f"{STEPS}[0].pause.duration"),
    ("pause ''", {"steps": [{"pause": {"duration": ""}}]}, f"{STEPS}[0].pause.duration"),
    ("pause 0", {"steps": [{"pause": {"duration": 0}}]}, f"{STEPS}[0].pause.duration"),
    ("pause null", {"steps": [{"pause": None}]}, f"{STEPS}[0].pause"),
    ("pause as text", {"steps": [{"pause": "10m"}]}, f"{STEPS}[0].pause"),
    ("no room at all", {"maxSurge": "0%", "maxUnavailable": 0}, "spec.strategy.canary.maxSurge"),
    ("surge -1", {"maxSurge": -1}, "spec.strategy.canary.maxSurge"),
    ("surge 101%", {"maxSurge": "101%"}, "spec.strategy.canary.maxSurge"),
    ("surge 1.5", {"maxSurge": 1.5}, "spec.strategy.canary.maxSurge"),
    ("unavailable 'few'", {"maxUnavailable": "few"}, "spec.strategy.canary.maxUnavailable"),
    (
        "canary service is stable service",
        {"canaryService": "web", "stableService": "web"},
        "spec.strategy.canary.canaryService",
    ),
    (
        "delay without router",
        {"scaleDownDelaySeconds": 30},
        "spec.strategy.canary.scaleDownDelaySeconds",
    ),
    (
        "dynamic scale without router",
        {"dynamicStableScale": True},
        "spec.strategy.canary.dynamicStableScale",
    ),
    (
        "scale step without router",
        {"steps": [{"setCanaryScale": {"replicas": 1}}]},
        f"{STEPS}[0].setCanaryScale",
    ),
    ("steps as map", {"steps": {"setWeight": 10}}, STEPS),
    ("bad service", {"canaryService": "Web_1"}, "spec.strategy.canary.canaryService"),
    (
        "both anti-affinities",
        {
            "antiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": {"weight": 1},
                "requiredDuringSchedulingIgnoredDuringExecution": {},
            }
        },
        "spec.strategy.canary.antiAffinity",
    ),
    (
        "threshold above 100 percent",
        {"replicaProgressThreshold": {"type": "Percent", "value": 101}},
        "spec.strategy.canary.replicaProgressThreshold.value",
    ),
    (
        "threshold of no kind",
        {"replicaProgressThreshold": {"type": "Some", "value": 1}},
        "spec.strategy.canary.replicaProgressThreshold.type",
    ),
]

BAD_SPECS = [
    ("no strategy", {"strategy": ...}, "spec.strategy"),
    ("empty strategy", {"strategy": {}}, "spec.strategy"),
    ("both strategies", {"strategy": {"canary": {}, "blueGreen": {}}}, "spec.strategy"),
    ("replicas -1", {"replicas": -1}, "spec.replicas"),
    ("replicas 10^9", {"replicas": 10**9}, "spec.replicas"),
    ("replicas '3'", {"replicas": "3"}, "spec.replicas"),
    ("replicas 3.0", {"replicas": 3.0}, "spec.replicas"),
    (
        "selector is not the labels",
        {"selector": {"matchLabels": {"app": "other"}}},
        "spec.template.metadata.labels",
    ),
    ("no selector", {"selector": ...}, "spec.selector"),
    ("empty selector", {"selector": {}}, "spec.selector"),
    (
        "bad label in selector",
        {"selector": {"matchLabels": {"app": "a b"}}},
        "spec.selector.matchLabels.app",
    ),
    ("no template", {"template": ...}, "spec.template"),
    ("empty template", {"template": {}}, "spec.template"),
    ("ready before deadline", {"minReadySeconds": 600}, "spec.minReadySeconds"),
    (
        "deadline at ready",
        {"minReadySeconds": 60, "progressDeadlineSeconds": 60},
        "spec.progressDeadlineSeconds",
    ),
    ("deadline -1", {"progressDeadlineSeconds": -1}, "spec.progressDeadlineSeconds"),
    ("ready -1", {"minReadySeconds": -1}, "spec.minReadySeconds"),
    ("history -1", {"revisionHistoryLimit": -1}, "spec.revisionHistoryLimit"),
    ("window -1", {"rollbackWindow": {"revisions": -1}}, "spec.rollbackWindow.revisions"),
    ("restart at nonsense", {"restartAt": "soon"}, "spec.restartAt"),
    ("paused as text", {"paused": "true"}, "spec.paused"),
]

BAD_ROUTINGS = [
    ("no ingress", {"nginx": {}}, "nginx.stableIngress"),
    (
        "one and several ingresses",
        {"nginx": {"stableIngress": "a", "stableIngresses": ["b"]}},
        "nginx.stableIngresses",
    ),
    ("one ingress twice", {"nginx": {"stableIngresses": ["a", "a"]}}, "nginx.stableIngresses[1]"),
    ("bad ingress", {"nginx": {"stableIngress": "A"}}, "nginx.stableIngress"),
    (
        "prefix with slash",
        {"nginx": {"stableIngress": "a", "annotationPrefix": "x/"}},
        "nginx.annotationPrefix",
    ),
    (
        "annotation that is no text",
        {"nginx": {"stableIngress": "a", "canaryIngressAnnotations": {"x": 1}}},
        "nginx.canaryIngressAnnotations.x",
    ),
    ("weight of 99", {"nginx": {"stableIngress": "a"}, "maxTrafficWeight": 99}, "maxTrafficWeight"),
    ("no router", {}, ""),
]


class TestRejected:
    @pytest.mark.parametrize(("fields", "path"), [case[1:] for case in BAD_CANARIES])
    def test_a_bad_canary_has_one_problem_at_its_place(self, canary, fields, path):
        assert [path] == list(_said(canary(**fields)))

    @pytest.mark.parametrize(("fields", "path"), [case[1:] for case in BAD_SPECS])
    def test_a_bad_spec_has_a_problem_at_its_place(self, rollout, fields, path):
        assert path in _said(rollout(**fields))

    @pytest.mark.parametrize(("routing", "path"), [case[1:] for case in BAD_ROUTINGS])
    def test_a_bad_router_has_one_problem_at_its_place(self, routed, routing, path):
        place = f"spec.strategy.canary.trafficRouting.{path}".rstrip(".")

        assert [place] == list(_said(routed(trafficRouting=routing)))

    def test_a_weight_above_the_largest_weight(self, routed):
        nginx = {"nginx": {"stableIngress": "web"}, "maxTrafficWeight": 1000}
        said = _said(routed(trafficRouting=nginx, steps=[{"setWeight": 1001}]))

        assert {f"{STEPS}[0].setWeight": "SetWeight needs to be between 0 and 1000"} == said

    def test_a_name_that_leaves_no_room_for_the_hash(self, rollout):
        manifest = rollout()
        manifest["metadata"]["name"] = "a." * 120 + "bbb"  # 243 characters

        assert list(_said(manifest)) == ["metadata.name"]

    def test_a_name_of_253_characters(self, rollout):
        manifest = rollout()
        manifest["metadata"]["name"] = ".".join(["a" * 63] * 3) + "." + "a" * 61

        assert list(_said(manifest)) == ["metadata.name"]

    def test_a_router_without_services(self, canary):
        said = _said(canary(trafficRouting={"nginx": {"stableIngress": "web"}}))

        assert {"spec.strategy.canary.canaryService", "spec.strategy.canary.stableService"} == set(
            said
        )

    def test_dynamic_scale_with_a_delay(self, routed):
        said = _said(routed(dynamicStableScale=True, scaleDownDelaySeconds=1))

        assert list(said) == ["spec.strategy.canary.dynamicStableScale"]

    @pytest.mark.parametrize("weight", [-1, 101])
    def test_a_scale_outside_0_to_100(self, routed, weight):
        said = _said(routed(steps=[{"setCanaryScale": {"weight": weight}}]))

        assert [f"{STEPS}[0].setCanaryScale.weight"] == list(said)

    def test_a_bad_resource_quantity(self, rollout):
        container = {"name": "c", "image": "i", "resources": {"limits": {"cpu": "many"}}}
        said = _said(_with_containers(rollout, container))

        assert list(said) == ["spec.template.spec.containers[0].resources.limits.cpu"]

    def test_containers_without_names_and_images(self, rollout):
        said = _said(_with_containers(rollout, {"name": "a", "image": "i"}, {"name": "a"}, {}))

        assert list(said) == [
            "spec.template.spec.containers[1].name",
            "spec.template.spec.containers[1].image",
            "spec.template.spec.containers[2].image",
            "spec.template.spec.containers[2].name",
        ]

    def test_pods_that_are_not_restarted(self, rollout):
        said = _said(_with_containers(rollout, {"name": "a", "image": "i"}, restartPolicy="Never"))

        assert list(said) == ["spec.template.spec.restartPolicy"]

    @pytest.mark.parametrize("manifest", [None, 5, "Rollout", [], {}, {"spec": []}, {"spec": None}])
    def test_what_is_no_rollout_at_all(self, manifest):
        assert check_rollout(manifest)

    def test_another_version(self, rollout):
        said = _said(rollout() | {"apiVersion": "argoproj.io/v1"})

        assert said == {"apiVersion": "must be argoproj.io/v1alpha1"}


class TestWords:
    def test_all_problems_are_said_at_once_and_in_order(self, canary):
        manifest = canary(
            maxSurge=-1,
            steps=[{"setWeight": "10"}, {"pause": {"duration": "soon"}}, {"setWeight": 101}],
        )
        manifest["spec"]["replicas"] = -1

        assert [
            "spec.replicas",
            "spec.strategy.canary.maxSurge",
            f"{STEPS}[0].setWeight",
            f"{STEPS}[1].pause.duration",
            f"{STEPS}[2].setWeight",
        ] == [problem.path for problem in check_rollout(manifest)]

    def test_a_misspelt_step_is_guessed(self, canary):
        said = _said(canary(steps=[{"setweigth": 10}]))

        assert {f"{STEPS}[0].setweigth": "is no kind of step; did you mean setWeight?"} == said

    def test_an_empty_pause_says_how_to_wait_for_a_person(self, canary):
        said = _said(canary(steps=[{"pause": None}]))

        assert "write `pause: {}`" in said[f"{STEPS}[0].pause"]

    def test_a_hidden_null_key_does_not_make_a_step_ambiguous_in_silence(self, canary):
        assert [f"{STEPS}[0]"] == list(_said(canary(steps=[{"setWeight": None, "pause": {}}])))

    def test_problems_read_as_the_peer_writes_them(self, canary):
        (problem,) = check_rollout(canary(steps=[{"setWeight": 101}]))

        assert (
            problem.peer_text == "spec.strategy.canary.steps[0].setWeight: Invalid value: 101: "
            "SetWeight needs to be between 0 and 100"
        )

    def test_thousands_of_bad_steps_are_said_quickly_and_briefly(self, canary):
        assert len(check_rollout(canary(steps=[{"setWeight": -1}] * 20_000))) == 100
