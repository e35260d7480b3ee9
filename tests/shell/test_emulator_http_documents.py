"""Forms of answers, discovery, OpenAPI, probes and reviews."""

from __future__ import annotations

import asyncio
import json

import pytest
from shell.emulator_wire import MAPS, PROTOBUF, TABLE, WIDGETS, config_map, with_wire

from rollouts.emulator.actors import KeyedActor


def test_a_table_has_columns_and_partial_objects():
    async def story(wire):
        await wire.post(MAPS, config_map(x="1"))
        return await wire.get(MAPS, Accept=TABLE), await wire.get(
            f"{MAPS}/a?includeObject=Object", Accept=TABLE
        )

    listed, one = with_wire(story)

    assert [column["name"] for column in listed["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert listed["rows"][0]["cells"][:2] == ["a", 1]
    assert listed["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    assert one["rows"][0]["object"]["data"] == {"x": "1"}


def test_metadata_alone_can_be_asked_for():
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

    async def story(wire):
        await wire.post(MAPS, config_map(x="1"))
        return await wire.get(MAPS, Accept=accept)

    listed = with_wire(story)

    assert listed["kind"] == "PartialObjectMetadataList"
    assert "data" not in listed["items"][0]


def test_a_client_that_prefers_protobuf_gets_json():
    async def story(wire):
        answer, _ = await wire.ask("GET", MAPS, Accept=f"{PROTOBUF},application/json")
        return answer.content_type

    assert with_wire(story) == "application/json"


def test_a_protobuf_body_is_read():
    # kubectl create configmap a --from-literal=x=1, as kubectl 1.33 sends it.
    metadata = b"\x0a\x01a"
    config = b"\x0a" + bytes([len(metadata)]) + metadata + b"\x12\x06\x0a\x01x\x12\x011"
    typed = b"\x0a\x0f\x0a\x02v1\x12\x09ConfigMap"
    body = b"k8s\x00" + typed + b"\x12" + bytes([len(config)]) + config

    async def story(wire):
        made = await wire.post(MAPS, body, content_type=PROTOBUF)
        broken, _ = await wire.ask("POST", MAPS, body[:-2], content_type=PROTOBUF)
        foreign, _ = await wire.ask("POST", MAPS, b"hello", content_type=PROTOBUF)
        return made["data"], broken.status, foreign.status

    assert with_wire(story) == ({"x": "1"}, 400, 400)


def test_discovery_comes_in_both_forms():
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"

    async def story(wire):
        answer, aggregated = await wire.ask("GET", "/apis", Accept=accept)
        return (
            answer.headers["Content-Type"],
            aggregated,
            await wire.get("/apis"),
            await wire.get("/apis/apps"),
            await wire.get("/apis/apps/v1"),
            await wire.get("/api"),
        )

    media, aggregated, plain, group, resources, core = with_wire(story)

    assert "as=APIGroupDiscoveryList" in media
    assert {item["metadata"]["name"] for item in aggregated["items"]} == {
        item["name"] for item in plain["groups"]
    }
    assert group["preferredVersion"]["version"] == "v1"
    assert core["versions"] == ["v1"]
    named = {each["name"]: each for each in resources["resources"]}
    assert named["deployments"]["shortNames"] == ["deploy"]
    assert (named["deployments/scale"]["group"], named["deployments/scale"]["kind"]) == (
        "autoscaling",
        "Scale",
    )


def test_definitions_appear_in_discovery_at_once():
    async def story(wire):
        before = (await wire.ask("GET", "/apis/example.com/v1"))[0].status
        await wire.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", WIDGETS)
        after = await wire.get("/apis/example.com/v1")
        await wire.ask(
            "DELETE", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.example.com"
        )
        gone = (await wire.ask("GET", "/apis/example.com/v1"))[0].status
        return before, [each["name"] for each in after["resources"]], gone

    assert with_wire(story) == (404, ["widgets", "widgets/scale", "widgets/status"], 404)


def test_documents_that_did_not_change_are_not_sent_again():
    async def story(wire):
        first, _ = await wire.ask("GET", "/openapi/v3")
        again, _ = await wire.ask("GET", "/openapi/v3", If_None_Match=first.headers["ETag"])
        await wire.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", WIDGETS)
        changed, _ = await wire.ask("GET", "/openapi/v3", If_None_Match=first.headers["ETag"])
        return first.status, again.status, changed.status

    assert with_wire(story) == (200, 304, 200)


def test_every_version_has_an_openapi_document_whose_references_hold():
    async def story(wire):
        await wire.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", WIDGETS)
        index = await wire.get("/openapi/v3")
        return {
            path: await wire.get(entry["serverRelativeURL"])
            for path, entry in index["paths"].items()
        }

    documents = with_wire(story)

    assert {"api/v1", "apis/apps/v1", "apis/example.com/v1"} <= set(documents)
    for document in documents.values():
        text = json.dumps(document)
        schemas = document["components"]["schemas"]
        references = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
        assert references <= set(schemas)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/livez", "/readyz/ping"])
def test_probes_are_answered(path):
    async def story(wire):
        return await wire.get(path)

    assert with_wire(story) == "ok"


class Failing(KeyedActor):
    """An actor with a bug."""

    @property
    def is_pending(self):
        return False

    def step(self, now):
        raise ZeroDivisionError("oops")


def test_actors_that_fail_make_the_probes_fail(caplog):
    async def story(wire):
        await asyncio.sleep(0)
        answer, text = await wire.ask("GET", "/readyz")
        return answer.status, text

    code, text = with_wire(story, actors=(Failing(),))

    assert code == 500
    assert "ZeroDivisionError" in text
    assert "the actors of the embedded cluster stopped" in caplog.text


def test_everybody_is_allowed_everything():
    async def story(wire):
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        allowed = await wire.post(path, {"spec": {"resourceAttributes": {"verb": "get"}}})
        who = await wire.post(
            "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, Authorization="Bearer ann"
        )
        return allowed["status"]["allowed"], who["status"]["userInfo"]["username"]

    assert with_wire(story) == (True, "ann")
