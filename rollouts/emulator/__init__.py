"""A Kubernetes cluster in memory: the API server, its actors, and an HTTP face.

The law of this room:

- It knows nothing of rollouts or GitOps and imports nothing of ours; it could be published alone.
- Its core is pure: time is the `clock` it is given, names and uids come from a seed and a counter,
  and the same calls give the same bytes. Only `http` and `web` touch sockets and real time.
- Objects are plain JSON, shared between the store, its history and every caller, and never changed
  in place. A write copies along the changed path only.
- It answers as a real kube-apiserver (1.32 to 1.36) does, in the same words, because what is
  learned here must hold there. Where it cannot, it says so in docs/emulator.md.

Emulated: the built-in kinds of docs/emulator.md with decoding, defaults, validation and immutable
fields; CustomResourceDefinitions with structural schemas and several versions; all verbs and patch
types; server-side apply with managed fields; status and scale; selectors, paging, watches with
bookmarks and expiry; generation, optimistic locking, dry run; finalizers, grace periods,
propagation and the end of namespaces.

Not emulated: RBAC and authentication, admission (webhooks, policies, quotas, limit ranges, service
accounts), CEL rules, conversion webhooks, aggregated APIs.

`tests/contract` is the suite that any back end must pass; `tests/unit/emulator` compares patches,
decoding and apply with answers of the real server's own libraries.
"""

from rollouts.emulator.engine import WriteRecord
from rollouts.emulator.errors import ApiError
from rollouts.emulator.reading import ListResult
from rollouts.emulator.resources import Manifest, ResourceType
from rollouts.emulator.server import ApiServer
from rollouts.emulator.watch import Watch, WatchEvent

__all__ = [
    "ApiError",
    "ApiServer",
    "ListResult",
    "Manifest",
    "ResourceType",
    "Watch",
    "WatchEvent",
    "WriteRecord",
]
