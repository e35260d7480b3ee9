"""Traffic routers: a wanted canary weight to manifests, and live manifests to the weight in force.

Law of this room: pure both ways, manifests in and manifests out; no clock, no input or output.
May import `rollouts.api` and `rollouts.actions`. Routers do not know each other.
"""
