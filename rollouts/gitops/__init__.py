"""From a Git commit to the objects of a cluster: fetch, render, compare, plan, apply, assess.

Law: Argo CD Applications and Flux Kustomizations become one record, the `SyncUnit`, and one
`Engine` serves both. What is to be done is decided by pure files (`model`, `fields`, `managed`,
`normalize`, `owned`, `weights`, `diff`, `options`, `tracking`, `inventory`, `prepare`, `order`,
`decide`, `plan`, `attempts`, `health`, and all of `frontends` but `door` and `helm_index`); what
is done goes through the `Cluster` protocol and the git and kustomize binaries alone.

A pass never waits, never prunes after anything failed, and records what it is about to apply
before it does so. Fields that a rollout or an autoscaler owns are never fought over.

Where to look:
    service       what the controller plugs in: `GitOps.reconcile`, `GitOps.keys_for_change`
    passes        one pass per kind of our own objects
    engine        one pass of a sync unit; `compare` and `apply` are its calls
    decide, plan  whether to sync, what to touch, what to prune
    diff, owned   what is sent for an object, and what is left to others
    frontends     the two dialects: reading specs, writing status
    contents      what the sources declare; `source` fetches, `render` renders
"""
