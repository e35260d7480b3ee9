"""The providers' documentation: each of its examples measures something."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
import yaml
from aiohttp import web
from providers_world import made, query, serving

from rollouts.metric_providers.prometheus import PrometheusProvider
from rollouts.metric_providers.web import WebProvider

PAGE = Path(__file__).parents[2] / "docs" / "metric-providers.md"
EXAMPLES = re.findall(r"```yaml\n(provider:\n.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
MAKERS = {"prometheus": PrometheusProvider, "web": WebProvider}


async def answer(request):
    """Answer as the servers of the examples do."""
    form = await request.post()
    if request.path == "/token":
        return web.json_response({"access_token": "granted-to-us", "expires_in": 60})
    if request.path == "/api/v1/query_range":
        row = {"metric": {}, "values": [[float(form["end"]), "0.5"]]}
    elif request.path == "/api/v1/query":
        row = {"metric": {}, "value": [float(form["time"]), "0.5"]}
    elif request.path == "/search":
        assert request.headers["Authorization"] == "Bearer granted-to-us"
        assert await request.json() == {"service": "web", "minutes": 5}
        return web.json_response(
            {"rows": [{"code": 200, "share": 0.5}, {"code": 500, "share": 0.1}]}
        )
    else:
        assert request.headers["Authorization"] == "Bearer my-own-token"
        return web.json_response({"data": {"rate": 0.1, "service": request.query["service"]}})
    kind = "matrix" if "values" in row else "vector"
    return web.json_response({"status": "success", "data": {"resultType": kind, "result": [row]}})


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_measures(text):
    async def ask(url):
        local = re.sub(r"https?://[a-z.]+(?::\d+)?", url, text)
        local = local.replace("{{args.service}}", "web").replace("{{args.token}}", "my-own-token")
        [(name, config)] = yaml.safe_load(local)["provider"].items()
        async with made(MAKERS[name]) as provider:
            return await provider.sample(query(config, secrets=("my-own-token",)))

    async def run():
        async with serving(answer) as url:
            return await ask(url)

    found = asyncio.run(run())

    assert found.gaps == ()
    assert found.result in ((0.5,), 0.1)


def test_the_page_has_examples_of_each_provider():
    named = {next(iter(yaml.safe_load(text)["provider"])) for text in EXAMPLES}

    assert (len(EXAMPLES), named) == (5, set(MAKERS))
