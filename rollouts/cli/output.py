"""Print objects for other programs."""

from __future__ import annotations

from rollouts.api.refs import Manifest


def shown(manifest: Manifest) -> Manifest:
    """Return an object without the bookkeeping that nobody reads."""
    metadata = {key: each for key, each in manifest["metadata"].items() if key != "managedFields"}
    return {**manifest, "metadata": metadata}


def dump(manifest: Manifest, output: str) -> None:
    """Print an object as JSON or YAML."""
    if output == "json":
        import json

        print(json.dumps(manifest, indent=2, ensure_ascii=False))
        return
    from rollouts.api.documents import dump_yaml

    print(dump_yaml(manifest), end="")
