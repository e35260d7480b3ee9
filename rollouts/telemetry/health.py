"""Answers to the two questions of a kubelet: is it alive, and is it ready?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class Health:
    """Named checks; each returns what is wrong in words, or nothing when all is well.

    Alive: restarting the process would not help. A server that cannot be reached is no reason to
    restart; a loop or a watch that has stopped is. Ready: what it knows of the cluster is whole,
    whether it leads or stands by. Notes stand beside readiness: a part that a person has to mend,
    while the rest is served.
    """

    alive: dict[str, Callable[[], str]] = field(default_factory=dict)
    ready: dict[str, Callable[[], str]] = field(default_factory=dict)
    notes: dict[str, Callable[[], str]] = field(default_factory=dict)

    def check_alive(self) -> tuple[bool, str]:
        """Run the checks of life; the text names each with its result."""
        return _report(self.alive, {})

    def check_ready(self) -> tuple[bool, str]:
        """Run the checks of readiness; the text names each with its result."""
        return _report(self.ready, self.notes)


def _report(
    checks: dict[str, Callable[[], str]], notes: dict[str, Callable[[], str]]
) -> tuple[bool, str]:
    results = [(name, check()) for name, check in checks.items()]
    lines = [f"[-] {name}: {wrong}" if wrong else f"[+] {name}" for name, wrong in results]
    lines += [f"[!] {name}: {said}" for name, note in notes.items() if (said := note())]
    healthy = not any(wrong for _, wrong in results)
    return healthy, "\n".join([*lines, "ok" if healthy else "failed", ""])
