"""Objects over HTTP: verbs, codes, bodies and options."""

from __future__ import annotations

import pytest
from shell.emulator_wire import APPLY, MAPS, MERGE, WIDGETS, config_map, with_wire


def test_an_object_is_made_read_changed_and_deleted():
    async def story(wire):
        made, body = await wire.ask("POST", MAPS, config_map(x="1"))
        read = await wire.get(f"{MAPS}/a")
        patch = {"data": {"x": "2"}}
        changed, after = await wire.ask("PATCH", f"{MAPS}/a", patch, content_type=MERGE)
        deleted, status = await wire.ask("DELETE", f"{MAPS}/a")
        gone, missing = await wire.ask("GET", f"{MAPS}/a")
        codes = [each.status for each in (made, changed, deleted, gone)]
        return codes, body == read, after["data"], status["status"], missing["reason"]

    assert with_wire(story) == ([201, 200, 200, 404], True, {"x": "2"}, "Success", "NotFound")


def test_items_of_built_in_lists_carry_no_type():
    async def story(wire):
        await wire.post(MAPS, config_map())
        return await wire.get(MAPS)

    listed = with_wire(story)

    assert (listed["kind"], listed["apiVersion"]) == ("ConfigMapList", "v1")
    assert "kind" not in listed["items"][0]


def test_items_of_custom_lists_carry_their_type():
    async def story(wire):
        await wire.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", WIDGETS)
        widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
        await wire.post("/apis/example.com/v1/namespaces/default/widgets", widget)
        return await wire.get("/apis/example.com/v1/widgets")

    listed = with_wire(story)

    assert listed["kind"] == "WidgetList"
    assert listed["items"][0]["kind"] == "Widget"


@pytest.mark.parametrize(("count", "pages"), [(0, 1), (2, 1), (3, 2), (5, 3)])
def test_lists_come_in_pages(count, pages):
    async def story(wire):
        for index in range(count):
            await wire.post(MAPS, config_map(f"m{index}"))
        names, turned, token = [], 0, ""
        while True:
            page = await wire.get(f"{MAPS}?limit=2&continue={token}")
            names += [item["metadata"]["name"] for item in page["items"]]
            turned += 1
            token = page["metadata"].get("continue", "")
            if not token:
                return names, turned

    assert with_wire(story) == ([f"m{index}" for index in range(count)], pages)


def test_an_old_page_token_has_expired():
    async def story(wire):
        for name in "abc":
            await wire.post(MAPS, config_map(name))
        page = await wire.get(f"{MAPS}?limit=1")
        await wire.post(MAPS, config_map("d"))
        wire.server.compact()
        answer, body = await wire.ask(
            "GET", f"{MAPS}?limit=1&continue={page['metadata']['continue']}"
        )
        return answer.status, body["reason"]

    assert with_wire(story) == (410, "Expired")


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "reason"),
    [
        ("GET", "/apis/apps/v1/nowhere", None, 404, "NotFound"),
        ("GET", "/api/v1/namespaces/default/nodes", None, 404, "NotFound"),
        ("GET", f"{MAPS}/a/scale", None, 404, "NotFound"),
        ("POST", MAPS, b"{", 400, "BadRequest"),
        ("POST", MAPS, [], 400, "BadRequest"),
        ("POST", f"{MAPS}/a", {}, 405, "MethodNotAllowed"),
        ("PUT", MAPS, {}, 405, "MethodNotAllowed"),
        ("POST", MAPS, {"metadata": {"name": "UPPER"}}, 422, "Invalid"),
        ("POST", f"{MAPS}?dryRun=Some", {"metadata": {"name": "a"}}, 422, "Invalid"),
        ("POST", f"{MAPS}?fieldValidation=Maybe", {"metadata": {"name": "a"}}, 422, "Invalid"),
        ("GET", f"{MAPS}?limit=many", None, 400, "BadRequest"),
        ("GET", f"{MAPS}?labelSelector=a%20b", None, 400, "BadRequest"),
        ("DELETE", f"{MAPS}/a", {"kind": "ConfigMap"}, 400, "BadRequest"),
    ],
)
def test_refusals_are_status_objects(method, path, body, code, reason):
    async def story(wire):
        answer, said = await wire.ask(method, path, body)
        return answer.status, said

    status, said = with_wire(story)

    assert (status, said["kind"], said["code"], said["reason"]) == (code, "Status", code, reason)
    assert said["message"]


def test_a_body_over_the_limit_is_refused():
    async def story(wire):
        huge = config_map(x="a" * (3 * 1024 * 1024))
        return (await wire.ask("POST", MAPS, huge))[0].status

    assert with_wire(story) == 413


def test_a_stale_update_conflicts():
    async def story(wire):
        made = await wire.post(MAPS, config_map(x="1"))
        await wire.ask("PATCH", f"{MAPS}/a", {"data": {"x": "2"}}, content_type=MERGE)
        return (await wire.ask("PUT", f"{MAPS}/a", made))[1]["reason"]

    assert with_wire(story) == "Conflict"


def test_deletions_have_preconditions():
    async def story(wire):
        made = await wire.post(MAPS, config_map())
        wrong = {"preconditions": {"uid": "other"}}
        right = {"preconditions": {"uid": made["metadata"]["uid"]}}
        refused = (await wire.ask("DELETE", f"{MAPS}/a", wrong))[0].status
        return refused, (await wire.ask("DELETE", f"{MAPS}/a", right))[0].status

    assert with_wire(story) == (409, 200)


def test_a_collection_is_deleted_by_selector():
    async def story(wire):
        for name in "abc":
            manifest = config_map(name)
            manifest["metadata"]["labels"] = {"keep": str(name == "c").lower()}
            await wire.post(MAPS, manifest)
        picked = (await wire.ask("DELETE", f"{MAPS}?labelSelector=keep%3Dfalse"))[1]
        left = await wire.get(MAPS)
        return len(picked["items"]), [item["metadata"]["name"] for item in left["items"]]

    assert with_wire(story) == (2, ["c"])


def test_a_dry_run_answers_and_stores_nothing():
    async def story(wire):
        answer, made = await wire.ask("POST", f"{MAPS}?dryRun=All", config_map(x="1"))
        return answer.status, made["data"], (await wire.ask("GET", f"{MAPS}/a"))[0].status

    assert with_wire(story) == (201, {"x": "1"}, 404)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (MERGE, {"data": {"x": "2"}}),
        ("application/strategic-merge-patch+json", {"data": {"x": "2"}}),
        ("application/json-patch+json", [{"op": "add", "path": "/data/x", "value": "2"}]),
        (APPLY, b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: '2'}\n"),
        (f"{MERGE}; charset=utf-8", {"data": {"x": "2"}}),
    ],
)
def test_every_patch_type_is_taken(content_type, body):
    async def story(wire):
        await wire.post(MAPS, config_map(x="1"))
        path = f"{MAPS}/a?fieldManager=me" + ("&force=true" if content_type == APPLY else "")
        return (await wire.ask("PATCH", path, body, content_type=content_type))[1]["data"]

    assert with_wire(story) == {"x": "2"}


def test_applying_creates_with_201_and_then_changes_with_200():
    async def story(wire):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
        path = f"{MAPS}/a?fieldManager=me"
        codes = []
        for _ in range(2):
            answer, _ = await wire.ask("PATCH", path, body, content_type=APPLY)
            codes.append(answer.status)
        return codes

    assert with_wire(story) == [201, 200]


def test_applying_needs_a_field_manager():
    async def story(wire):
        answer, said = await wire.ask("PATCH", f"{MAPS}/a", {}, content_type=APPLY)
        return answer.status, said["message"]

    code, message = with_wire(story)

    assert code == 422
    assert "fieldManager: Required value" in message


def test_yaml_bodies_keep_dates_as_text_and_refuse_aliases():
    async def story(wire):
        good = b"metadata: {name: a, annotations: {day: 2026-01-01}}"
        bomb = b"metadata: &m {name: b}\ndata: *m"
        made = await wire.post(MAPS, good, content_type="application/yaml")
        answer, said = await wire.ask("POST", MAPS, bomb, content_type="application/yaml")
        return made["metadata"]["annotations"], answer.status, said["message"]

    annotations, code, message = with_wire(story)

    assert annotations == {"day": "2026-01-01"}
    assert (code, message) == (400, "aliases are not accepted in YAML bodies")


def test_an_unknown_media_type_is_refused():
    async def story(wire):
        answer, _ = await wire.ask("POST", MAPS, b"x", content_type="text/plain")
        forms, _ = await wire.ask("GET", MAPS, Accept="application/xml")
        return answer.status, forms.status

    assert with_wire(story) == (415, 406)


def test_unknown_fields_warn_unless_told_otherwise():
    async def story(wire):
        found = []
        for name, validation in (("a", ""), ("b", "Ignore"), ("c", "Strict")):
            manifest = config_map(name) | {"surprise": 1}
            path = f"{MAPS}?fieldValidation={validation}"
            answer, _ = await wire.ask("POST", path, manifest)
            found.append((answer.status, answer.headers.get("Warning")))
        return found

    warning = '299 - "unknown field \\"surprise\\""'

    assert with_wire(story) == [(201, warning), (201, None), (400, None)]


def test_a_field_manager_is_named_or_taken_from_the_user_agent():
    async def story(wire):
        named = await wire.post(f"{MAPS}?fieldManager=me", config_map("a", x="1"))
        agent = await wire.post(MAPS, config_map("b", x="1"), User_Agent="tool/1.0 (linux)")
        return [each["metadata"]["managedFields"][0]["manager"] for each in (named, agent)]

    assert with_wire(story) == ["me", "tool"]


def test_status_and_scale_are_their_own_resources():
    async def story(wire):
        await wire.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", WIDGETS)
        base = "/apis/example.com/v1/namespaces/default/widgets"
        widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
        await wire.post(base, widget | {"spec": {"replicas": 1}})
        scale = await wire.get(f"{base}/w/scale")
        await wire.ask("PUT", f"{base}/w/scale", scale | {"spec": {"replicas": 4}})
        read = await wire.get(f"{base}/w")
        return scale["kind"], read["spec"]["replicas"]

    assert with_wire(story) == ("Scale", 4)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, 200),
        ({"Host": "localhost:1"}, 200),
        ({"Host": "demo.localhost"}, 200),
        ({"Host": "[::1]:80"}, 200),
        ({"Host": "evil.example.com"}, 403),
        ({"Origin": "https://evil.example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:1", "Host": "localhost:1"}, 200),
    ],
)
def test_web_pages_of_others_are_kept_out(headers, code):
    async def story(wire):
        return (await wire.ask("GET", MAPS, **headers))[0].status

    assert with_wire(story) == code
