"""From a directory of a commit to the objects it declares.

Law: rendering reads a `Tree` and nothing else; the same tree and options give the same objects.
kustomize is the real binary, run without network in a private copy. `collect`, `overrides` and
`model` are pure; what a render read is part of its result, so that it need not be repeated.
"""

from rollouts.gitops.render.collect import (
    Collected,
    collect,
    concatenate,
    key_of,
    place,
    with_metadata,
)
from rollouts.gitops.render.model import (
    OBJECTS_MAX,
    Rendered,
    RenderedObject,
    RenderError,
    RenderOptions,
)
from rollouts.gitops.render.overrides import Overrides, parse_image
from rollouts.gitops.render.renderer import Renderer, choose_tool

__all__ = [
    "OBJECTS_MAX",
    "Collected",
    "Overrides",
    "RenderError",
    "RenderOptions",
    "Rendered",
    "RenderedObject",
    "Renderer",
    "choose_tool",
    "collect",
    "concatenate",
    "key_of",
    "parse_image",
    "place",
    "with_metadata",
]
