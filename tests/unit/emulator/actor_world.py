"""A server, actors and a clock that only tests move."""

from datetime import UTC, datetime, timedelta

from rollouts.emulator import ApiServer
from rollouts.emulator.actors import all_actors, run_actors

START = datetime(2026, 1, 1, tzinfo=UTC)
MERGE = "application/merge-patch+json"


def seconds(count):
    return timedelta(seconds=count)


class World:
    """The embedded cluster in virtual time."""

    def __init__(self, behaviours=None, *, actors=None, **options):
        self.now = START
        self.server = ApiServer(lambda: self.now)
        if actors is None:
            actors = all_actors(self.server, behaviours, **options)
        else:
            actors = actors(self.server)
        self.actors = actors
        self.writes = []
        self.server.on_write.append(self.writes.append)

    def rt(self, plural):
        return next(rt for rt in self.server.resources() if rt.plural == plural)

    def settle(self):
        """Let the actors do everything that is due now; return when they want to be woken."""
        return run_actors(self.actors, self.now)

    def after(self, count):
        """Move time on, stopping wherever an actor wants to be woken."""
        end = self.now + seconds(count)
        while (wake := self.settle()) is not None and wake <= end:
            self.now = wake
        self.now = end
        return self.settle()

    def create(self, plural, manifest, namespace="default"):
        return self.server.create(self.rt(plural), namespace, manifest)

    def get(self, plural, name, namespace="default"):
        return self.server.get(self.rt(plural), namespace, name)

    def patch(self, plural, name, body, namespace="default", **options):
        return self.server.patch(self.rt(plural), namespace, name, body, MERGE, **options)

    def delete(self, plural, name, namespace="default", **options):
        return self.server.delete(self.rt(plural), namespace, name, **options)

    def all(self, plural):
        return list(self.server.list(self.rt(plural)).items)

    def names(self, plural):
        return [each["metadata"]["name"] for each in self.all(plural)]

    def phases(self):
        return sorted(pod["status"]["phase"] for pod in self.all("pods"))

    def status(self, plural, name):
        return self.get(plural, name).get("status", {})

    def reasons(self):
        return {event["reason"] for event in self.server.list(self.events_type).items}

    @property
    def events_type(self):
        return self.server.resource("", "v1", "events")


def pod_template(image="web:1", app="web", **spec):
    return {
        "metadata": {"labels": {"app": app}},
        "spec": {"containers": [{"name": "main", "image": image}]} | spec,
    }


def pod(name="web", image="web:1", app="web", **spec):
    template = pod_template(image, app, **spec)
    metadata = template["metadata"] | {"name": name}
    return {"metadata": metadata, "spec": template["spec"]}


def replica_set(name="web", replicas=3, image="web:1", **spec):
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": pod_template(image),
        }
        | spec,
    }


def deployment(name="web", replicas=3, image="web:1", **spec):
    return replica_set(name, replicas, image, **spec)


def condition(status, kind):
    return next((each for each in status.get("conditions", ()) if each["type"] == kind), None)
