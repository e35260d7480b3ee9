"""How much a condition may ask for, before and while it is evaluated."""

from typing import Final

SOURCE_LENGTH_MAX: Final = 8_192
"""Characters of a condition; the longest seen in the wild have a few hundred."""

NESTING_MAX: Final = 50
"""Brackets, prefixes and predicates inside each other: bounds the recursion of the parser."""

DEPTH_MAX: Final = 100
"""Levels of the tree, also those of long chains: bounds the recursion of all that walks it."""

NODES_MAX: Final = 1_000
"""Nodes of the tree: bounds what one evaluation costs outside of loops."""

STEPS_MAX: Final = 100_000
"""Work of one evaluation: about a tenth of a second when all of it is used."""

LIST_LENGTH_MAX: Final = 10_000
"""Elements of a list that a condition makes, ranges included."""

TEXT_LENGTH_MAX: Final = 100_000
"""Characters of a string that a condition makes, and of one that is searched by a pattern."""

VALUE_DEPTH_MAX: Final = 64
"""Levels of lists and maps that are compared, printed or read."""

PATTERN_LENGTH_MAX: Final = 1_000
"""Characters of a regular expression."""

PATTERN_BYTES_MAX: Final = 1 << 20
"""Memory of one compiled regular expression."""

PROBLEMS_MAX: Final = 20
"""Problems that are reported of one condition."""

CHARACTERS_PER_STEP: Final = 64
"""Text that is copied or searched for the price of one step."""
