"""What stories measure by a Job, which KWOK plays by the tag of its image."""

from __future__ import annotations

GOOD, BAD = "myorg/check:1", "myorg/check:fails"


def template_of(name, image=GOOD, **metric):
    """Return a template whose one metric is a Job that runs an image."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "check", "image": image}]}
    job = {"job": {"spec": {"backoffLimit": 0, "template": {"spec": pod}}}}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": name},
        "spec": {"metrics": [{"name": "check", "provider": job, **metric}]},
    }


def ask(rollout, template):
    """Put an analysis by a template into the first example, in place of its first pause."""
    step = {"analysis": {"templates": [{"templateName": template}]}}
    rollout["spec"]["strategy"]["canary"]["steps"][1] = step
