"""Charts, rendered by helm: what it is asked, what it may read, and what comes of its answer.

The tests marked `helm` run the real program; the others look at what it would be asked.
"""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest
from programs import HELM, needs_helm

from rollouts.gitops.model import Family
from rollouts.gitops.process import Completed
from rollouts.gitops.render import Renderer, RenderError, RenderOptions
from rollouts.gitops.render.chart import Capabilities, ChartOptions, Parameter, escaped

CHART = """
apiVersion: v2
name: shop
version: 1.0.0
"""
TEMPLATE = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
  namespace: {{ .Release.Namespace }}
data:
  color: {{ .Values.color | quote }}
"""
FILES = {
    "chart/Chart.yaml": CHART,
    "chart/values.yaml": "color: red\n",
    "chart/templates/settings.yaml": TEMPLATE,
}
ANSWER = b"""---
# Source: shop/templates/settings.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
---
# Source: shop/templates/settings.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: two}
"""


def options(**chart):
    wanted = ChartOptions(release="web", namespace="shop", **chart)
    return RenderOptions(Family.APPLICATION, chart=wanted)


class Asked:
    """A program that answers what it is told to, and remembers what it was asked."""

    def __init__(self, desk, *, answer=ANSWER, stderr=b"", returncode=0, served=None):
        self.completed = Completed(returncode, answer, stderr)
        self.commands = []
        self.files = {}

        async def capabilities():
            return served or Capabilities()

        self.desk = desk
        self.renderer = Renderer(
            desk.work, run=self.run, which=lambda name: os.devnull, capabilities=capabilities
        )

    async def run(self, command):
        self.commands.append(command)
        folder = Path(command.directory)
        self.files = {
            str(path.relative_to(folder)): path.read_text()
            for path in folder.parent.rglob("*")
            if path.is_file() and folder in path.parents
        }
        own = folder.parent / "values-of-application.yaml"
        self.files["own"] = own.read_text()
        return self.completed

    def render(self, **chart):
        work = self.renderer.render(self.desk.tree(), "chart", options(**chart))
        return asyncio.run(work)

    @property
    def argv(self):
        return list(self.commands[-1].argv[1:])


@pytest.fixture
def asked(desk):
    desk.write(FILES)
    return Asked(desk)


class TestAsking:
    def test_release_chart_and_namespace_are_told(self, asked):
        asked.render()

        assert asked.argv == ["template", "web", "./chart", "--namespace", "shop", "--include-crds"]

    def test_values_win_in_the_order_of_the_peer(self, asked):
        asked.desk.write({"chart/prod.yaml": "color: blue\n"})
        asked.render(
            value_files=("prod.yaml",),
            values="color: green\n",
            parameters=(Parameter("a", "1,2"), Parameter("b", "1", is_text=True)),
            file_parameters=(("c", "values.yaml"),),
        )

        assert asked.argv[6:] == [
            *("--values", "chart/prod.yaml", "--values", "../values-of-application.yaml"),
            *("--set", "a=1\\,2", "--set-string", "b=1", "--set-file", "c=chart/values.yaml"),
        ]
        assert asked.files["own"] == "color: green\n"

    def test_what_is_to_be_skipped_is_told(self, asked):
        asked.render(skips_crds=True, skips_tests=True, skips_schema=True)

        assert asked.argv[5:] == ["--skip-tests", "--skip-schema-validation"]

    def test_charts_are_told_what_the_cluster_serves(self, desk):
        desk.write(FILES)
        asked = Asked(desk, served=Capabilities("v1.36.3", ("a/v1", "b/v1")))
        asked.render(api_versions=("c/v1", "a/v1"))
        told = ["--kube-version", "v1.36.3"]
        told += [word for each in ("a/v1", "b/v1", "c/v1") for word in ("--api-versions", each)]
        assert asked.argv[6:] == told

        asked.render(kube_version="1.30.0")
        assert asked.argv[6:8] == ["--kube-version", "1.30.0"]

    def test_only_what_the_chart_is_made_of_is_there(self, asked):
        asked.desk.write({"secret.yaml": "a: b\n", "values/prod.yaml": "color: blue\n"})
        asked.render(value_files=("../values/prod.yaml",))

        assert sorted(asked.files) == sorted([*FILES, "own", "values/prod.yaml"])
        assert asked.commands[0].env["KUBECONFIG"] == os.devnull
        assert asked.commands[0].env["HTTPS_PROXY"].startswith("http://127.0.0.1:")

    def test_links_are_replaced_by_what_they_lead_to(self, asked):
        asked.desk.write({"common/all.yaml": "a: b\n", "common/deep/one.yaml": "c: d\n"})
        (asked.desk.root / "chart/files").symlink_to("../common")
        asked.render()

        assert asked.files["chart/files/all.yaml"] == "a: b\n"
        assert asked.files["chart/files/deep/one.yaml"] == "c: d\n"

    def test_links_that_multiply_without_a_file_come_to_an_end(self, asked):
        (asked.desk.root / "chart/loop").mkdir()
        for name in ("one", "two"):
            (asked.desk.root / "chart/loop" / name).symlink_to(".")

        with pytest.raises(RenderError, match="more than 20000 files"):
            asked.render()

    def test_charts_of_the_same_repository_are_put_where_helm_looks(self, asked):
        dependency = "dependencies: [{name: %s, version: 1.0.0, repository: 'file://%s'}]\n"
        asked.desk.write(
            {
                "chart/Chart.yaml": CHART + dependency % ("lib", "../lib"),
                "lib/Chart.yaml": "name: lib\n" + dependency % ("base", "../base"),
                "base/Chart.yaml": "name: base\n",
            }
        )
        asked.render()

        assert asked.files["chart/charts/lib/Chart.yaml"].startswith("name: lib")
        assert asked.files["chart/charts/lib/charts/base/Chart.yaml"] == "name: base\n"

    def test_what_is_vendored_stays_as_it_is(self, asked):
        dependency = "dependencies: [{name: lib, version: 1.0.0, repository: 'file://../lib'}]\n"
        asked.desk.write(
            {
                "chart/Chart.yaml": CHART + dependency,
                "chart/charts/lib/Chart.yaml": "name: vendored\n",
                "lib/Chart.yaml": "name: lib\n",
            }
        )
        asked.render()

        assert asked.files["chart/charts/lib/Chart.yaml"] == "name: vendored\n"

    @pytest.mark.parametrize(
        ("value", "told"),
        [("a,b", "a\\,b"), ("a\\,b", "a\\,b"), ("{a,b}", "{a,b}"), ("", ""), ("a", "a")],
    )
    def test_a_comma_is_no_separator(self, value, told):
        assert escaped(value) == told


class TestValueFiles:
    def test_a_glob_names_files_in_order(self, asked):
        asked.desk.write({"chart/v/b.yaml": "", "chart/v/a.yaml": "", "chart/v/c.txt": ""})
        asked.render(value_files=("v/*.yaml",))

        assert asked.argv[6:] == ["--values", "chart/v/a.yaml", "--values", "chart/v/b.yaml"]

    @pytest.mark.parametrize(
        ("file", "why"),
        [
            ("missing.yaml", "does not exist"),
            ("../../outside.yaml", "leads out of the repository"),
            ("none-*.yaml", "matches no file"),
            ("$values/prod.yaml", "is in another source"),
            ("https://example.com/values.yaml", "is not in this repository"),
        ],
    )
    def test_one_that_cannot_be_had_is_named(self, asked, file, why):
        with pytest.raises(RenderError, match=why) as raised:
            asked.render(value_files=(file,))

        assert repr(file) in str(raised.value)
        assert asked.commands == []

    def test_one_that_may_be_missing_is_read_when_it_comes(self, asked):
        wanted = {"value_files": ("later.yaml", "e-*.yaml"), "ignores_missing_value_files": True}
        asked.render(**wanted)
        assert "--values" not in asked.argv
        asked.render(**wanted)
        assert len(asked.commands) == 1

        asked.desk.write({"chart/later.yaml": "color: late\n"})
        asked.render(**wanted)
        assert asked.argv[6:] == ["--values", "chart/later.yaml"]


class TestAnswers:
    def test_documents_bear_the_names_of_their_templates(self, asked):
        found = asked.render().objects

        assert [each.where for each in found] == [
            "chart/templates/settings.yaml document 1",
            "chart/templates/settings.yaml document 2",
        ]
        assert [each.manifest["metadata"]["name"] for each in found] == ["one", "two"]

    def test_a_chart_that_declares_nothing_is_no_error(self, desk):
        desk.write(FILES)

        assert Asked(desk, answer=b"").render().objects == ()

    def test_what_helm_says_names_the_chart_and_no_path_of_this_machine(self, desk):
        desk.write(FILES)
        asked = Asked(desk, answer=b"", stderr=b"Error: template: no such value", returncode=1)

        with pytest.raises(RenderError) as raised:
            asked.render()
        assert str(raised.value) == "chart: template: no such value"

    def test_a_missing_dependency_comes_with_the_remedy(self, desk):
        desk.write(FILES)
        said = b"Error: found in Chart.yaml, but missing in charts/ directory: redis"
        asked = Asked(desk, answer=b"", stderr=said, returncode=1)

        with pytest.raises(RenderError, match="redis; commit them there"):
            asked.render()

    def test_the_same_chart_is_rendered_once(self, asked):
        asked.render()
        asked.desk.write({"elsewhere.yaml": "a: b\n"})
        asked.render()
        assert len(asked.commands) == 1

        asked.desk.write({"chart/values.yaml": "color: blue\n"})
        asked.render()
        asked.render(values="color: green\n")
        assert len(asked.commands) == 3

    def test_without_helm_it_is_said(self, desk):
        desk.write(FILES)
        renderer = Renderer(desk.work, which=lambda name: None)

        with pytest.raises(RenderError, match="helm is not on the PATH"):
            asyncio.run(renderer.render(desk.tree(), "chart", options()))

    def test_a_directory_without_a_chart_is_named(self, asked):
        asked.desk.write({"plain/a.yaml": "a: b\n"})
        wanted = replace(options(), tool="helm")

        with pytest.raises(RenderError, match=r"plain holds no Chart\.yaml"):
            asyncio.run(asked.renderer.render(asked.desk.tree(), "plain", wanted))


@pytest.mark.helm
@needs_helm
class TestHelm:
    """The real program."""

    def render(self, desk, **chart):
        renderer = Renderer(desk.work, which=lambda name: HELM)
        return asyncio.run(renderer.render(desk.tree(), "chart", options(**chart)))

    def colors(self, desk, **chart):
        return [each.manifest["data"]["color"] for each in self.render(desk, **chart).objects]

    def test_a_chart_is_rendered_with_its_values(self, desk):
        desk.write({**FILES, "values/prod.yaml": "color: blue\n"})

        (found,) = self.render(desk).objects
        assert found.manifest["metadata"] == {"name": "web", "namespace": "shop"}
        assert found.where == "chart/templates/settings.yaml document 1"
        assert self.colors(desk) == ["red"]
        assert self.colors(desk, value_files=("../values/prod.yaml",)) == ["blue"]
        both = {"value_files": ("../values/prod.yaml",), "values": '{"color": "green"}'}
        assert self.colors(desk, **both) == ["green"]
        assert self.colors(desk, **both, parameters=(Parameter("color", "a,b"),)) == ["a,b"]

    def test_definitions_and_hooks_come_too(self, desk):
        crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
        hook = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: test\n"
        hook += '  annotations: {"helm.sh/hook": test}\n'
        desk.write(
            {
                **FILES,
                "chart/crds/a.yaml": crd + "metadata: {name: a.example.com}\n",
                "chart/templates/test.yaml": hook,
            }
        )

        def kinds(**chart):
            return sorted(each.manifest["kind"] for each in self.render(desk, **chart).objects)

        assert kinds() == ["ConfigMap", "CustomResourceDefinition", "Pod"]
        assert kinds(skips_crds=True, skips_tests=True) == ["ConfigMap"]

    def test_a_chart_of_the_same_repository_is_found(self, desk):
        dependency = "dependencies: [{name: lib, version: 1.0.0, repository: 'file://../lib'}]\n"
        template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: lib}\ndata: {color: lib}\n"
        desk.write(
            {
                **FILES,
                "chart/Chart.yaml": CHART + dependency,
                "lib/Chart.yaml": CHART.replace("shop", "lib"),
                "lib/templates/a.yaml": template,
            }
        )

        assert sorted(self.colors(desk)) == ["lib", "red"]

    def test_nothing_is_downloaded(self, desk):
        remote = (
            "dependencies: [{name: redis, version: 1.0.0, repository: 'https://example.com'}]\n"
        )
        desk.write({**FILES, "chart/Chart.yaml": CHART + remote})

        with pytest.raises(RenderError, match=r"redis.*nothing is downloaded"):
            self.render(desk)

    def test_a_mistake_in_a_template_names_it(self, desk):
        desk.write({**FILES, "chart/templates/settings.yaml": "{{ .Values.a.b }}\n"})

        with pytest.raises(RenderError) as raised:
            self.render(desk)
        assert "shop/templates/settings.yaml" in str(raised.value)
        assert str(desk.work) not in str(raised.value)
