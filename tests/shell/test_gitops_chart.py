"""An Application whose directory is a chart, with the real helm."""

from pathlib import Path

import pytest
import yaml
from programs import needs_helm
from shell.hook_words import end, jobs

from rollouts.api.refs import APPLICATION, ROLLOUT

pytestmark = [pytest.mark.helm, needs_helm]

EXAMPLE = Path(__file__).parents[2] / "examples" / "04-helm-chart"


def test_the_example_is_rendered_migrated_delivered_and_upgraded(world):
    files = {
        str(path.relative_to(EXAMPLE)): path.read_text()
        for path in EXAMPLE.rglob("*.yaml")
        if path.parent != EXAMPLE
    }
    world.git.commit(files)
    application = yaml.safe_load((EXAMPLE / "application.yaml").read_text())
    application["spec"]["source"]["repoURL"] = world.git.url
    world.create(application, APPLICATION)
    world.settle()
    assert list(jobs(world)) == ["shop-migrate"]
    assert world.get(ROLLOUT, "shop") is None

    end(world, "shop-migrate")
    world.settle()
    assert world.get(ROLLOUT, "shop")["spec"]["replicas"] == 6
    assert image_of(world) == "myorg/shop:1.4.0"
    assert world.status("shop")["sourceType"] == "Helm"
    assert world.sync_words("shop")[0] == "Synced"
    assert jobs(world) == {}

    world.git.commit({"values/production.yaml": "replicas: 8\n"})
    world.wait(70)
    end(world, "shop-migrate")
    world.settle()
    assert world.get(ROLLOUT, "shop")["spec"]["replicas"] == 8

    source = {"helm": {"parameters": [{"name": "image.tag", "value": "1.5.0"}]}}
    world.patch(APPLICATION, "shop", {"spec": {"source": source}}, namespace="argocd")
    world.settle()
    end(world, "shop-migrate")
    world.settle()
    assert image_of(world) == "myorg/shop:1.5.0"


def test_a_chart_that_cannot_be_rendered_changes_nothing_and_says_why(world):
    good = {"deploy/Chart.yaml": "{apiVersion: v2, name: web, version: 1.0.0}\n"}
    good["deploy/templates/a.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
    world.git.commit(good)
    world.application()
    world.settle()
    assert world.sync_words()[0] == "Synced"

    world.git.commit({"deploy/templates/a.yaml": '{{ required "a color is needed" .Values.c }}\n'})
    world.wait(70)
    assert "a color is needed" in world.conditions()["ComparisonError"]
    assert world.sync_words()[0] == "Unknown"


def image_of(world):
    return world.get(ROLLOUT, "shop")["spec"]["template"]["spec"]["containers"][0]["image"]
