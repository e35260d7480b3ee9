"""Which model a type has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rollouts.emulator.builtin_model import BuiltinModel
from rollouts.emulator.custom_model import CustomModel

if TYPE_CHECKING:
    from rollouts.emulator.models import Model
    from rollouts.emulator.resources import ResourceType


def model_of(rt: ResourceType) -> Model:
    """Return a fresh model of a type."""
    return CustomModel(rt) if rt.custom else BuiltinModel(rt)
