"""What the checks accept, the planner can compile: neither has a blind spot the other trips on."""

from hypothesis import event, given, settings
from hypothesis import strategies as st

from rollouts.api.checks import check_rollout
from rollouts.core.spec import compile_spec

_small = st.integers(min_value=-1, max_value=101)
_surge = st.none() | _small | st.sampled_from(["0%", "25%", "100%", "101%", "x", "5", "", "-1%"])
_duration = st.none() | _small | st.sampled_from(["10m", "1.5s", "30", "0", "", "5 m", "-5s"])


def _any_of(**fields):
    return st.fixed_dictionaries({}, optional=fields)


_step = st.one_of(
    st.fixed_dictionaries({"setWeight": st.none() | _small}),
    st.fixed_dictionaries({"pause": st.none() | _any_of(duration=_duration)}),
    st.fixed_dictionaries(
        {
            "setCanaryScale": st.none()
            | _any_of(
                replicas=st.none() | _small,
                weight=st.none() | _small,
                matchTrafficWeight=st.none() | st.booleans(),
            )
        }
    ),
    _any_of(setWeight=st.none() | _small, pause=st.none() | _any_of(duration=_duration)),
)
_nginx = _any_of(
    stableIngress=st.sampled_from([None, "", "web"]),
    stableIngresses=st.none() | st.lists(st.sampled_from(["a", "b"]), max_size=2),
    annotationPrefix=st.sampled_from([None, "", "example.com"]),
    additionalIngressAnnotations=st.none() | st.just({"a": "b"}),
)
_canary = _any_of(
    canaryService=st.sampled_from([None, "", "canary"]),
    stableService=st.sampled_from([None, "stable"]),
    steps=st.none() | st.lists(_step, max_size=3),
    trafficRouting=st.none()
    | _any_of(nginx=st.none() | _nginx, maxTrafficWeight=st.sampled_from([None, 0, 99, 100, 500])),
    maxSurge=_surge,
    maxUnavailable=_surge,
    scaleDownDelaySeconds=st.none() | _small,
    abortScaleDownDelaySeconds=st.none() | _small,
    minPodsPerReplicaSet=st.none() | _small,
    replicaProgressThreshold=st.none()
    | _any_of(type=st.sampled_from([None, "Pod", "Percent"]), value=st.none() | _small),
)
_spec = st.fixed_dictionaries(
    {
        "selector": st.just({"matchLabels": {"app": "web"}}),
        "template": st.just(
            {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            }
        ),
        "strategy": st.fixed_dictionaries(
            {"canary": st.none() | _canary}, optional={"blueGreen": st.none()}
        ),
    },
    optional={
        "replicas": st.none() | _small,
        "paused": st.none() | st.booleans(),
        "minReadySeconds": st.none() | _small,
        "progressDeadlineSeconds": st.none() | _small,
        "revisionHistoryLimit": st.none() | _small,
        "restartAt": st.sampled_from([None, "", "2026-01-31T12:00:00Z", "soon"]),
        "rollbackWindow": st.none() | _any_of(revisions=st.none() | _small),
        "workloadRef": st.none(),
    },
)


@settings(max_examples=500)
@given(_spec)
def test_an_accepted_rollout_can_be_compiled(spec):
    manifest = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": spec,
    }
    problems = check_rollout(manifest)
    event("rejected" if problems else "accepted")
    if problems:
        return
    compiled = compile_spec(manifest)

    assert compiled.replicas >= 0
    assert compiled.max_surge + compiled.max_unavailable > 0 or compiled.replicas == 0
    assert len(compiled.steps) == len((spec["strategy"]["canary"] or {}).get("steps") or ())
