"""What all models of the wire share: the base class, its scalar types and object metadata.

A model is a frozen view of JSON. Fields are camelCase on the wire and snake_case here; unknown
fields are kept; a null field is an absent field, as Kubernetes has it. Defaults are visible on
the model and never enter its dump: `Model.model_validate(m).manifest() == m`.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any, ClassVar, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    WrapSerializer,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from rollouts.api.refs import Manifest
from rollouts.api.times import parse_duration, parse_time

INT32_MAX = 2**31 - 1
"""The largest count that Kubernetes' typed fields hold."""

_INT64_MAX = 2**63 - 1

DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
"""What the CRDs of sources ask of a duration."""

_HAS_UNIT = re.compile(DURATION_PATTERN)

Item = TypeVar("Item")


def _keep_int_or_text(value: Any) -> Any:
    """Refuse everything but whole numbers of 32 bits and text."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        if -INT32_MAX - 1 <= value <= INT32_MAX:
            return value
        raise PydanticCustomError("int_or_string", "is too large for a whole number of 32 bits")
    raise PydanticCustomError(
        "int_or_string", "must be a whole number or text such as 25%; fractions are not allowed"
    )


def _check_duration(text: str) -> str:
    """Refuse text that is no duration with a unit; keep it as it was written."""
    try:
        parse_duration(text)
    except ValueError as error:
        raise PydanticCustomError("duration", "{reason}", {"reason": str(error)}) from error
    if not _HAS_UNIT.fullmatch(text):
        raise PydanticCustomError("duration", "must be a duration with a unit, such as 30s or 10m")
    return text


def _check_time(text: str) -> str:
    """Refuse text that is no RFC 3339 time; keep it as it was written."""
    try:
        parse_time(text)
    except ValueError as error:
        raise PydanticCustomError(
            "time", "is not a time; write one such as 2026-01-31T12:00:00Z"
        ) from error
    return text


Int32 = Annotated[int, Strict(), Field(ge=-INT32_MAX - 1, le=INT32_MAX)]
"""A whole number as Kubernetes' typed fields hold it. `"10"` and `10.0` are refused."""

Int64 = Annotated[int, Strict(), Field(ge=-_INT64_MAX - 1, le=_INT64_MAX)]
"""A large whole number, such as a generation."""

Bool = Annotated[bool, Strict()]
"""true or false; `"true"` and 1 are refused."""

IntOrString = Annotated[int | str, BeforeValidator(_keep_int_or_text)]
"""A count, or text that is mostly a percentage (`25%`)."""

Duration = Annotated[str, AfterValidator(_check_duration)]
"""Go duration text with units (`1h30m`), kept as written; read it with `times.parse_duration`."""

Time = Annotated[str, AfterValidator(_check_time)]
"""RFC 3339 text, kept as written; read it with `times.parse_time`."""

Items: TypeAlias = Annotated[
    tuple[Item, ...], WrapSerializer(lambda items, dump: list(dump(items)))
]
"""A list of the wire: a tuple here, a list again in the dump."""

Text: TypeAlias = dict[str, str]
"""A map of text to text, such as labels."""


KEYED_BY_TYPE: JsonDict = {
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"],
}
"""CRD marks of a list of conditions: one of each type, merged by it."""

OPAQUE: JsonDict = {"x-opaque": True}
"""For a field whose schema stands elsewhere in the same CRD: here it is any object."""


class Model(BaseModel):
    """A frozen view of one JSON object of the wire."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="allow",
        frozen=True,
        defer_build=True,  # Only the kinds that a command meets are worth compiling.
        protected_namespaces=(),
    )

    _wire_names: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def wire_names(cls) -> frozenset[str]:
        """Return the names of all known fields as the wire spells them."""
        if "_wire_names" not in cls.__dict__:
            cls._wire_names = frozenset(
                field.alias or name for name, field in cls.model_fields.items()
            )
        return cls._wire_names

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, content: Any) -> Any:
        """Drop known fields that are null, as an API server does before it stores an object."""
        if not isinstance(content, dict) or None not in content.values():
            return content
        known = cls.wire_names()
        return {
            key: value for key, value in content.items() if value is not None or key not in known
        }

    def manifest(self) -> Manifest:
        """Return the JSON this was read from: what was set, unknown fields included."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class ObjectMeta(Model):
    """Metadata of an object."""

    name: str = Field("", description="Name, unique among objects of the kind in a namespace.")
    generate_name: str = Field("", description="Prefix of a name that the server completes.")
    namespace: str = Field("", description="Namespace of the object.")
    uid: str = Field("", description="Identity of this object, never used again.")
    resource_version: str = Field("", description="Version of the stored object.")
    generation: Int64 = Field(0, description="Counts the changes of the spec.")
    creation_timestamp: Time | None = Field(None, description="When the object was made.")
    deletion_timestamp: Time | None = Field(None, description="When deletion was asked for.")
    labels: Text = Field(default_factory=dict, description="Labels, for selection.")
    annotations: Text = Field(default_factory=dict, description="Annotations, for everything else.")
    finalizers: Items[str] = Field((), description="What has to happen before the object goes.")


class LocalReference(Model):
    """The name of an object in the same namespace."""

    name: str = Field(description="Name of the object.")


class Condition(Model):
    """A condition of Kubernetes' common shape."""

    type: str = Field(description="What the condition speaks of, such as Ready.")
    status: str = Field("", description="True, False or Unknown.")
    observed_generation: Int64 = Field(0, description="Generation that the condition is about.")
    last_transition_time: Time | None = Field(None, description="When the status last changed.")
    reason: str = Field("", description="One word for the reason of the last change.")
    message: str = Field("", description="The condition in words.")


class SelectorRequirement(Model):
    """One expression of a label selector."""

    key: str = Field(description="Label that is looked at.")
    operator: str = Field(description="In, NotIn, Exists or DoesNotExist.")
    values: Items[str] = Field((), description="Values for In and NotIn.")


class LabelSelector(Model):
    """Which labels an object must carry; all parts must hold."""

    match_labels: Text = Field(
        default_factory=dict, description="Labels with exactly these values."
    )
    match_expressions: Items[SelectorRequirement] = Field(
        (), description="Requirements on single labels."
    )


def resolve_int_or_percent(value: IntOrString, total: int, *, round_up: bool) -> int:
    """Return the count that a number or a percentage of `total` stands for.

    Raises:
        ValueError: text that is no percentage such as `25%`.
    """
    if isinstance(value, int):
        return value
    digits = value.removesuffix("%")
    if digits == value or not (digits.isascii() and digits.isdigit()) or len(digits) > 9:
        raise ValueError("is neither a whole number nor a percentage such as 25%")
    share = Fraction(int(digits) * total, 100)
    return -(-share.numerator // share.denominator) if round_up else int(share)
