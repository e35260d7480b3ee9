"""The person who sees a rollout through after calm: resumes, promotes, retries, repairs."""

from __future__ import annotations

from random import Random

from rollouts.api.refs import Manifest
from rollouts.simulate.asked import Asked
from rollouts.simulate.ledger import doubts
from rollouts.simulate.people import People
from rollouts.simulate.pods import Habit, Image

BAD_HABITS = (Habit.NEVER_READY, Habit.READY_THEN_NOT)
"""Images with these never stay ready; only another image helps."""


class Tender:
    """Does one sensible thing at a time until the rollout is healthy."""

    def __init__(self, people: People, images: dict[str, Image], random: Random) -> None:
        self._people = people
        self._images = images
        self._random = random

    def is_bad(self, image: str) -> bool:
        """Tell whether an image can never become healthy."""
        return self._images.get(image, Image()).habit in BAD_HABITS

    def act(self, rollout: Manifest | None, asked: Asked | None, stable_image: str) -> str:
        """Look at the rollout and do what a sensible person would; empty for nothing."""
        if rollout is None or asked is None:
            return self._people.act("create")
        status = rollout.get("status") or {}
        if asked.replicas == 0:
            return self._people.act("scale", 2)
        if self.is_bad(asked.image):
            name = f"web:{len(self._images) + 1}"
            self._images[name] = Image()
            return self._people.act("set-image", name)
        if asked.is_paused:
            return self._people.act(self._random.choice(("resume", "plugin-resume")))
        if status.get("abort"):
            return self._people.act(self._random.choice(("retry", "plugin-retry")))
        if doubts(status):
            return self._people.act(self._random.choice(("promote", "resume", "plugin-promote")))
        is_updating = stable_image not in {"", asked.image} and not status.get("promoteFull")
        if is_updating and self.is_bad(stable_image):
            # Stable can never take traffic back, so a step that lowers the weight waits forever.
            return self._people.act(self._random.choice(("promote-full", "plugin-promote-full")))
        index = int(status.get("currentStepIndex") or 0)
        if status.get("pauseConditions") and index < asked.step_count:
            step = asked.steps[index]
            if "pause" in step and not (step["pause"] or {}).get("duration"):
                return self._people.act(
                    self._random.choice(("promote", "plugin-promote", "resume"))
                )
        return ""
