"""Evaluate any expression, not only conditions: what the language's own tests need."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rollouts.analysis.expression.compiler import compile_tree
from rollouts.analysis.expression.parser import parse
from rollouts.analysis.expression.values import Run

NOW = datetime(2026, 8, 14, 10, 20, 30, tzinfo=UTC)


def value_of(source: str, environment: Mapping[str, Any] | None = None) -> Any:
    """Evaluate without the checker, so that every rule shows at evaluation as well."""
    code, slot_count = compile_tree(parse(source))
    return code(Run(environment or {}, NOW, slot_count))
