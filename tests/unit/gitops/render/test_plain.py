"""Directories of plain manifests, by the rules of both families."""

from __future__ import annotations

import dataclasses

import pytest

from rollouts.gitops.model import Family
from rollouts.gitops.render import RenderError, RenderOptions
from rollouts.gitops.source import BadPath, TooLarge

APPLICATION = RenderOptions(Family.APPLICATION)
FLUX = RenderOptions(Family.KUSTOMIZATION)


def with_(**settings):
    return dataclasses.replace(APPLICATION, **settings)


@pytest.fixture
def files(desk, config_map):
    names = ["a.yaml", "b.yml", "sub/c.yaml", "sub/deep/d.yaml", "env-usw2/e.yaml", "config.yaml"]
    desk.write({name: config_map(name.rpartition("/")[2][0]) for name in names})
    desk.write({"j.json": '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"j"}}'})
    desk.write({"README.md": "no manifest", "x.yaml.bak": "no manifest", "k.jsonnet": "{}"})
    return desk


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (APPLICATION, ["a", "b", "c", "j"]),
        (with_(recurse=True), ["a", "b", "c", "e", "j", "c", "d"]),
        (with_(recurse=True, include="*.yml"), ["b"]),
        (with_(recurse=True, include="{a.yaml,sub/*}"), ["a", "c", "d"]),
        (with_(recurse=True, exclude="{config.yaml,env-usw2/*,sub/*}"), ["a", "b", "j"]),
        (with_(recurse=True, include="sub/*", exclude="*/deep/*"), ["c"]),
        (FLUX, ["a", "b", "c", "e", "c", "d"]),
    ],
)
def test_the_files_that_count(files, options, names):
    options = dataclasses.replace(options, namespace="x")
    (files.root / "sub/c.yaml").write_text(
        (files.root / "sub/c.yaml").read_text() + "  namespace: other\n"
    )

    assert files.names("", options) == names


def test_a_path_is_relative_to_the_root(files):
    assert files.names("sub") == ["c"]
    assert files.names("./sub/") == ["c"]
    assert files.names("sub/deep/..") == ["c"]


@pytest.mark.parametrize("path", ["..", "/etc", "gone", "sub/../..", "a.yaml", "%2e%2e"])
def test_a_path_outside_or_to_nothing_is_refused_by_name(files, path):
    with pytest.raises(BadPath) as caught:
        files.names(path)

    assert caught.value.path == path


@pytest.mark.parametrize("field", ["include", "exclude"])
def test_a_pattern_that_cannot_be_read_is_an_error_not_a_match(files, field):
    with pytest.raises(RenderError, match=rf"directory\.{field}.*open brace"):
        files.names("", with_(**{field: "{a"}))


def test_an_empty_directory_declares_nothing(desk):
    assert desk.render("").objects == ()


def test_documents_and_lists_are_taken_apart(desk, config_map):
    desk.write(
        {
            "a.yaml": f"---\n{config_map('one')}---\n---\n{config_map('two')}---\n# end\n",
            "b.yaml": "apiVersion: v1\nkind: List\nitems:\n"
            "- {apiVersion: v1, kind: Secret, metadata: {name: three}}\n"
            "- {apiVersion: v1, kind: ConfigMapList, items: "
            "[{apiVersion: v1, kind: ConfigMap, metadata: {name: four}}]}\n",
            "c.yaml": "apiVersion: v1\nkind: List\nmetadata: {}\nitems: null\n",
        }
    )

    rendered = desk.render()

    assert [each.manifest["metadata"]["name"] for each in rendered.objects] == [
        "one",
        "two",
        "three",
        "four",
    ]
    assert rendered.objects[2].where.startswith("b.yaml document 1")


def test_a_marked_file_is_skipped_whatever_is_in_it(desk, config_map):
    desk.write({"a.yaml": config_map("a"), "b.yaml": "# +argocd:skip-file-rendering\n{{ bad"})

    assert desk.names() == ["a"]
    assert desk.render().warnings == ()


def test_a_file_that_is_no_manifest_is_passed_over_with_a_word(desk, config_map):
    desk.write({"a.yaml": config_map("a"), "values.yaml": "replicas: 3\n", "bad.yaml": "{{ x }}"})

    rendered = desk.render()

    assert len(rendered.objects) == 1
    assert [warning.partition(" ")[0] for warning in rendered.warnings] == [
        "bad.yaml",
        "values.yaml",
    ]


def test_flux_refuses_a_file_that_is_no_manifest(desk, config_map):
    desk.write({"a.yaml": config_map("a"), "values.yaml": "replicas: 3\n"})

    with pytest.raises(RenderError, match=r"values\.yaml"):
        desk.render("", FLUX)


def test_all_problems_are_told_at_once_with_file_and_document(desk, config_map):
    desk.write(
        {
            "a.yaml": config_map("a") + "---\nkind: X\nmetadata: {name: x}\napiVersion: ''\n",
            "b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {labels: {a: b}}\n",
            "c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: [name]\n",
        }
    )

    with pytest.raises(RenderError) as caught:
        desk.render()

    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "a.yaml document 2",
        "b.yaml document 1",
        "c.yaml document 1",
    ]


def test_broken_yaml_of_a_manifest_names_its_file(desk, config_map):
    desk.write({"a.yaml": config_map("a"), "b.yaml": config_map("b") + "  x: [\n"})

    with pytest.raises(RenderError, match=r"b\.yaml"):
        desk.render()


def test_a_pointer_to_large_file_storage_is_recognised(desk):
    desk.write({"a.yaml": "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n"})

    with pytest.raises(RenderError, match=r"a\.yaml is a Git LFS pointer"):
        desk.render()


def test_links_to_files_are_followed_inside_and_refused_outside(desk, config_map):
    desk.write({"base/a.yaml": config_map("a"), "app/own.yaml": config_map("own")})
    (desk.root / "app/link.yaml").symlink_to("../base/a.yaml")
    (desk.root / "app/dangling.yaml").symlink_to("gone.yaml")
    (desk.root / "app/directory.yaml").symlink_to("../base")

    rendered = desk.render("app")

    assert len(rendered.objects) == 2
    assert len(rendered.warnings) == 2
    (desk.root / "app/escape.yaml").symlink_to("/etc/passwd")
    with pytest.raises(BadPath, match=r"escape\.yaml"):
        desk.render("app")


@pytest.mark.parametrize(
    ("size", "fits"), [(10 * 1024 * 1024, True), (10 * 1024 * 1024 + 1, False)]
)
def test_the_size_of_all_manifests_is_bounded(desk, config_map, size, fits):
    small = config_map("a")
    filler = "#" + "x" * (size - len(small) - 2) + "\n"
    desk.write({"a.yaml": small, "b.yaml": filler})

    if fits:
        assert desk.names() == ["a"]
    else:
        with pytest.raises(TooLarge, match="at most 10485760"):
            desk.render()


def test_the_last_of_two_objects_wins_for_an_application(desk, config_map):
    desk.write({"a.yaml": config_map("x", v="1"), "b.yaml": config_map("x", v="2")})

    rendered = desk.render()

    assert [each.manifest["data"]["v"] for each in rendered.objects] == [2]
    assert "a.yaml document 1 and again in b.yaml document 1" in rendered.repeated[0]


def test_two_objects_of_one_name_fail_a_kustomization(desk, config_map):
    desk.write({"a.yaml": config_map("x"), "b.yaml": config_map("x")})

    with pytest.raises(
        RenderError, match=r"ConfigMap/x is declared in a\.yaml document 1 and again"
    ):
        desk.render("", FLUX)
