"""What a file that cannot be read does to a directory of manifests."""

from __future__ import annotations

import pytest

from rollouts.gitops.render.model import Family, RenderError
from rollouts.gitops.render.plain import parse_files

GOOD = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


@pytest.mark.parametrize("content", [b"apiVersion: v1\nspec: [broken", b"kind: [", b"metadata: {"])
def test_a_broken_file_with_any_sign_of_a_manifest_stops_the_render(content: bytes) -> None:
    """Passing over it would have the objects that it declared a commit ago pruned."""
    with pytest.raises(RenderError, match=r"b\.yaml"):
        parse_files({"a.yaml": GOOD, "b.yaml": content}, Family.APPLICATION)


def test_a_file_that_never_was_a_manifest_is_passed_over_with_a_warning() -> None:
    compose = b"x: &x {a: 1}\nservices: {web: {<<: *x}}\n"
    documents, warnings = parse_files({"a.yaml": GOOD, "compose.yaml": compose}, Family.APPLICATION)

    assert [document.manifest["kind"] for document in documents] == ["ConfigMap"]
    assert warnings == ("compose.yaml is passed over: it is no manifest",)


def test_flux_refuses_whatever_it_cannot_read() -> None:
    with pytest.raises(RenderError):
        parse_files({"a.yaml": GOOD, "b.yaml": b"x: ["}, Family.KUSTOMIZATION)
