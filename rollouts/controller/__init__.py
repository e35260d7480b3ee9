"""The shell: know the cluster, look at what changed, have it planned, do it, and sleep.

A controller follows the kinds that matter (`operator` our own by kopf, informers all others),
turns each change into the key of an object (`hub`), and works on keys one at a time each
(`queue`), as long as it holds a Lease (`leader`, `fence`). One pass over a Rollout is `reconcile`:
`observe` gathers the views into one look, the planner of `rollouts.core` decides, `execute`
carries out, and the time to look again goes back to the queue. `app` puts the parts together.

`views`, `reconcile`, `observe` and `execute` await nothing but the `Cluster`, so that the
simulator can drive them. Nothing here decides what a rollout should do; only `operator` knows
kopf, and no module knows the `kubernetes` package.
"""
