"""What may happen to a controller in any history: it dies around a call, or starts anew."""


class Disturbances:
    """Part of a history that has a `world`, and a `random` of its own."""

    calls_to_crash_max = 20

    def crash(self):
        """Let the controller die around one of its next calls."""
        cluster = self.world.cluster
        cluster.calls.clear()
        cluster.crash_at = self.random.randint(1, self.calls_to_crash_max)
        cluster.crash_served = self.random.random() < 0.5

    def restart(self):
        self.world.start()

    def relax(self):
        """Let the server answer every call again."""
        self.world.cluster.refuse = []
