"""Reads an Application: its sync unit, its sources, the requests and what its status remembers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from rollouts.api.application import Application
from rollouts.api.application_operation import Operation, Retry
from rollouts.api.application_source import ApplicationSource, HelmSource, KustomizeSource
from rollouts.api.documents import read_documents
from rollouts.api.refs import Manifest
from rollouts.api.times import parse_duration, parse_time
from rollouts.gitops.contents import Wish
from rollouts.gitops.fields import parse_pointer
from rollouts.gitops.inventory import parse_inventory, parse_resources
from rollouts.gitops.model import (
    Attempt,
    Condition,
    Family,
    HookRecord,
    IgnoreRule,
    Phase,
    Request,
    ResourceKey,
    RetryPolicy,
    SyncUnit,
    UnitId,
)
from rollouts.gitops.options import HOOK
from rollouts.gitops.plan import State
from rollouts.gitops.render import Overrides, RenderOptions, parse_image
from rollouts.gitops.render.chart import ChartOptions, Parameter
from rollouts.gitops.render.model import RenderedObject
from rollouts.gitops.source import RevisionRef
from rollouts.gitops.tracking import tracking_name

REFRESH = "argocd.argoproj.io/refresh"
SKIP_RECONCILE = "argocd.argoproj.io/skip-reconcile"
FINALIZER = "resources-finalizer.argocd.argoproj.io"

_PROPAGATIONS = ("foreground", "background", "orphan")


def read_unit(app: Application, control_namespace: str) -> SyncUnit:
    """Return the sync unit of an Application."""
    policy, automated = app.spec.sync_policy, app.automated
    options = sync_options(app)
    metadata = policy.managed_namespace_metadata
    propagation = options.get("PrunePropagationPolicy", "").lower()
    return SyncUnit(
        id=UnitId(Family.APPLICATION, app.metadata.namespace, app.metadata.name),
        tracking_name=tracking_name(app.metadata.namespace, app.metadata.name, control_namespace),
        destination=app.spec.destination.namespace,
        create_namespace=options.get("CreateNamespace") == "true",
        namespace_labels=tuple(sorted(metadata.labels.items())) if metadata else (),
        namespace_annotations=tuple(sorted(metadata.annotations.items())) if metadata else (),
        automated=automated is not None,
        prune=automated is not None and automated.prune,
        self_heal=automated is not None and automated.self_heal,
        allow_empty=automated is not None and automated.allow_empty,
        respect_ignored=options.get("RespectIgnoreDifferences") != "false",
        migrate_kubectl=options.get("ClientSideApplyMigration") != "false",
        fail_on_shared=options.get("FailOnSharedResource") == "true",
        last_stage_prune=options.get("PruneLast") == "true",
        prune_propagation=propagation.capitalize() if propagation in _PROPAGATIONS else "",
        ignore=tuple(
            IgnoreRule(
                group=rule.group,
                kind=rule.kind,
                name=rule.name,
                namespace=rule.namespace,
                pointers=tuple(each for each in rule.json_pointers if _is_pointer(each)),
                managers=rule.managed_fields_managers,
            )
            for rule in app.spec.ignore_differences
        ),
        retry=_retry(policy.retry, default_limit=5),
    )


def sync_options(app: Application) -> dict[str, str]:
    """Return the sync options that hold: those of an operation go before those of the spec.

    Differs from the peer: an operation that states none inherits the spec's.
    """
    operation = app.operation.sync if app.operation else None
    stated = operation.sync_options if operation and operation.sync_options else ()
    found: dict[str, str] = {}
    for text in (*app.spec.sync_policy.sync_options, *stated):
        name, _, value = text.partition("=")
        found[name.strip()] = value.strip()
    return found


def read_wishes(app: Application, revision: str = "") -> tuple[Wish, ...]:
    """Return the sources of an Application.

    Args:
        revision: that of an operation, which replaces the spec's for a single source.
    """
    sources = [each for each in app.sources if each.path or not each.ref]
    return tuple(
        Wish(
            url=each.repo_url,
            ref=RevisionRef(text=revision if revision and len(sources) == 1 else _revision(each)),
            path=each.path,
            options=_options(each, app.metadata.name, app.spec.destination.namespace),
        )
        for each in sources
    )


def unreadable(app: Application) -> str:
    """Return why the sources cannot even be fetched by this version; empty when they can."""
    return "" if read_wishes(app) else "no source names a path to read manifests from"


def limits(app: Application) -> tuple[Condition, ...]:
    """Return what of the spec this version takes no notice of."""
    found: list[Condition] = []
    expressions = [
        text for rule in app.spec.ignore_differences for text in rule.jq_path_expressions
    ]
    if expressions:
        text = (
            "jqPathExpressions are not supported by this version and ignore nothing; write "
            f"jsonPointers instead of: {', '.join(expressions)}"
        )
        found.append(Condition("InvalidSpecError", text))
    unread = [each.ref for each in app.sources if each.ref and not each.path]
    if unread:
        text = f"sources that only lend files are not read by this version: {', '.join(unread)}"
        found.append(Condition("InvalidSpecError", text))
    options = sync_options(app)
    for name in ("Replace", "Force"):
        if options.get(name) == "true":
            text = f"{name}=true is not supported by this version: objects are applied in place"
            found.append(Condition("InvalidSpecError", text))
    return tuple(found)


def own_hooks(app: Application) -> tuple[RenderedObject, ...]:
    """Return what `spec.resourceHooks` create after each sync.

    A Job that leaves its restart policy open gets `Never`: the default of pods is one that no
    Job may have, and nobody else would state it.
    """
    found: list[RenderedObject] = []
    for number, hook in enumerate(app.spec.resource_hooks, 1):
        for document in read_documents(hook.hook.template.generate):
            manifest = document.manifest
            metadata = manifest["metadata"]
            notes = {HOOK: "PostSync", **(metadata.get("annotations") or {})}
            manifest = {**manifest, "metadata": {**metadata, "annotations": notes}}
            if manifest["kind"] == "Job":
                manifest = _with_restart_policy(manifest)
            found.append(RenderedObject(manifest, f"spec.resourceHooks {hook.name}", number))
    return tuple(found)


def _with_restart_policy(job: Manifest) -> Manifest:
    spec = job.get("spec") or {}
    template = spec.get("template") or {}
    pod = {"restartPolicy": "Never", **(template.get("spec") or {})}
    return {**job, "spec": {**spec, "template": {**template, "spec": pod}}}


def read_request(app: Application) -> Request | None:
    """Return the sync that `operation` asks for; None when it asks for none."""
    operation = app.operation
    if operation is None or operation.sync is None:
        return None
    chosen = [each for each in operation.sync.resources if not each.exclude]
    strategy = operation.sync.sync_strategy
    return Request(
        revision=operation.sync.revision,
        prune=operation.sync.prune,
        dry_run=operation.sync.dry_run,
        hooks=strategy is None or strategy.apply is None,
        only=tuple(ResourceKey(each.group, each.kind, each.namespace, each.name) for each in chosen)
        if operation.sync.resources
        else None,
        retry=_operation_retry(app, operation),
    )


def read_state(manifest: Manifest) -> State:
    """Return what an Application's status remembers."""
    status = manifest.get("status") or {}
    if isinstance(status.get("inventory"), dict):
        inventory = parse_inventory(status["inventory"])
    else:
        inventory = parse_resources(status.get("resources"))
    return State(inventory, _attempt(status), tuple(_hook_records(status)))


def _hook_records(status: Manifest) -> Iterator[HookRecord]:
    """Yield how far hooks are. A status that somebody else wrote may hold anything."""
    rows: Any = status.get("operationState")
    for field in ("syncResult", "resources"):
        rows = rows.get(field) if isinstance(rows, dict) else None
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict) or not row.get("hookType"):
            continue
        if row.get("hookPhase") not in tuple(Phase) or not row.get("kind") or not row.get("name"):
            continue
        group, kind, namespace, name, version, phase, message = (
            str(row.get(field) or "")
            for field in ("group", "kind", "namespace", "name", "version", "hookType", "message")
        )
        key = ResourceKey(group, kind, namespace, name)
        yield HookRecord(key, version, phase, Phase(row["hookPhase"]), message)


def annotation(manifest: Manifest, name: str) -> str:
    """Return the text of an annotation; empty when it is not there."""
    return str(((manifest.get("metadata") or {}).get("annotations") or {}).get(name, ""))


def known_commits(manifest: Manifest) -> tuple[str, ...]:
    """Return the commits that were compared last, one per source."""
    sync = (manifest.get("status") or {}).get("sync") or {}
    several = sync.get("revisions")
    if isinstance(several, list) and several:
        return tuple(str(each) for each in several)
    return (str(sync["revision"]),) if sync.get("revision") else ()


def _attempt(status: Manifest) -> Attempt | None:
    """Read the last operation. A status that somebody else wrote may hold anything."""
    operation = status.get("operationState")
    if not isinstance(operation, dict) or operation.get("phase") not in tuple(Phase):
        return None
    wanted = operation.get("operation") or {}
    sync, result = wanted.get("sync") or {}, operation.get("syncResult") or {}
    ours = status.get("lastAttempt") or {}
    heals = sync.get("autoHealAttemptsCount") or sync.get("selfHealAttemptsCount")
    return Attempt(
        phase=Phase(operation["phase"]),
        revision=str(result.get("revision") or sync.get("revision") or ""),
        digest=str(ours.get("digest") or ""),
        started_at=_time(operation.get("startedAt")),
        finished_at=_time(operation.get("finishedAt")),
        automated=bool((wanted.get("initiatedBy") or {}).get("automated")),
        retries=_count(operation.get("retryCount")),
        heals=_count(heals),
        fatal=bool(ours.get("fatal")),
        failure=str(ours.get("failure") or ""),
        message=str(operation.get("message") or ""),
    )


def _revision(source: ApplicationSource) -> str:
    return "" if source.target_revision == "HEAD" else source.target_revision


def _options(source: ApplicationSource, name: str, namespace: str) -> RenderOptions:
    directory = source.directory
    tool = "auto"
    if source.chart or source.helm:
        tool = "helm"
    elif source.kustomize:
        tool = "kustomize"
    elif directory:
        tool = "directory"
    return RenderOptions(
        family=Family.APPLICATION,
        tool=tool,  # type: ignore[arg-type]  # one of the literals above
        recurse=directory.recurse if directory else False,
        include=directory.include if directory else "",
        exclude=directory.exclude if directory else "",
        overrides=_overrides(source.kustomize) if source.kustomize else Overrides(),
        namespace=namespace,
        chart=_chart(source.helm or HelmSource(), name, namespace),
    )


def _chart(helm: HelmSource, name: str, namespace: str) -> ChartOptions:
    values = helm.values
    if helm.values_object is not None:
        values = json.dumps(helm.values_object)  # JSON is YAML.
    return ChartOptions(
        release=helm.release_name or name,
        namespace=helm.namespace or namespace,
        value_files=helm.value_files,
        ignores_missing_value_files=helm.ignore_missing_value_files,
        values=values,
        parameters=tuple(
            Parameter(each.name, each.value, each.force_string) for each in helm.parameters
        ),
        file_parameters=tuple((each.name, each.path) for each in helm.file_parameters),
        skips_crds=helm.skip_crds,
        skips_tests=helm.skip_tests,
        skips_schema=helm.skip_schema_validation,
        kube_version=helm.kube_version,
        api_versions=helm.api_versions,
    )


def _overrides(kustomize: KustomizeSource) -> Overrides:
    return Overrides(
        name_prefix=kustomize.name_prefix,
        name_suffix=kustomize.name_suffix,
        namespace=kustomize.namespace,
        images=tuple(parse_image(text) for text in kustomize.images),
        replicas=tuple(each.manifest() for each in kustomize.replicas),
        labels=tuple(sorted(kustomize.common_labels.items())),
        labels_without_selectors=kustomize.label_without_selector,
        labels_in_templates=kustomize.label_include_templates,
        annotations=tuple(sorted(kustomize.common_annotations.items())),
        force=kustomize.force_common_labels or kustomize.force_common_annotations,
        patches=tuple(each.manifest() for each in kustomize.patches),
        components=kustomize.components,
        ignore_missing_components=kustomize.ignore_missing_components,
    )


def _operation_retry(app: Application, operation: Operation) -> RetryPolicy:
    if operation.retry is not None:
        return _retry(operation.retry, default_limit=0)
    return _retry(app.spec.sync_policy.retry, default_limit=0)


def _retry(retry: Retry | None, *, default_limit: int) -> RetryPolicy:
    if retry is None:
        return RetryPolicy(limit=default_limit)
    return RetryPolicy(
        limit=retry.limit,
        delay=_positive(parse_duration(retry.backoff.duration)),
        factor=retry.backoff.factor,
        delay_max=_positive(parse_duration(retry.backoff.max_duration)),
    )


def _positive(length: timedelta) -> timedelta:
    """Return a wait of at least a second: a retry without any would never let go of a worker."""
    return max(length, timedelta(seconds=1))


def _is_pointer(text: str) -> bool:
    try:
        parse_pointer(text)
    except ValueError:
        return False
    return True


def _time(text: Any) -> datetime | None:
    try:
        return parse_time(str(text)) if text else None
    except ValueError:
        return None


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
