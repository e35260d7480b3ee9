"""What the client sends, and what it makes of answers; against a scripted server."""

from __future__ import annotations

import asyncio
import sys

import pytest
from shell.wire import DROP, HANG, Answer, Stream, connected, serve, status

from rollouts import __version__
from rollouts.api.refs import CRD, LEASE, POD, REPLICA_SET, ROLLOUT, SERVICE, Kind, ObjectRef
from rollouts.kube.client import NoClusterError, connect
from rollouts.kube.cluster import PatchType
from rollouts.kube.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Gone,
    NotFound,
    Rejected,
    Unavailable,
    Unknown,
)
from rollouts.kube.rest import PAGE_SIZE

WEB = ObjectRef(ROLLOUT, "shop", "web")
MANIFEST = {"metadata": {"namespace": "shop", "name": "web"}}


def test_a_read_names_the_object_in_its_path(tmp_path):
    async def main():
        async with connected(tmp_path / "config") as (wire, cluster):
            wire.answers = [Answer(200, {"metadata": {"name": "web"}})]
            found = await cluster.get(WEB)
            return found, wire.asked

    found, (asked,) = asyncio.run(main())

    assert found == {"metadata": {"name": "web"}}
    assert asked.method == "GET"
    assert asked.path == "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/web"
    assert asked.headers["User-Agent"] == f"rollouts/{__version__}"


@pytest.mark.parametrize(
    ("ref", "path"),
    [
        (ObjectRef(SERVICE, "shop", "web"), "/api/v1/namespaces/shop/services/web"),
        (ObjectRef(CRD, "", "x.y"), "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x.y"),
        (ObjectRef(CRD, "shop", "x"), "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/x"),
        (ObjectRef(SERVICE, "a/b", "c:d e"), "/api/v1/namespaces/a%2Fb/services/c%3Ad%20e"),
    ],
)
def test_paths_follow_group_and_scope_and_escape_names(tmp_path, ref, path):
    async def main():
        async with connected(tmp_path / "config") as (wire, cluster):
            await cluster.get(ref)
            return wire.asked[0].path

    assert asyncio.run(main()) == path


def test_a_server_behind_a_path_keeps_it(tmp_path):
    async def main():
        async with serve() as wire:
            path = wire.kubeconfig(tmp_path / "config", server=f"{wire.url}/k8s/clusters/c-1/")
            async with await connect(kubeconfig=path) as cluster:
                await cluster.get(ObjectRef(SERVICE, "shop", "web"))
            return wire.asked[0].path

    assert asyncio.run(main()) == "/k8s/clusters/c-1/api/v1/namespaces/shop/services/web"


def test_every_write_says_who_we_are_and_what_it_is(tmp_path):
    async def main():
        async with connected(tmp_path / "config") as (wire, cluster):
            await cluster.create(MANIFEST, ROLLOUT)
            await cluster.patch(WEB, {"a": 1}, subresource="status")
            await cluster.patch(WEB, [{"op": "test"}], PatchType.JSON, dry_run=True)
            await cluster.apply(WEB, MANIFEST, field_manager="rollouts-gitops")
            await cluster.apply(WEB, MANIFEST, field_manager="m", force=False, dry_run=True)
            await cluster.update(WEB, MANIFEST)
            await cluster.delete(WEB, uid="u1", propagation="Foreground")
            await cluster.delete(WEB)
            await cluster.evict(ObjectRef(POD, "shop", "p"), uid="u2")
            return wire.asked

    create, patch, json, apply, dry, update, delete, bare, evict = asyncio.run(main())

    assert (create.method, create.query) == ("POST", {"fieldManager": "rollouts"})
    assert create.body == MANIFEST
    assert patch.path.endswith("/web/status")
    assert patch.headers["Content-Type"] == "application/merge-patch+json"
    assert json.headers["Content-Type"] == "application/json-patch+json"
    assert json.query == {"fieldManager": "rollouts", "dryRun": "All"}
    assert apply.headers["Content-Type"] == "application/apply-patch+yaml"
    assert apply.query == {"fieldManager": "rollouts-gitops", "force": "true"}
    assert dry.query == {"fieldManager": "m", "force": "false", "dryRun": "All"}
    assert (update.method, update.query) == ("PUT", {"fieldManager": "rollouts"})
    assert delete.body["preconditions"] == {"uid": "u1"}
    assert delete.body["propagationPolicy"] == "Foreground"
    assert "preconditions" not in bare.body
    assert evict.path == "/api/v1/namespaces/shop/pods/p/eviction"
    assert evict.body["deleteOptions"] == {"preconditions": {"uid": "u2"}}


async def _write(cluster):
    await cluster.patch(WEB, {})


async def _read(cluster):
    await cluster.get(WEB)


async def _apply(cluster):
    await cluster.patch(WEB, {}, PatchType.APPLY)


async def _json_patch(cluster):
    await cluster.patch(WEB, [], PatchType.JSON)


async def _create(cluster):
    await cluster.create(MANIFEST, ROLLOUT)


FAILED_FIELD = {"causes": [{"reason": "FieldValueInvalid", "field": "spec.replicas"}]}
TERMINATING = {"causes": [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]}
WEBHOOK = 'admission webhook "x.y" denied the request: no'
UNTYPABLE = (
    "failed to create typed patch object (shop/m; /v1, Kind=ConfigMap): .data.a: expected string"
)


@pytest.mark.parametrize(
    ("call", "answer", "error"),
    [
        (_read, status(404, "NotFound", 'rollouts "web" not found'), NotFound),
        (_read, Answer(404, b"404 page not found"), NotFound),
        (_read, status(401, "Unauthorized"), Forbidden),
        (_read, status(403, "Forbidden", "cannot get"), Forbidden),
        (_write, status(403, "Forbidden", WEBHOOK), Rejected),
        (_create, status(403, "Forbidden", "exceeded quota: compute"), Rejected),
        (_create, status(403, "Forbidden", "is being terminated", **TERMINATING), Rejected),
        (_create, status(409, "AlreadyExists"), AlreadyExists),
        (_write, status(409, "Conflict"), Conflict),
        (_read, status(410, "Expired"), Gone),
        (_write, status(400, "BadRequest"), Rejected),
        (_write, status(413, "RequestEntityTooLarge"), Rejected),
        (_write, status(415, "UnsupportedMediaType"), Rejected),
        (_write, status(422, "Invalid", **FAILED_FIELD), Rejected),
        (_write, status(422, "Invalid"), Rejected),
        (_json_patch, status(422, "Invalid"), Conflict),
        (_json_patch, status(422, "Invalid", **FAILED_FIELD), Rejected),
        (_read, status(429, "TooManyRequests"), Unavailable),
        (_write, status(429, "TooManyRequests"), Unavailable),
        (_read, status(500, "InternalError"), Unavailable),
        (_write, status(500, "InternalError"), Unknown),
        (_write, status(500, "", UNTYPABLE), Unknown),
        (_apply, status(500, "", UNTYPABLE), Rejected),
        (_apply, status(500, "InternalError"), Unknown),
        (_read, Answer(502, b"<html>bad gateway</html>"), Unavailable),
        (_write, Answer(502, b"<html>bad gateway</html>"), Unknown),
        (_write, status(503, "ServiceUnavailable"), Unavailable),
        (_write, Answer(503, b"no upstream"), Unknown),
        (_read, Answer(503, b"no upstream"), Unavailable),
        (_write, status(504, "Timeout"), Unknown),
        (_read, status(504, "Timeout"), Unavailable),
        (_write, Answer(599, b""), Unknown),
        (_read, Answer(302, b"", {"Location": "http://elsewhere/"}), Unavailable),
        (_read, Answer(200, b"<html>login</html>"), Unavailable),
        (_read, Answer(200, b"[]"), Unavailable),
        (_read, DROP, Unavailable),
        (_write, DROP, Unknown),
        (_create, DROP, Unknown),
        (_read, HANG, Unavailable),
        (_write, HANG, Unknown),
    ],
)
def test_every_failure_is_one_that_a_caller_can_act_on(tmp_path, call, answer, error):
    async def main():
        async with connected(tmp_path / "config", request_seconds_max=0.3) as (wire, cluster):
            # The second is for reads, which aiohttp repeats once on a connection that was dropped.
            wire.answers = [answer, answer]
            with pytest.raises(error) as caught:
                await call(cluster)
            return caught

    caught = asyncio.run(main())

    assert type(caught.value) is error
    assert "Rollout/shop/web" in str(caught.value)


def test_an_error_says_what_was_tried_and_what_the_server_said(tmp_path):
    async def main():
        async with connected(tmp_path / "config") as (wire, cluster):
            wire.answers = [status(422, "Invalid", 'spec.replicas: Invalid value: "x":\n no')]
            await cluster.patch(WEB, {}, subresource="status")

    with pytest.raises(Rejected) as caught:
        asyncio.run(main())

    assert (
        str(caught.value) == 'patch Rollout/shop/web/status: spec.replicas: Invalid value: "x": no'
    )


def test_an_endless_message_is_cut(tmp_path):
    async def main():
        async with connected(tmp_path / "config") as (wire, cluster):
            wire.answers = [status(400, "BadRequest", "x" * 100_000)]
            await cluster.get(WEB)

    with pytest.raises(Rejected) as caught:
        asyncio.run(main())

    assert len(str(caught.value)) < 2100


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (Answer(429, {}, {"Retry-After": "7"}), 7.0),
        (status(429, "TooManyRequests", retryAfterSeconds=3), 3.0),
        (Answer(429, {}, {"Retry-After": "soon"}), None),
        (Answer(429, {}, {"Retry-After": "-1"}), None),
        (Answer(429, b""), None),
        (Answer(503, {"reason": "ServiceUnavailable"}, {"Retry-After": "1"}), 1.0),
    ],
)
def test_the_servers_wish_for_a_pause_is_kept(tmp_path, answer, seconds):
    async def main():
        async with connected(tmp_path / "config") as (wire, cluster):
            wire.answers = [answer]
            with pytest.raises(Unavailable) as caught:
                await cluster.get(WEB)
            return caught.value.retry_after_seconds

    assert asyncio.run(main()) == seconds


def test_nobody_listening_means_that_nothing_happened(tmp_path):
    async def main():
        async with connected(tmp_path / "config", context="other") as (_, cluster):
            await cluster.create(MANIFEST, ROLLOUT)

    with pytest.raises(Unavailable, match=r"cannot connect to 127\.0\.0\.1:1: "):
        asyncio.run(main())


def test_writes_under_way_are_bounded_and_a_lease_does_not_wait_behind_them(tmp_path):
    async def main():
        async with connected(tmp_path / "config", in_flight_count_max=4) as (wire, cluster):
            wire.gate = asyncio.Event()
            writes = [asyncio.create_task(cluster.patch(WEB, {})) for _ in range(20)]
            await wire.until_busy(4)
            lease = asyncio.create_task(cluster.get(ObjectRef(LEASE, "shop", "l")))
            read = asyncio.create_task(cluster.get(WEB))
            await wire.until_busy(6)
            await asyncio.sleep(0.05)
            wire.gate.set()
            await asyncio.gather(lease, read, *writes)
            return wire.busy_max, len(wire.asked)

    assert asyncio.run(main()) == (6, 22)


def test_connections_are_used_again(tmp_path):
    async def main():
        peers = []
        async with connected(tmp_path / "config") as (wire, cluster):
            for _ in range(10):
                await cluster.get(WEB)
            session = cluster.transport.access.session()
            peers = [len(each) for each in session.connector._conns.values()]
            return len(wire.asked), peers

    assert asyncio.run(main()) == (10, [1])


def test_requests_are_counted_by_verb_resource_and_code(tmp_path):
    counted = []

    async def main():
        options = {"on_request": lambda *labels: counted.append(labels)}
        async with connected(tmp_path / "config", request_seconds_max=0.2, **options) as (
            wire,
            cluster,
        ):
            wire.answers = [Answer(), status(409, "Conflict"), HANG]
            await cluster.get(WEB)
            for _ in range(2):
                with pytest.raises((Conflict, Unknown)):
                    await cluster.patch(WEB, {}, subresource="status")

    asyncio.run(main())

    assert counted == [
        ("get", "rollouts", "200"),
        ("patch", "rollouts/status", "409"),
        ("patch", "rollouts/status", "lost"),
    ]


def page(names, version="100", token=""):
    items = [{"metadata": {"name": name, "namespace": "shop"}} for name in names]
    return Answer(
        200, {"metadata": {"resourceVersion": version, "continue": token}, "items": items}
    )


def test_a_list_is_read_in_pages_and_its_items_get_their_type(tmp_path):
    async def main():
        async with connected(tmp_path / "config") as (wire, cluster):
            wire.answers = [page("ab", token="t/1="), page("c")]
            found = await cluster.list(REPLICA_SET, "shop", label_selector="a=b,!c")
            return found, wire.asked

    found, (first, second) = asyncio.run(main())

    assert [item["metadata"]["name"] for item in found] == ["a", "b", "c"]
    assert found[0]["apiVersion"] == "apps/v1"
    assert found[0]["kind"] == "ReplicaSet"
    assert first.path == "/apis/apps/v1/namespaces/shop/replicasets"
    assert first.query == {"labelSelector": "a=b,!c", "limit": str(PAGE_SIZE)}
    assert second.query == {"labelSelector": "a=b,!c", "limit": str(PAGE_SIZE), "continue": "t/1="}


@pytest.mark.parametrize("items", [None, []])
def test_an_empty_list_is_empty(tmp_path, items):
    async def main():
        async with connected(tmp_path / "config") as (wire, cluster):
            wire.answers = [Answer(200, {"metadata": {"resourceVersion": "1"}, "items": items})]
            return await cluster.list(SERVICE)

    assert asyncio.run(main()) == []


def test_a_list_whose_snapshot_expired_is_read_again_in_one_piece(tmp_path):
    async def main():
        async with connected(tmp_path / "config") as (wire, cluster):
            wire.answers = [page("ab", token="t"), status(410, "Expired"), page("abc")]
            found = await cluster.list(SERVICE)
            return len(found), wire.asked[2].query

    assert asyncio.run(main()) == (3, {})


def test_only_metadata_is_asked_for_where_that_is_enough(tmp_path):
    async def main():
        async with connected(tmp_path / "config") as (wire, cluster):
            wire.answers = [page("a"), Stream([])]
            async for _ in cluster.pages(SERVICE, metadata_only=True):
                pass
            async for _ in cluster.watch(SERVICE, metadata_only=True):
                pass
            return [asked.headers["Accept"] for asked in wire.asked]

    listed, watched = asyncio.run(main())

    assert listed.startswith("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,")
    assert watched.startswith("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,")


def event(kind, name, version="1"):
    return b'{"type":"%s","object":{"metadata":{"name":"%s","resourceVersion":"%s"}}}\n' % (
        kind.encode(),
        name.encode(),
        version.encode(),
    )


def test_a_watch_reads_events_however_the_bytes_are_cut(tmp_path):
    whole = event("ADDED", "a") + event("MODIFIED", "b" * 100_000) + event("BOOKMARK", "", "9")

    async def main():
        async with connected(tmp_path / "config") as (wire, cluster):
            chunks = [whole[index : index + 40_001] for index in range(0, len(whole), 40_001)]
            wire.answers = [Stream([part for chunk in chunks for part in (chunk, 0.01)])]
            seen = [each async for each in cluster.watch(SERVICE, "shop", "a=b", "77")]
            return seen, wire.asked[0].query

    seen, query = asyncio.run(main())

    assert [kind for kind, _ in seen] == ["ADDED", "MODIFIED", "BOOKMARK"]
    assert len(seen[1][1]["metadata"]["name"]) == 100_000
    assert query == {
        "watch": "1",
        "allowWatchBookmarks": "true",
        "resourceVersion": "77",
        "labelSelector": "a=b",
    }


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (status(410, "Expired"), Gone),
        (Stream([b'{"type":"ERROR","object":{"kind":"Status","code":410}}\n']), Gone),
        (Stream([b'{"type":"ERROR","object":{"kind":"Status","code":500}}\n']), Unavailable),
        (Stream([b'{"type":"ERROR","object":{}}\n']), Unavailable),
        (Stream([b'{"type":"ADDED","obj\n']), Unavailable),
        (Stream([event("ADDED", "a"), 0.01, DROP]), Unavailable),
        (status(403, "Forbidden", "cannot watch"), Forbidden),
        (status(404, "NotFound"), NotFound),
        (DROP, Unavailable),
        (HANG, Unavailable),
    ],
)
def test_a_watch_that_fails_says_how(tmp_path, answer, error):
    async def main():
        async with connected(tmp_path / "config") as (wire, cluster):
            wire.answers = [answer, answer]
            async for _ in cluster.watch(SERVICE, inactivity_seconds_max=0.2):
                pass

    with pytest.raises(error):
        asyncio.run(main())


def test_a_silent_watch_ends_and_an_ended_one_is_no_error(tmp_path):
    async def main():
        async with connected(tmp_path / "config") as (wire, cluster):
            wire.answers = [Stream([event("ADDED", "a"), 5]), Stream([event("ADDED", "b")])]
            seen = []
            for _ in range(2):
                watch = cluster.watch(SERVICE, inactivity_seconds_max=0.1)
                seen.extend([each[1]["metadata"]["name"] async for each in watch])
            return seen

    assert asyncio.run(main()) == ["a", "b"]


RESOURCES = {
    "resources": [
        {"kind": "Widget", "name": "widgets", "namespaced": True},
        {"kind": "Widget", "name": "widgets/status", "namespaced": True},
        {"kind": "Fleet", "name": "fleets", "namespaced": False},
    ]
}


def test_a_kind_is_found_once_and_remembered(tmp_path):
    async def main():
        async with connected(tmp_path / "config") as (wire, cluster):
            wire.answers = [Answer(200, RESOURCES)]
            found = await asyncio.gather(
                cluster.discover("x.io/v1", "Widget"), cluster.discover("x.io/v1", "Fleet")
            )
            found.append(await cluster.discover("x.io/v1", "Widget"))
            return found, [asked.path for asked in wire.asked]

    found, paths = asyncio.run(main())

    assert found[0] == found[2] == Kind("x.io", "v1", "Widget", "widgets")
    assert found[1] == Kind("x.io", "v1", "Fleet", "fleets", namespaced=False)
    assert paths == ["/apis/x.io/v1"]


def test_a_kind_that_is_not_served_is_looked_up_again_next_time(tmp_path):
    async def main():
        async with connected(tmp_path / "config") as (wire, cluster):
            wire.answers = [status(404, "NotFound"), Answer(200, RESOURCES)]
            with pytest.raises(NotFound, match=r"Widget\.x\.io/v1 is not served"):
                await cluster.discover("x.io/v1", "Widget")
            return await cluster.discover("x.io/v1", "Widget")

    assert asyncio.run(main()).plural == "widgets"


def test_core_kinds_are_found_under_their_own_root(tmp_path):
    async def main():
        async with connected(tmp_path / "config") as (wire, cluster):
            wire.answers = [Answer(200, {"resources": []}), Answer(200, b"{]")]
            with pytest.raises(NotFound):
                await cluster.discover("v1", "Nothing")
            with pytest.raises(Unavailable):
                await cluster.discover("v1", "Nothing")
            return wire.asked[0].path

    assert asyncio.run(main()) == "/api/v1"


def test_a_refused_token_is_read_anew_and_the_request_repeated_once(tmp_path):
    token = tmp_path / "token"
    token.write_text("old")

    async def main():
        async with connected(tmp_path / "config", {"tokenFile": str(token)}) as (wire, cluster):
            wire.answers = [Answer(), status(401, "Unauthorized"), Answer()]
            await cluster.get(WEB)
            token.write_text("new")
            await cluster.create(MANIFEST, ROLLOUT)
            return [(asked.method, asked.headers["Authorization"]) for asked in wire.asked]

    assert asyncio.run(main()) == [
        ("GET", "Bearer old"),
        ("POST", "Bearer old"),
        ("POST", "Bearer new"),
    ]


def test_a_token_that_stays_refused_is_not_asked_for_again_and_again(tmp_path):
    counter = tmp_path / "runs"
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        f"open({str(counter)!r}, 'a').write('x')\n"
        'print(\'{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",'
        ' "status": {"token": "from-plugin"}}\')\n'
    )
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": [str(plugin)],
        }
    }

    async def main():
        async with connected(tmp_path / "config", user) as (wire, cluster):
            wire.answers = [status(401, "Unauthorized", "no")] * 10
            for _ in range(5):
                with pytest.raises(Forbidden):
                    await cluster.get(WEB)
            return wire.asked

    asked = asyncio.run(main())

    assert [each.headers["Authorization"] for each in asked] == ["Bearer from-plugin"] * 5
    assert counter.read_text() == "xx"


def test_a_context_can_be_chosen_and_one_that_is_not_there_is_named(tmp_path):
    async def main():
        async with connected(tmp_path / "config", context="nonsense"):
            pass

    with pytest.raises(NoClusterError, match="nonsense"):
        asyncio.run(main())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot use kubeconfig"),
        ("[]", "cannot use kubeconfig"),
        ("a: [", "cannot use kubeconfig"),
        ("current-context: x", "contexts"),
        ("{}", "cannot use kubeconfig"),
    ],
)
def test_a_broken_kubeconfig_is_reported_with_its_path(tmp_path, text, said):
    path = tmp_path / "config"
    path.write_text(text)

    with pytest.raises(NoClusterError, match=said) as caught:
        asyncio.run(connect(kubeconfig=str(path)))

    assert str(path) in str(caught.value)


def test_a_kubeconfig_that_is_not_there_is_reported(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(NoClusterError, match="there is no kubeconfig at /nowhere"):
        asyncio.run(connect(kubeconfig="/nowhere"))
    with pytest.raises(NoClusterError, match=r"no cluster: .* at ~/\.kube/config"):
        asyncio.run(connect())

    monkeypatch.setenv("KUBECONFIG", "/neither")
    with pytest.raises(NoClusterError, match=r"/neither \(from KUBECONFIG\)"):
        asyncio.run(connect())

    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    with pytest.raises(NoClusterError, match="service account"):
        asyncio.run(connect())


def test_kubeconfig_comes_from_the_environment_or_the_home_directory(tmp_path, monkeypatch):
    home = tmp_path / "home"
    (home / ".kube").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("KUBECONFIG", raising=False)

    async def main():
        async with serve() as wire:
            wire.kubeconfig(home / ".kube" / "config")
            async with await connect() as cluster:
                first = cluster.transport.access.server
            path = wire.kubeconfig(tmp_path / "b", server="http://b.example/")
            monkeypatch.setenv("KUBECONFIG", f"/nowhere:{path}")
            async with await connect() as cluster:
                return first == wire.url, cluster.transport.access.server

    assert asyncio.run(main()) == (True, "http://b.example")


def test_the_server_version_is_read(tmp_path):
    async def main():
        async with connected(tmp_path / "config") as (wire, cluster):
            wire.answers = [Answer(200, {"gitVersion": "v1.34.1"})]
            return await cluster.version()

    assert asyncio.run(main()) == "v1.34.1"


GROUPS = {
    "kind": "APIGroupList",
    "groups": [{"name": "apps", "versions": [{"groupVersion": "apps/v1", "version": "v1"}]}],
}
DEPLOYMENTS = [
    {"resource": "deployments", "responseKind": {"group": "", "version": "", "kind": "Deployment"}}
]
AGGREGATED = {
    "kind": "APIGroupDiscoveryList",
    "items": [
        {
            "metadata": {"name": "apps"},
            "versions": [{"version": "v1", "resources": DEPLOYMENTS}, {"version": "v1beta1"}],
        }
    ],
}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (GROUPS, ("apps/v1",)),
        (AGGREGATED, ("apps/v1", "apps/v1/Deployment", "apps/v1beta1")),
        ({}, ()),
    ],
    ids=["groups", "aggregated", "nothing"],
)
def test_what_is_served_is_told_with_kinds_where_the_server_lists_them(tmp_path, answer, told):
    async def main():
        async with connected(tmp_path / "config") as (wire, cluster):
            wire.answers = [Answer(200, answer)]
            return await cluster.api_versions(), wire.asked

    found, (asked,) = asyncio.run(main())

    assert found == told
    assert asked.path == "/apis"
    assert asked.headers["Accept"].startswith("application/json;g=apidiscovery.k8s.io;v=v2;")


def test_an_answer_about_what_is_served_that_makes_no_sense_is_no_answer(tmp_path):
    async def main():
        async with connected(tmp_path / "config") as (wire, cluster):
            wire.answers = [Answer(200, {"items": [{"versions": 5}]})]
            with pytest.raises(Unavailable, match="cannot read the answer"):
                await cluster.api_versions()

    asyncio.run(main())
