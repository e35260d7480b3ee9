"""What random streams have found built-in kinds to do."""

from __future__ import annotations

from contract.api import APPLY, MERGE
from contract.kinds import BUDGETS, CONFIG_MAPS, JOBS, SECRETS, budget, config_map, refused
from contract.streams import job, secret


def test_a_job_without_labels_has_those_of_its_pods(api, namespace):
    made = api.create(JOBS, namespace, job("a"))

    labels = made["spec"]["template"]["metadata"]["labels"]
    assert labels == made["metadata"]["labels"]
    assert {
        "job-name": "a",
        "batch.kubernetes.io/job-name": "a",
        "controller-uid": made["metadata"]["uid"],
        "batch.kubernetes.io/controller-uid": made["metadata"]["uid"],
    } == labels


def test_pods_of_a_job_are_settled_but_for_where_they_go_before_it_starts(api, namespace):
    api.create(JOBS, namespace, job("a"))

    def patch(template):
        return api.patch(JOBS, namespace, "a", {"spec": {"template": template}}, MERGE)

    placed = patch({"spec": {"nodeSelector": {"disk": "fast"}}})
    assert {"disk": "fast"} == placed["spec"]["template"]["spec"]["nodeSelector"]
    with refused(422, "Invalid") as caught:
        patch({"spec": {"dnsPolicy": "Default"}})
    assert ["spec.template.spec"] == [each["field"] for each in caught.value.causes]


def test_a_budget_is_not_replaced_without_a_version(api, namespace):
    api.create(BUDGETS, namespace, budget())

    with refused(422, "Invalid") as caught:
        api.update(BUDGETS, namespace, "b", budget())
    assert ["metadata.resourceVersion"] == [each["field"] for each in caught.value.causes]


def test_bytes_that_are_none_are_refused_where_they_go_wrong(api, namespace):
    body = secret("s") | {"data": {"key": "not base64!"}}
    why = "illegal base64 data at input byte 3"

    with refused(400, "BadRequest") as caught:
        api.create(SECRETS, namespace, body)
    assert caught.value.message.endswith(why)
    with refused(500, "") as caught:
        api.patch(SECRETS, namespace, "s", body, APPLY, field_manager="a")
    assert caught.value.message.endswith(f"error decoding from json: {why}")


def test_an_item_cannot_be_applied_twice(api, namespace):
    owner = {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}
    body = config_map(ownerReferences=[owner, owner])

    with refused(500, "") as caught:
        api.patch(CONFIG_MAPS, namespace, "m", body, APPLY, field_manager="a")
    words = '.metadata.ownerReferences: duplicate entries for key [uid="u"]'
    assert caught.value.message.endswith(words)


def test_what_was_there_before_the_first_apply_is_no_status(api, namespace):
    api.create(BUDGETS, namespace, budget())
    status = {"status": {"disruptionsAllowed": 1, "observedGeneration": 1}}
    api.patch(BUDGETS, namespace, "b", status, MERGE, subresource="status")
    api.patch(BUDGETS, namespace, "b", {"metadata": {"managedFields": [{}]}}, MERGE)
    body = budget()
    del body["spec"]

    applied = api.patch(BUDGETS, namespace, "b", body, APPLY, field_manager="a")

    owned = {
        each["manager"]: set(each["fieldsV1"]) for each in applied["metadata"]["managedFields"]
    }
    assert {"before-first-apply": {"f:spec"}} == owned
