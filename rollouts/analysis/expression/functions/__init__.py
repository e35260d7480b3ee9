"""The functions of conditions, and the methods of times and durations.

Law: each takes the running evaluation and its arguments, whose kinds and count were checked, and
gives a value or raises `Fault`. What it makes is bounded and paid for before it is made. It
imports the values, kinds and operators of this package only, and reads no clock.
"""

from typing import Final

from rollouts.analysis.expression.functions import (
    arithmetic,
    conversion,
    dates,
    durations,
    lists,
    text,
)
from rollouts.analysis.expression.kinds import Kind
from rollouts.analysis.expression.signatures import Function

FUNCTIONS: Final[dict[str, Function]] = {
    function.name: function
    for module in (text, arithmetic, lists, conversion, dates, durations)
    for function in module.FUNCTIONS
}
"""Every function without a predicate, by name."""

METHODS: Final[dict[Kind, dict[str, Function]]] = {
    Kind.TIME: dates.METHODS,
    Kind.DURATION: durations.METHODS,
}
"""What a value of a kind can be asked."""
