"""What is wrong with a canary's `trafficRouting` and the Services it needs."""

from __future__ import annotations

from collections.abc import Iterator

from rollouts.api.names import is_label_key, is_service_name, is_subdomain
from rollouts.api.problems import Finding
from rollouts.api.spot import Spot
from rollouts.api.traffic import ROUTERS, WEIGHT_TOTAL

_HEADER_ROUTERS = ("istio", "alb", "apisix", "plugins")
_MIRROR_ROUTERS = ("istio", "plugins")
_PING_PONG_ROUTERS = ("alb", "istio", "plugins")


def routers_in(routing: Spot) -> tuple[Spot, ...]:
    """Return the places of the routers that a `trafficRouting` block asks for."""
    return tuple(routing.at(name) for name in ROUTERS if routing.at(name).given)


def weight_max(canary: Spot) -> int:
    """Return the weight that means all traffic; 100 where nothing valid says otherwise."""
    return canary.at("trafficRouting", "maxTrafficWeight").number or WEIGHT_TOTAL


def traffic_findings(canary: Spot) -> Iterator[Finding]:
    """Yield what is wrong with Services and router of a canary strategy."""
    routing = canary.at("trafficRouting")
    yield from _service_findings(canary, routing)
    if canary.at("pingPong").given:
        yield from _ping_pong_findings(canary, routing)
    if not routing.given:
        return
    if isinstance(routing.value, dict) and not routers_in(routing):
        yield routing.wrong("must name a router, such as nginx, or be left out")
    if routing.at("nginx").given:
        yield from _nginx_findings(routing.at("nginx"))
    if routing.at("maxTrafficWeight").given:
        yield from _weight_total_findings(routing)


def route_step_findings(canary: Spot) -> Iterator[Finding]:
    """Yield what is wrong with the steps that set header and mirror routes."""
    routing = canary.at("trafficRouting")
    managed = [route.at("name").text for route in routing.at("managedRoutes").each()]
    for step in canary.at("steps").each():
        for kind, able in (
            ("setHeaderRoute", _HEADER_ROUTERS),
            ("setMirrorRoute", _MIRROR_ROUTERS),
        ):
            route = step.at(kind)
            if not route.given:
                continue
            if not any(routing.at(router).given for router in able):
                yield route.wrong(
                    f"{kind[0].upper()}{kind[1:]} requires TrafficRouting, by {' or '.join(able)}"
                )
            name = route.at("name")
            if name.text and name.text not in managed:
                yield name.wrong(
                    "Steps define a route that does not exist in "
                    "spec.strategy.canary.trafficRouting.managedRoutes; add it there"
                )
        yield from _match_findings(step)


def _service_findings(canary: Spot, routing: Spot) -> Iterator[Finding]:
    """Yield what is wrong with the names of the two Services."""
    stable, canary_service = canary.at("stableService"), canary.at("canaryService")
    for service in (stable, canary_service):
        if service.text and not is_service_name(service.text):
            yield service.wrong(
                "is no valid name of a Service; use lower-case letters, digits and '-', "
                "at most 63, beginning with a letter"
            )
        if not service.text and _needs_services(canary, routing):
            yield service.missing(
                "Canary service and Stable service must be set to use Traffic Routing; "
                "name the Service here"
            )
    if stable.text and stable.text == canary_service.text:
        yield canary_service.wrong(
            "This rollout uses the same service for the stable and canary services, "
            "but two different services are required"
        )


def _needs_services(canary: Spot, routing: Spot) -> bool:
    """Return whether a router is asked for that splits between two Services."""
    if not routing.given or canary.at("pingPong").given:
        return False
    by_subset = routing.at("istio", "destinationRule").given
    return any(
        router.key != "plugins" and not (router.key == "istio" and by_subset)
        for router in routers_in(routing)
    )


def _ping_pong_findings(canary: Spot, routing: Spot) -> Iterator[Finding]:
    """Yield what is wrong with the two Services that take turns."""
    ping = canary.at("pingPong", "pingService")
    pong = canary.at("pingPong", "pongService")
    for service in (ping, pong):
        if not service.text:
            yield service.missing(
                "Ping service and Pong service must be set to use Ping-Pong feature"
            )
    if ping.text and ping.text == pong.text:
        yield pong.wrong(
            "This rollout uses the same service for the ping and pong services, "
            "but two different services are required"
        )
    if not any(routing.at(router).given for router in _PING_PONG_ROUTERS):
        yield canary.at("pingPong").wrong("Ping-pong feature works with alb, istio and plugins")
    if routing.at("alb").given and not routing.at("alb", "rootService").text:
        yield routing.at("alb", "rootService").missing(
            "Root service field is required for the configuration with ALB and ping-pong "
            "feature enabled"
        )


def _nginx_findings(nginx: Spot) -> Iterator[Finding]:
    """Yield what is wrong with the block of ingress-nginx."""
    one, several = nginx.at("stableIngress"), nginx.at("stableIngresses")
    names = [one] if one.text else []
    names += list(several.each())
    if not names:
        yield one.missing("name the Ingress that routes to the stable Service")
    if one.text and list(several.each()):
        yield several.wrong("stableIngress and stableIngresses cannot both be set; keep one")
    seen: list[str] = []
    for name in names:
        if not is_subdomain(name.text) and isinstance(name.value, str):
            yield name.wrong("is no valid name of an Ingress")
        elif name.text in seen:
            yield name.wrong("stands here twice; name each Ingress once")
        seen.append(name.text)
    prefix = nginx.at("annotationPrefix")
    if prefix.text and not is_subdomain(prefix.text):
        yield prefix.wrong("is no valid annotation prefix; write a DNS name, without a slash")
    for block in ("additionalIngressAnnotations", "canaryIngressAnnotations"):
        for annotation in nginx.at(block).entries():
            if not is_label_key(annotation.key):
                yield annotation.wrong("is no valid annotation key")


def _weight_total_findings(routing: Spot) -> Iterator[Finding]:
    """Yield what is wrong with `maxTrafficWeight`."""
    total = routing.at("maxTrafficWeight")
    if not routing.at("nginx").given and not routing.at("plugins").given:
        yield total.wrong(
            "Canary maxTrafficWeight in traffic routing only support in Nginx and Plugins; "
            "leave it out"
        )
    elif total.number is not None and total.number < WEIGHT_TOTAL:
        yield total.wrong("must be 100 or more; ingress-nginx has no coarser weights")


def _match_findings(step: Spot) -> Iterator[Finding]:
    """Yield string matches of a route step without exactly one way of matching."""
    matches = [match.at("headerValue") for match in step.at("setHeaderRoute", "match").each()]
    for match in step.at("setMirrorRoute", "match").each():
        matches += [match.at("method"), match.at("path"), *match.at("headers").entries()]
    for match in matches:
        ways = [way for way in ("exact", "prefix", "regex") if match.at(way).text]
        if isinstance(match.value, dict) and len(ways) != 1:
            yield match.wrong(
                "StringMatch match value must have exactly one of the following: "
                "exact, regex, prefix"
            )
