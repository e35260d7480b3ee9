import pytest
from unit.emulator.actor_world import World, pod, seconds

from rollouts.emulator.actors import NEVER_READY, IngressController, Runs


def service(name="web", **spec):
    return {
        "metadata": {"name": name},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]} | spec,
    }


def subsets(world, name="web"):
    return world.get("endpoints", name).get("subsets", [])


def endpoints(world):
    return [each for part in world.all("endpointslices") for each in part["endpoints"]]


def test_ready_pods_are_published_in_both_forms():
    world = World()
    world.create("services", service())
    world.create("pods", pod("a"))
    world.create("pods", pod("b"))
    world.settle()
    addresses = [each["ip"] for each in subsets(world)[0]["addresses"]]

    assert addresses == ["10.244.0.1", "10.244.0.2"]
    assert subsets(world)[0]["ports"] == [{"port": 80, "protocol": "TCP"}]
    assert [each["addresses"][0] for each in endpoints(world)] == addresses
    assert all(each["conditions"]["ready"] for each in endpoints(world))


def test_a_service_without_pods_has_an_empty_slice():
    world = World()
    world.create("services", service())
    world.settle()

    assert subsets(world) == []
    assert [part["endpoints"] for part in world.all("endpointslices")] == [[]]


def test_pods_that_are_not_ready_are_told_apart():
    world = World({"web:1": Runs(ready_after=seconds(5))})
    world.create("services", service())
    world.create("pods", pod())
    world.settle()
    before = subsets(world)[0]
    world.after(5)

    assert "addresses" not in before
    assert len(before["notReadyAddresses"]) == 1
    assert len(subsets(world)[0]["addresses"]) == 1


def test_a_service_may_publish_pods_that_are_not_ready():
    world = World(default=NEVER_READY)
    world.create("services", service(publishNotReadyAddresses=True))
    world.create("pods", pod())
    world.settle()

    assert len(subsets(world)[0]["addresses"]) == 1


def test_a_changed_selector_moves_the_service():
    world = World()
    world.create("services", service())
    world.create("pods", pod("a", app="web"))
    world.create("pods", pod("b", app="next"))
    world.settle()
    world.patch("services", "web", {"spec": {"selector": {"app": "next"}}})
    world.settle()

    assert [each["targetRef"]["name"] for each in endpoints(world)] == ["b"]


def test_a_pod_that_loses_its_labels_leaves_the_service():
    world = World()
    world.create("services", service())
    world.create("pods", pod())
    world.settle()
    world.patch("pods", "web", {"metadata": {"labels": None}})
    world.settle()

    assert endpoints(world) == []


def test_all_pairs_of_a_selector_must_match():
    world = World()
    world.create("services", service(selector={"app": "web", "hash": "1"}))
    for name, number in (("a", "1"), ("b", "2")):
        manifest = pod(name)
        manifest["metadata"]["labels"]["hash"] = number
        world.create("pods", manifest)
    world.settle()

    assert [each["targetRef"]["name"] for each in endpoints(world)] == ["a"]


def test_a_terminating_pod_serves_but_is_not_ready():
    world = World(termination=seconds(5))
    world.create("services", service())
    world.create("pods", pod())
    world.settle()
    world.delete("pods", "web")
    world.settle()
    conditions = endpoints(world)[0]["conditions"]
    world.after(5)

    assert conditions == {"ready": False, "serving": True, "terminating": True}
    assert subsets(world) == []
    assert endpoints(world) == []


def test_ports_are_resolved_by_name_on_each_pod():
    world = World()
    world.create("services", service(ports=[{"port": 80, "targetPort": "http", "name": "web"}]))
    for name, number in (("a", 8080), ("b", 9090)):
        ports = [{"name": "http", "containerPort": number}]
        containers = [{"name": "main", "image": "web:1", "ports": ports}]
        world.create("pods", pod(name, containers=containers))
    world.settle()
    found = {
        subset["addresses"][0]["targetRef"]["name"]: subset["ports"] for subset in subsets(world)
    }

    assert found == {
        "a": [{"name": "web", "port": 8080, "protocol": "TCP"}],
        "b": [{"name": "web", "port": 9090, "protocol": "TCP"}],
    }


@pytest.mark.parametrize(("count", "slices"), [(99, [99]), (100, [100]), (101, [100, 1])])
def test_a_slice_holds_a_hundred_endpoints(count, slices):
    world = World()
    world.create("services", service())
    for index in range(count):
        world.create("pods", pod(f"p{index:03}"))
    world.settle()
    sizes = sorted((len(part["endpoints"]) for part in world.all("endpointslices")), reverse=True)

    assert sizes == slices


def test_surplus_slices_are_removed():
    world = World()
    world.create("services", service())
    for index in range(101):
        world.create("pods", pod(f"p{index:03}"))
    world.settle()
    world.delete("pods", "p000")
    world.settle()

    assert len(world.all("endpointslices")) == 1


def test_a_service_without_a_selector_is_left_to_its_owner():
    world = World()
    world.create("services", service(selector=None))
    hand_made = {"metadata": {"name": "web"}, "subsets": [{"addresses": [{"ip": "10.9.9.9"}]}]}
    world.create("endpoints", hand_made)
    world.settle()

    assert subsets(world) == [{"addresses": [{"ip": "10.9.9.9"}]}]
    assert world.all("endpointslices") == []


def test_endpoints_go_with_their_service():
    world = World()
    world.create("services", service())
    world.settle()
    world.delete("services", "web")
    world.settle()

    assert world.all("endpoints") + world.all("endpointslices") == []


def test_a_hand_edited_result_is_repaired():
    world = World()
    world.create("services", service())
    world.create("pods", pod())
    world.settle()
    world.patch("endpoints", "web", {"subsets": None})
    name = world.names("endpointslices")[0]
    world.delete("endpointslices", name)
    world.settle()

    assert len(subsets(world)[0]["addresses"]) == 1
    assert len(endpoints(world)) == 1


def test_a_pod_that_only_restarts_costs_no_write():
    world = World()
    world.create("services", service())
    world.create("pods", pod())
    world.settle()
    world.writes.clear()
    world.patch("pods", "web", {"metadata": {"annotations": {"note": "x"}}})
    world.settle()

    assert [record.rt.plural for record in world.writes] == ["pods"]


def ingress(name="web"):
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    return {"metadata": {"name": name}, "spec": {"defaultBackend": backend}}


def test_ingresses_and_load_balancers_get_an_address():
    world = World(actors=lambda server: (IngressController(server, address="192.0.2.1"),))
    world.create("ingresses", ingress())
    world.create("services", service("public", type="LoadBalancer"))
    world.create("services", service("private"))
    world.settle()
    published = {"ingress": [{"ip": "192.0.2.1"}]}

    assert world.status("ingresses", "web")["loadBalancer"] == published
    balancer = world.status("services", "public")["loadBalancer"]["ingress"][0]
    assert balancer["ip"] == "192.0.2.1"
    assert world.status("services", "private")["loadBalancer"] == {}


def test_an_address_that_is_there_stays():
    world = World(actors=lambda server: (IngressController(server),))
    world.create("ingresses", ingress())
    taken = {"status": {"loadBalancer": {"ingress": [{"hostname": "lb.example.com"}]}}}
    world.patch("ingresses", "web", taken, subresource="status")
    world.settle()

    assert world.status("ingresses", "web") == taken["status"]
