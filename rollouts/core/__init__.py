"""The rollout planner: facts in, plan out.

Law of this room: pure functions over frozen values. No clock, no randomness, no input or output;
`now` is an argument. May import `rollouts.api` and `rollouts.actions`, nothing else of ours.
`planner.plan_rollout` is the entry; the files below it each hold one idea:

    facts        what was observed          spec         what the user asked for
    progress     what status remembers      revisions    which ReplicaSet plays which part
    requests     what a person asked for    replicas     how many pods each part should have
    weights      which share each part may  services     which Service selects which part
    cleanup      when old pods go           conditions   what to report
"""
