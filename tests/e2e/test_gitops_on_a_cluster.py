"""Git to cluster on a true API server: sync, drift, prune, for Application and Kustomization."""

from __future__ import annotations

import json
import shlex

import pytest
import yaml
from e2e.account import LOGINS
from e2e.world import EXAMPLE, FIRST, ROOT, SECOND, STEPS

from rollouts.api.refs import APPLICATION, CONFIG_MAP, KUSTOMIZATION, SERVICE

pytestmark = pytest.mark.real

SEED = ROOT / "tests" / "compatibility" / "seed"
LABELS = {"app": "kinds"}
POD = {
    "metadata": {"labels": LABELS},
    "spec": {"containers": [{"name": "main", "image": "myorg/kinds:1"}]},
}
JOB = {
    "metadata": {"annotations": {"test.rollouts.dev/runs-for": "1s"}},
    "spec": {"restartPolicy": "Never", **POD["spec"]},
}


def commit(repository, files, message):
    for path, manifest in files.items():
        text = manifest if isinstance(manifest, str) else yaml.safe_dump(manifest)
        repository.write(f"deploy/{path}", text)
    return repository.push(message)


def config_map(name, **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def example(pause):
    """The first example, whose pauses last as long as this."""
    return {
        path.name: path.read_text().replace("duration: 10m", f"duration: {pause}")
        for path in EXAMPLE.glob("*.yaml")
    }


def application(world, repository, *finalizers):
    """Declare an Application for a repository, in the namespace of what it deploys."""
    automated = {"prune": True, "selfHeal": True, "allowEmpty": True}
    server = "https://kubernetes.default.svc"
    manifest = {
        "apiVersion": APPLICATION.api_version,
        "kind": APPLICATION.kind,
        "metadata": {"name": "web", "finalizers": finalizers},
        "spec": {
            "project": "default",
            "source": {"repoURL": repository.url, "targetRevision": "main", "path": "deploy"},
            "destination": {"server": server, "namespace": world.name},
            "syncPolicy": {"automated": automated},
        },
    }
    world.kubectl("kubectl apply -f -", stdin=json.dumps(manifest))


def kustomization(world, repository):
    """Declare a GitRepository and a Kustomization for it."""
    source = {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": "web"},
        "spec": {"interval": "3s", "url": repository.url, "ref": {"branch": "main"}},
    }
    wanted = {
        "apiVersion": KUSTOMIZATION.api_version,
        "kind": KUSTOMIZATION.kind,
        "metadata": {"name": "web"},
        "spec": {
            "interval": "2s",
            "path": "./deploy",
            "prune": True,
            "targetNamespace": world.name,
            "sourceRef": {"kind": "GitRepository", "name": "web"},
        },
    }
    world.kubectl("kubectl apply -f -", stdin=yaml.safe_dump_all([source, wanted]))


def wait_for_sync(world, revision, *, healthy=True):
    """Wait until an Application says that a commit is in the cluster, and healthy."""

    def is_synced():
        status = (world.recorder.get(APPLICATION, world.name, "web") or {}).get("status") or {}
        sync, health = status.get("sync") or {}, status.get("health") or {}
        is_there = sync.get("status") == "Synced" and sync.get("revision") == revision
        return is_there and (not healthy or health.get("status") == "Healthy")

    try:
        world.until(is_synced, what=f"commit {revision[:7]} to be synced")
    except AssertionError as error:
        error.add_note(world.kubectl("kubectl get application web -o jsonpath={.status}"))
        raise


def wait_for_apply(world, revision):
    """Wait until a Kustomization says that a commit was applied, and is ready."""

    def is_applied():
        found = world.recorder.get(KUSTOMIZATION, world.name, "web") or {}
        status = found.get("status") or {}
        ready = {each["type"]: each["status"] for each in status.get("conditions") or ()}
        applied = str(status.get("lastAppliedRevision", ""))
        return ready.get("Ready") == "True" and applied.endswith(revision)

    world.until(is_applied, what=f"commit {revision[:7]} to be applied")


def data_of(world, name):
    found = world.recorder.get(CONFIG_MAP, world.name, name)
    return None if found is None else found.get("data")


def sync_heal_and_prune(world, repository, wait):
    """The same life for both kinds: sync, canary, drift, prune."""
    files = {**example("1s"), "a.yaml": config_map("a", key="1"), "b.yaml": config_map("b")}
    wait(world, commit(repository, files, "Deploy 1.0.0"))
    world.wait_for_end(FIRST)

    repository.set_image("deploy/rollout.yaml", SECOND)
    released = repository.push("Release 1.1.0")
    world.wait_for_end(SECOND)
    wait(world, released)
    world.check_traffic(STEPS, SECOND)

    world.kubectl('kubectl patch configmap a -p \'{"data": {"key": "9"}}\'')
    patch = json.dumps([{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 9999}])
    world.kubectl(f"kubectl patch service myapp-stable --type json -p '{patch}'")
    world.until(lambda: data_of(world, "a") == {"key": "1"}, what="the drift of a to be healed")

    def port():
        service = world.recorder.get(SERVICE, world.name, "myapp-stable")
        return service["spec"]["ports"][0]["targetPort"]

    world.until(lambda: port() == 8080, what="the port to be healed")

    (repository.clone / "deploy" / "b.yaml").unlink()
    wait(world, commit(repository, {"a.yaml": config_map("a", key="2")}, "Remove b"))
    world.until(lambda: data_of(world, "b") is None, what="b to be pruned")
    assert data_of(world, "a") == {"key": "2"}
    world.check_traffic(STEPS, SECOND)


def application_syncs_heals_and_prunes(world, repository):
    application(world, repository)
    sync_heal_and_prune(world, repository, wait_for_sync)


def kustomization_applies_heals_and_prunes(world, repository):
    kustomization(world, repository)
    sync_heal_and_prune(world, repository, wait_for_apply)


def every_kind_that_the_chart_names_comes_and_goes(world, repository):
    """Sync, change and prune each kind that the chart's own values let a sync touch."""
    kept = {"kept.yaml": config_map("kept")}
    application(world, repository)
    # Nobody plays volumes, load balancers and metrics here: some kinds are never healthy.
    first = commit(repository, {**kept, **kinds("1")}, "All kinds")
    wait_for_sync(world, first, healthy=False)
    wait_for_sync(world, commit(repository, kinds("2"), "All kinds, changed"), healthy=False)
    for path in kinds("2"):
        (repository.clone / "deploy" / path).unlink()
    wait_for_sync(world, repository.push("No kind"))

    def left():
        names = ",".join(each["kind"].lower() for each in kinds("2").values())
        found = world.kubectl(f"kubectl get {names} -l app=kinds -o name").split()
        return [each for each in found if "kept" not in each]

    world.until(lambda: not left(), what="all kinds to be pruned")


def a_helm_repository_that_does_not_answer_says_so(world, _):
    manifest = {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "HelmRepository",
        "metadata": {"name": "charts"},
        "spec": {"interval": "1m", "url": "http://127.0.0.1:1"},
    }
    world.kubectl("kubectl apply -f -", stdin=json.dumps(manifest))

    world.kubectl("kubectl wait helmrepository/charts --for=condition=Ready=false --timeout=30s")


def a_login_is_read_where_the_chart_allows_it(world, repository):
    repository.write("deploy/a.yaml", yaml.safe_dump(config_map("a")))
    repository.push("Deploy")
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "login", "namespace": LOGINS},
        "stringData": {"username": "somebody", "password": "not-needed-for-a-file"},
    }
    source = {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": "private", "namespace": LOGINS},
        "spec": {
            "interval": "1m",
            "url": repository.url,
            "ref": {"branch": "main"},
            "secretRef": {"name": "login"},
        },
    }
    for each in (secret, source):
        world.kubectl("kubectl apply -f -", stdin=json.dumps(each))

    ready = "--for=condition=Ready --timeout=30s"
    world.kubectl(f"kubectl wait gitrepository/private -n {LOGINS} {ready}")


def patch(world, **spec):
    """Change an Application's spec."""
    body = json.dumps({"spec": spec})
    world.kubectl(f"kubectl patch application web --type merge -p {shlex.quote(body)}")


def hooks_run_around_a_sync_and_keep_a_bad_one_out(world, repository):
    """The hook of the seed's Application after each sync, and a migration before it."""
    application(world, repository)
    seed = yaml.safe_load((SEED / "application-health-hooks.yaml").read_text())
    own = seed["spec"]["resourceHooks"]
    template = own[0]["hook"]["template"]
    template["generate"] = world.cluster.placed(template["generate"])
    patch(world, resourceHooks=own)

    def jobs(prefix):
        listed = json.loads(world.kubectl("kubectl get jobs -o json"))["items"]
        return [each for each in listed if each["metadata"]["name"].startswith(prefix)]

    def phase_at(revision):
        found = (world.recorder.get(APPLICATION, world.name, "web") or {}).get("status") or {}
        state = found.get("operationState") or {}
        same = (state.get("syncResult") or {}).get("revision") == revision
        return (state.get("phase"), state.get("message", "")) if same else (None, "")

    def wait_for_phase(revision, phase):
        try:
            world.until(lambda: phase_at(revision)[0] == phase, what=f"{revision[:7]}: {phase}")
        except AssertionError as error:
            error.add_note(world.kubectl("kubectl get application web -o jsonpath={.status}"))
            raise

    files = {"a.yaml": config_map("a", key="1"), "migrate.yaml": hook("migrate-", "PreSync")}
    first = commit(repository, files, "Deploy with hooks")
    wait_for_phase(first, "Succeeded")
    (after,) = jobs("post-sync-")
    assert after["metadata"]["name"].startswith(f"post-sync-{first[:7]}-postsync-")
    assert jobs("migrate-") == []

    patch(world, syncPolicy={"retry": {"limit": 0}})
    broken = {
        "a.yaml": config_map("a", key="2"),
        "migrate.yaml": hook("migrate-", "PreSync", pod="fails"),
    }
    second = commit(repository, broken, "Break the migration")
    wait_for_phase(second, "Failed")
    assert "PreSync hook Job/" in phase_at(second)[1]
    assert data_of(world, "a") == {"key": "1"}

    third = commit(repository, {"migrate.yaml": hook("migrate-", "PreSync")}, "Mend it")
    wait_for_phase(third, "Succeeded")
    assert data_of(world, "a") == {"key": "2"}
    assert len(jobs("post-sync-")) == 2
    assert all(not each["metadata"].get("finalizers") for each in jobs(""))


def a_chart_is_rendered_for_this_cluster(world, repository):
    """A chart that asks what is served, with values from beside it, and a change of them."""
    application(world, repository)
    patch(world, source={"helm": {"valueFiles": ["values-of-test.yaml"]}})
    template = """
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data:
  key: {{ .Values.key | quote }}
  version: {{ .Capabilities.KubeVersion.Version | quote }}
  rollouts: {{ .Capabilities.APIVersions.Has "argoproj.io/v1alpha1/Rollout" | quote }}
  nothing: {{ .Capabilities.APIVersions.Has "nobody.example.com/v1" | quote }}
"""
    files = {
        "Chart.yaml": {"apiVersion": "v2", "name": "web", "version": "1.0.0"},
        "values.yaml": {"key": "of the chart"},
        "values-of-test.yaml": {"key": "of the test"},
        "templates/a.yaml": template,
    }
    wait_for_sync(world, commit(repository, files, "A chart"))
    found = data_of(world, "a")
    version = json.loads(world.kubectl("kubectl version -o json"))["serverVersion"]["gitVersion"]
    assert found == {
        "key": "of the test",
        "version": version,
        "rollouts": "true",
        "nothing": "false",
    }

    changed = {"values-of-test.yaml": {"key": "changed"}}
    wait_for_sync(world, commit(repository, changed, "Other values"))
    assert data_of(world, "a")["key"] == "changed"


def hooks_run_around_a_deletion(world, repository):
    """A backup before anything goes, and a word when all of it is gone."""
    application(world, repository, "resources-finalizer.argocd.argoproj.io")
    files = {
        "a.yaml": config_map("a", key="1"),
        "backup.yaml": hook("backup-", "PreDelete"),
        "tell.yaml": hook("tell-", "PostDelete"),
    }
    commit(repository, files, "Deploy with hooks of a deletion")
    world.until(lambda: data_of(world, "a") == {"key": "1"}, what="the sync")

    def finalizers():
        found = world.recorder.get(APPLICATION, world.name, "web") or {"metadata": {}}
        return found["metadata"].get("finalizers") or []

    world.until(lambda: len(finalizers()) == 4, what="the finalizers of the hooks")
    seen = []

    def is_gone():
        shown = world.kubectl("kubectl get jobs -o name").split()
        for name in [each.partition("/")[2].partition("-")[0] for each in shown]:
            if name not in [one for one, _ in seen]:
                seen.append((name, data_of(world, "a") is not None))
        return world.recorder.get(APPLICATION, world.name, "web") is None

    world.kubectl("kubectl delete application web --wait=false")
    world.until(is_gone, what="the Application to be gone")
    assert seen == [("backup", True), ("tell", False)]
    assert world.kubectl("kubectl get jobs -o name") == ""


def hook(name, phase, pod=""):
    """A Job with a generated name, which does not stay when it has succeeded."""
    notes = {
        "argocd.argoproj.io/hook": phase,
        "argocd.argoproj.io/hook-delete-policy": "HookSucceeded",
    }
    played = {"test.rollouts.dev/runs-for": "1s", **({"test.rollouts.dev/pod": pod} if pod else {})}
    template = {"metadata": {"annotations": played}, "spec": JOB["spec"]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": name, "annotations": notes},
        "spec": {"backoffLimit": 0, "template": template},
    }


def kinds(version):
    """A manifest of each kind, as small as it can be."""
    selector = {"matchLabels": LABELS}
    workload = {"selector": selector, "template": POD}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "kinds"}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    ingress = {"defaultBackend": {"service": {"name": "kinds", "port": {"number": 80}}}}
    steps = {"strategy": {"canary": {"steps": [{"setWeight": 50}]}}}
    metric = {"name": "kinds", "provider": {"web": {"url": "http://kinds.example.com/"}}}
    specs = {
        ("v1", "ConfigMap"): None,
        ("v1", "PersistentVolumeClaim"): claim,
        ("v1", "ServiceAccount"): None,
        ("v1", "Service"): {"selector": LABELS, "ports": [{"port": 80}]},
        ("apps/v1", "DaemonSet"): workload,
        ("apps/v1", "Deployment"): workload,
        ("apps/v1", "StatefulSet"): {**workload, "serviceName": "kinds"},
        ("argoproj.io/v1alpha1", "AnalysisTemplate"): {"metrics": [metric]},
        ("argoproj.io/v1alpha1", "Rollout"): {**workload, **steps},
        ("autoscaling/v2", "HorizontalPodAutoscaler"): {"maxReplicas": 3, "scaleTargetRef": target},
        ("batch/v1", "CronJob"): {
            "schedule": "0 0 1 1 *",
            "jobTemplate": {"spec": {"template": JOB}},
        },
        ("batch/v1", "Job"): {"template": JOB},
        ("networking.k8s.io/v1", "Ingress"): ingress,
        ("networking.k8s.io/v1", "NetworkPolicy"): {"podSelector": selector},
        ("policy/v1", "PodDisruptionBudget"): {"maxUnavailable": 1, "selector": selector},
    }
    made = {}
    for (api_version, kind), spec in specs.items():
        annotations = {"example.com/version": version}
        metadata = {"name": "kinds", "labels": LABELS, "annotations": annotations}
        manifest = {"apiVersion": api_version, "kind": kind, "metadata": metadata}
        made[f"{kind.lower()}.yaml"] = manifest if spec is None else {**manifest, "spec": spec}
    return made


def performer(fixture):
    make_world, controller = fixture("make_world"), fixture("controller")

    def run(story):
        world = make_world(story.__name__, check=controller.check)
        story(world, world.repository())

    return run


@pytest.mark.parametrize(
    "story",
    [
        application_syncs_heals_and_prunes,
        kustomization_applies_heals_and_prunes,
        hooks_run_around_a_sync_and_keep_a_bad_one_out,
        hooks_run_around_a_deletion,
        a_chart_is_rendered_for_this_cluster,
        every_kind_that_the_chart_names_comes_and_goes,
        a_helm_repository_that_does_not_answer_says_so,
        a_login_is_read_where_the_chart_allows_it,
    ],
    ids=lambda story: story.__name__,
)
def test_gitops(play, story):
    play(story)
