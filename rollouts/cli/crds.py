"""`crds`: print the CustomResourceDefinitions, or write them to a directory."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `crds`."""
    parser = subparsers.add_parser(
        "crds", help="print the CRDs, for: rollouts crds | kubectl apply -f -"
    )
    parser.add_argument("--output", default="", help="directory to write one file for each into")
    parser.set_defaults(run=run_crds)


def run_crds(args: argparse.Namespace) -> int:
    """Print or write the CRDs as generated from the models."""
    from rollouts.api.crd import render_crds

    rendered = render_crds()
    if not args.output:
        print("---\n".join(text for _, text in sorted(rendered.items())), end="")
        return 0
    directory = Path(args.output)
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in sorted(rendered.items()):
        (directory / name).write_text(text)
        print(directory / name)
    return 0
