"""How tests write hooks, end them, and read what is recorded of them."""

from shell.gitops_world import config_map

from rollouts.api.refs import APPLICATION, Kind

HOOK = "argocd.argoproj.io/hook"
WAVE = "argocd.argoproj.io/sync-wave"
JOB = Kind("batch", "v1", "Job", "jobs")


def job(name, phase, *, generated=False, annotations=None, kind="Job"):
    field = "generateName" if generated else "name"
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "tool:1"}]}
    return {
        "apiVersion": "batch/v1",
        "kind": kind,
        "metadata": {field: name, "annotations": {HOOK: phase, **(annotations or {})}},
        "spec": {"template": {"spec": pod}},
    }


def jobs(world, namespace="shop"):
    return {
        each["metadata"]["name"]: each
        for each in world.server.list(world.cluster.type_of(JOB), namespace).items
    }


def end(world, name, verdict="Complete", message=""):
    """Let a Job end, as its controller would say it."""
    condition = {"type": verdict, "status": "True", "message": message}
    status = {"conditions": [condition]}
    world.patch(JOB, name, {"status": status}, subresource="status", manager="jobs")


def has_ended(each):
    return bool((each.get("status") or {}).get("conditions"))


def sync_by_hand(world, **sync):
    world.patch(APPLICATION, "web", {"operation": {"sync": sync}}, namespace="argocd")


def hook_rows(world):
    """Return name, phase and state of each hook that the last operation knows."""
    rows = world.status()["operationState"].get("syncResult", {}).get("resources", [])
    return [(row["name"], row["hookType"], row["hookPhase"]) for row in rows if row.get("hookType")]


def message(world):
    return world.status()["operationState"]["message"]


def deploy(world, *hooks, key="1"):
    return world.git.commit({"deploy/a.yaml": [config_map("a", key=key), *hooks]})
