"""Kustomizations, built by the real binary in a private copy without network."""

from __future__ import annotations

import dataclasses
import shutil

import pytest

from rollouts.gitops.model import Family
from rollouts.gitops.process import TimedOut
from rollouts.gitops.render import Overrides, Renderer, RenderError, RenderOptions, parse_image
from rollouts.gitops.render.kustomize import find_binary
from rollouts.gitops.render.overrides import conflicts, merge
from rollouts.gitops.source import BadPath

APPLICATION = RenderOptions(Family.APPLICATION)
FLUX = RenderOptions(Family.KUSTOMIZATION)

needs_binary = pytest.mark.skipif(
    find_binary() is None, reason="neither kustomize nor kubectl is on the PATH"
)

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: myapp
spec:
  replicas: 1
  selector: {matchLabels: {app: myapp}}
  template:
    metadata: {labels: {app: myapp}}
    spec:
      containers:
      - {name: myapp, image: "myapp:1"}
"""
SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: myapp}\nspec: {ports: [{port: 80}]}\n"
BASE = "resources:\n- deployment.yaml\n- service.yaml\n"
PRODUCTION = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
- ../../base
patches:
- patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: myapp
    spec:
      replicas: 5
  target:
    kind: Deployment
"""

INLINE_PLUGIN = """\
transformers:
- |-
  apiVersion: builtin
  kind: PatchTransformer
  metadata: {name: x}
  path: http://localhost/x
"""
FILE_PLUGIN = """\
apiVersion: builtin
kind: PatchTransformer
metadata: {name: x}
path: http://localhost/x
"""


@pytest.fixture
def app(desk):
    desk.write(
        {
            "apps/base/deployment.yaml": DEPLOYMENT,
            "apps/base/service.yaml": SERVICE,
            "apps/base/kustomization.yaml": BASE,
            "apps/overlays/production/kustomization.yaml": PRODUCTION,
            "docs/a.yaml": "kind: other\n",
        }
    )
    return desk


OVERLAY = "apps/overlays/production"


def with_overrides(options=APPLICATION, **settings):
    return dataclasses.replace(options, overrides=Overrides(**settings))


@needs_binary
@pytest.mark.parametrize("options", [APPLICATION, FLUX])
def test_an_overlay_is_built_on_its_base(app, options):
    rendered = app.render(OVERLAY, options)

    kinds = {each.manifest["kind"]: each.manifest for each in rendered.objects}
    assert sorted(kinds) == ["Deployment", "Service"]
    assert kinds["Deployment"]["spec"]["replicas"] == 5
    assert rendered.objects[0].source_file == f"{OVERLAY}/kustomization.yaml"
    assert [path for path, _ in rendered.tree_ids] == [OVERLAY, "apps/base"]


@needs_binary
def test_nothing_is_left_in_the_work_directory(app):
    app.render(OVERLAY)

    assert list(app.work.iterdir()) == []


@needs_binary
def test_a_second_render_of_equal_trees_runs_nothing(app):
    first = app.render(OVERLAY)
    app.write({"docs/a.yaml": "kind: changed\n", "README": "x"})

    assert app.render(OVERLAY) is first
    assert len(app.commands) == 1


@needs_binary
@pytest.mark.parametrize("name", ["apps/base/service.yaml", f"{OVERLAY}/kustomization.yaml"])
def test_a_change_in_any_layer_is_seen(app, name):
    app.render(OVERLAY)
    app.write({name: (app.root / name).read_text() + "# changed\n"})

    app.render(OVERLAY)

    assert len(app.commands) == 2


@needs_binary
def test_overrides_are_merged_into_the_kustomization(app):
    options = with_overrides(
        name_prefix="pre-",
        namespace="shop",
        images=(parse_image("myapp=registry:5000/myapp:2"),),
        replicas=({"name": "myapp", "count": 7},),
        labels=(("team", "blue"),),
        annotations=(("note", "x"),),
        patches=(
            {
                "patch": '[{"op":"add","path":"/metadata/annotations/p","value":"1"}]',
                "target": {"kind": "Service"},
            },
        ),
    )

    kinds = {e.manifest["kind"]: e.manifest for e in app.render(OVERLAY, options).objects}

    deployment = kinds["Deployment"]
    assert deployment["metadata"]["name"] == "pre-myapp"
    assert deployment["metadata"]["namespace"] == "shop"
    assert deployment["spec"]["replicas"] == 7
    assert (
        deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "registry:5000/myapp:2"
    )
    assert deployment["spec"]["selector"]["matchLabels"]["team"] == "blue"
    assert kinds["Service"]["metadata"]["annotations"] == {"note": "x", "p": "1"}
    assert (app.root / OVERLAY / "kustomization.yaml").read_text() == PRODUCTION


@needs_binary
def test_flux_makes_a_kustomization_up(desk):
    desk.write(
        {
            "deploy/a/deployment.yaml": DEPLOYMENT,
            "deploy/service.yaml": SERVICE,
            "deploy/nested/kustomization.yml": "resources: [cm.yaml]\nnamePrefix: nested-\n",
            "deploy/nested/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cm}\n",
            "deploy/nested/not-listed.yaml": "no: manifest\n",
            "deploy/notes.json": "{}",
        }
    )

    assert sorted(desk.names("deploy", FLUX)) == ["myapp", "myapp", "nested-cm"]
    assert set(desk.names("deploy", with_overrides(FLUX, namespace="shop"))) == {
        "myapp",
        "nested-cm",
    }


@needs_binary
def test_generators_read_files_beside_the_kustomization(desk):
    desk.write(
        {
            "kustomization.yaml": (
                "configMapGenerator:\n- name: c\n  files: [data/f.txt]\n"
                "  literals: ['URL=https://example.com/x?ref=1']\n"
            ),
            "data/f.txt": "content",
        }
    )

    (found,) = desk.render().objects

    assert found.manifest["data"] == {"URL": "https://example.com/x?ref=1", "f.txt": "content"}


@needs_binary
def test_a_complaint_of_kustomize_names_the_file_not_our_copy(desk):
    desk.write({"app/kustomization.yaml": "resources: [a.yaml]\n", "app/a.yaml": "kind: {\n"})

    with pytest.raises(RenderError) as caught:
        desk.render("app")

    assert "app/kustomization.yaml: " in str(caught.value)
    assert str(desk.work) not in str(caught.value)


@needs_binary
def test_a_link_to_a_base_is_followed_inside_the_tree(app):
    (app.root / "linked").symlink_to(OVERLAY)
    (app.root / "apps/overlays/staging").mkdir()
    (app.root / "apps/overlays/link").symlink_to("../base")
    app.write({"apps/overlays/staging/kustomization.yaml": "resources: [../link]\n"})

    assert app.names("linked") == app.names(OVERLAY)
    assert app.names("apps/overlays/staging") == ["myapp", "myapp"]


@needs_binary
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("resources: ['https://github.com/a/b//c?ref=v1']", "is remote"),
        ("resources: ['github.com/a/b?ref=v1']", "is remote"),
        ("resources: [github.com/a/b]", "does not exist"),
        ("resources: ['git@github.com:a/b']", "is remote"),
        ("resources: ['git::https://host/a']", "is remote"),
        ("resources: ['ssh://git@host/a']", "is remote"),
        ("resources: ['file:///etc']", "is remote"),
        ("bases: [https://host/a]", "is remote"),
        ("components: [https://host/a]", "is remote"),
        ("patches: [{path: 'http://localhost:8080/x'}]", "patches.path.*is remote"),
        ("patchesStrategicMerge: ['http://localhost/x']", "is remote"),
        ("configMapGenerator: [{name: a, files: ['k=http://localhost/x']}]", "is remote"),
        ("secretGenerator: [{name: a, envs: ['http://localhost/x']}]", "is remote"),
        ("openapi: {path: 'http://localhost/x'}", "is remote"),
        ("replacements: [{path: 'http://localhost/x'}]", "is remote"),
        ("resources: [gone.yaml]", "'gone.yaml'.*does not exist"),
        ("resources: [../../..]", "leads out of the repository"),
        ("resources: [/etc/passwd]", "is absolute"),
        ("resources: [evil]", "leads out of the repository"),
        ("resources: [sub]", "sub holds no kustomization.yaml"),
        ("resources: [{a: b}]", "is not a path"),
        ("resources: text", "must be a list"),
        ("helmCharts: [{name: x}]", "charts inside a kustomization are not supported"),
        ("helmChartInflationGenerator: [{}]", "charts inside a kustomization are not supported"),
        ("generators: [https://host/a]", "is remote"),
        (INLINE_PLUGIN, "is remote"),
        ("transformers: [plugin.yaml]", "plugin.yaml: path.*is remote"),
        ("[]", "exactly one mapping"),
        ("a: b\n---\nc: d", "exactly one mapping"),
    ],
)
def test_what_reaches_out_of_the_tree_is_refused_before_anything_runs(desk, text, words):
    desk.write(
        {
            "app/kustomization.yaml": text,
            "app/sub/a.yaml": "x: y",
            "app/plugin.yaml": FILE_PLUGIN,
        }
    )
    (desk.root / "app/evil").symlink_to("../../../etc")

    with pytest.raises(RenderError, match=words):
        desk.render("app")
    assert desk.commands == []


@needs_binary
def test_files_outside_a_kustomization_are_not_read(desk):
    desk.write(
        {
            "app/kustomization.yaml": "configMapGenerator:\n- name: c\n  files: [../secret.txt]\n",
            "secret.txt": "hunter2",
        }
    )
    with pytest.raises(RenderError) as caught:
        desk.render("app")

    assert "hunter2" not in str(caught.value)


@needs_binary
def test_programs_of_a_kustomization_are_not_run(desk, tmp_path):
    ran = tmp_path / "ran"
    desk.write(
        {
            "kustomization.yaml": "transformers: [t.yaml]\nresources: [a.yaml]\n",
            "a.yaml": SERVICE,
            "t.yaml": "apiVersion: x.io/v1\nkind: Evil\nmetadata:\n  name: x\n  annotations:\n"
            "    config.kubernetes.io/function: |\n      exec: {path: ./run.sh}\n",
            "run.sh": f"#!/bin/sh\ntouch {ran}\n",
        }
    )
    (desk.root / "run.sh").chmod(0o755)

    with pytest.raises(RenderError):
        desk.render()
    assert not ran.exists()


@needs_binary
def test_a_circle_of_kustomizations_ends(desk):
    desk.write(
        {
            "a/kustomization.yaml": "resources: [../b]\n",
            "b/kustomization.yaml": "resources: [../a]\n",
        }
    )

    with pytest.raises(RenderError, match="cycle"):
        desk.render("a")


@needs_binary
def test_what_kustomize_warns_of_is_passed_on(app):
    app.write({"apps/base/kustomization.yaml": BASE + "commonLabels: {part: myapp}\n"})

    (warning,) = app.render(OVERLAY).warnings

    assert "commonLabels" in warning
    assert "deprecated" in warning


@needs_binary
def test_an_explicit_kustomize_source_needs_a_kustomization(app):
    with pytest.raises(RenderError, match=r"docs holds no kustomization\.yaml"):
        app.render("docs", dataclasses.replace(APPLICATION, tool="kustomize"))


def test_two_kustomization_files_are_refused(desk):
    desk.write({"kustomization.yaml": "{}", "kustomization.yml": "{}"})

    with pytest.raises(RenderError, match=r"kustomization\.yaml and kustomization\.yml"):
        desk.render()


def test_a_missing_binary_is_said_so(app):
    app.renderer = Renderer(app.work, which=lambda name: None)

    with pytest.raises(RenderError, match="kustomize is not on the PATH"):
        app.render(OVERLAY)


def test_kustomize_is_preferred_to_kubectl(tmp_path):
    for name in ("kustomize", "kubectl"):
        (tmp_path / name).touch()

    def which(*present):
        return lambda name: str(tmp_path / name) if name in present else None

    assert find_binary(which("kustomize", "kubectl")).arguments[1:] == ("build",)
    assert find_binary(which("kubectl")).arguments[1:] == ("kustomize",)
    assert find_binary(which()) is None


def test_a_slow_build_is_an_error_of_its_file(app):
    async def slow(command):
        raise TimedOut("kustomize did not finish within 60 seconds")

    app.renderer = Renderer(app.work, run=slow, which=lambda name: shutil.which("true"))

    with pytest.raises(RenderError, match=rf"{OVERLAY}/kustomization\.yaml.*60 seconds"):
        app.render(OVERLAY)


def test_a_build_sees_no_network_no_cluster_and_no_other_program(app):
    seen = []

    async def look(command):
        seen.append(command)
        raise TimedOut("enough")

    app.renderer = Renderer(app.work, run=look, which=lambda name: shutil.which("true"))
    with pytest.raises(RenderError):
        app.render(OVERLAY)

    env = seen[0].env
    assert env["PATH"] == env["KUBECONFIG"] == "/dev/null"
    assert env["HTTPS_PROXY"] == "http://127.0.0.1:9"
    assert seen[0].timeout_seconds == 60
    assert seen[0].output_bytes_max == 10 * 1024 * 1024
    assert list(app.work.iterdir()) == []


@pytest.mark.parametrize("path", ["gone", "..", "docs/a.yaml"])
def test_a_path_to_no_directory_is_refused(app, path):
    with pytest.raises(BadPath):
        app.render(path, FLUX)


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("nginx:1.2", {"name": "nginx", "newTag": "1.2"}),
        ("nginx", {"name": "nginx"}),
        ("host:5000/a/b:1", {"name": "host:5000/a/b", "newTag": "1"}),
        ("host:5000/a/b", {"name": "host:5000/a/b"}),
        ("a=host/b:1", {"name": "a", "newName": "host/b", "newTag": "1"}),
        ("a=a:1", {"name": "a", "newTag": "1"}),
        ("a@sha256:1f", {"name": "a", "digest": "sha256:1f"}),
        ("a=b:1@sha256:1f", {"name": "a", "newName": "b", "digest": "sha256:1f"}),
    ],
)
def test_an_image_override_is_read(text, entry):
    assert parse_image(text) == entry


def test_entries_of_one_name_are_merged():
    kustomization = {
        "images": [{"name": "a", "newName": "b", "newTag": "1"}, {"name": "c", "digest": "d"}],
        "namePrefix": "old-",
        "patches": [{"path": "p.yaml"}],
    }
    overrides = Overrides(
        name_prefix="new-",
        images=({"name": "a", "newTag": "2"}, {"name": "c", "newTag": "3"}),
        patches=({"path": "p.yaml"}, {"path": "q.yaml"}),
        labels=(("a", "b"),),
        labels_without_selectors=True,
    )

    merged = merge(kustomization, overrides)

    assert merged == {
        "namePrefix": "new-",
        "images": [{"name": "a", "newName": "b", "newTag": "2"}, {"name": "c", "newTag": "3"}],
        "patches": [{"path": "p.yaml"}, {"path": "q.yaml"}],
        "labels": [
            {"pairs": {"a": "b"}, "includeSelectors": False, "includeTemplates": False},
        ],
    }
    assert kustomization["images"][0]["newTag"] == "1"


def test_no_overrides_change_nothing():
    assert Overrides().is_empty
    assert merge({"resources": ["a"]}, Overrides()) == {"resources": ["a"]}


def test_a_label_that_is_set_already_is_replaced_only_by_force():
    kustomization = {"commonLabels": {"team": "red", "same": "x"}}
    pairs = (("team", "blue"), ("same", "x"))

    assert len(conflicts(kustomization, Overrides(labels=pairs))) == 1
    assert conflicts(kustomization, Overrides(labels=pairs, force=True)) == ()


@needs_binary
def test_missing_components_may_be_ignored(app):
    options = with_overrides(components=("gone",), ignore_missing_components=True)

    assert len(app.render(OVERLAY, options).objects) == 2
    with pytest.raises(RenderError, match=r"'gone'.*does not exist"):
        app.render(OVERLAY, with_overrides(components=("gone",)))
