"""The wire: what manifests look like, what they mean when nothing is said, what is wrong with them.

Law: values in, values out. Models are frozen views of JSON that lose nothing; rules return
problems and never raise for bad input; nothing here knows a cluster, a file or the clock.
pydantic is used here and nowhere else. May import nothing else of ours.

Where to look:
    rollout, strategy, steps, traffic, rollout_status    Rollout, argoproj.io/v1alpha1
    application, application_source, application_operation    Application, argoproj.io/v1alpha1
    git_repository, helm_repository    source.toolkit.fluxcd.io/v1 and v1beta2
    kustomization    kustomize.toolkit.fluxcd.io/v1 and v1beta2
    checks    `check_*` returns all problems of a manifest, `read_*` a model or InvalidSpec
    support    what of the peer's Rollout this version executes, refuses or ignores
    crd    the CustomResourceDefinitions, generated from the models
    times, quantity, documents, pod_template    the scalar formats of Kubernetes
"""
