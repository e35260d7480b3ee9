"""Make an AnalysisRun that stands alone out of templates, or say all that is wrong at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rollouts.analysis.arguments import RolloutFacts
from rollouts.analysis.compile import TEMPLATE_ANNOTATION, compile_program
from rollouts.analysis.conditions import compile_condition
from rollouts.analysis.expression import check_metric_condition
from rollouts.analysis.resolve import RefusedRun, RunContext, resolve_run
from rollouts.analysis.templates import TemplateKey, find_uses, reference_keys
from rollouts.api.analysis_providers import EXECUTED_PROVIDERS
from rollouts.api.analysis_rules import secret_names
from rollouts.api.documents import Document
from rollouts.api.problems import Problem
from rollouts.api.refs import ANALYSIS_RUN, ANALYSIS_TEMPLATE, CLUSTER_ANALYSIS_TEMPLATE, Manifest
from rollouts.api.shape import hint
from rollouts.api.spot import Spot

INSTANCE_LABEL = "argo-rollouts.argoproj.io/controller-instance-id"

NAMESPACED_WORDS = ("template", "templates", "analysistemplate", "analysistemplates")
CLUSTER_WORDS = (
    "clustertemplate",
    "clustertemplates",
    "clusteranalysistemplate",
    "clusteranalysistemplates",
)
KINDS = (ANALYSIS_TEMPLATE, CLUSTER_ANALYSIS_TEMPLATE)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for.

    Attributes:
        templates: what is to be measured, in order.
        arguments: values by name.
        name: of the run; empty to let the server make one that begins with `name_start`.
        name_start: what the made name begins with; empty for that of the first template.
        instance: id of the controller that is meant; empty for the one without.
    """

    namespace: str
    templates: tuple[TemplateKey, ...]
    arguments: Mapping[str, str]
    name: str = ""
    name_start: str = ""
    instance: str = ""


def read_source(words: Sequence[str], *, is_cluster: bool = False) -> TemplateKey:
    """Return the template that `NAME`, `KIND/NAME` or `KIND NAME` means.

    Args:
        is_cluster: what a bare name means is one of the whole cluster.

    Raises:
        ValueError: it means none; the message says why.
    """
    written = " ".join(words)
    first, slash, rest = words[0].partition("/")
    if len(words) == 1 and not slash:
        return TemplateKey(first, is_cluster=is_cluster)
    kind, name = (first, rest) if len(words) == 1 else (words[0], words[1])
    word = kind.partition(".")[0].lower()
    is_known = word in NAMESPACED_WORDS or word in CLUSTER_WORDS
    if len(words) > 2 or not is_known or not name or "/" in name:
        raise ValueError(
            f"--from {written}: write NAME, template/NAME or clustertemplate/NAME;"
            " several templates take --from several times"
        )
    return TemplateKey(name, is_cluster=word in CLUSTER_WORDS)


def read_arguments(texts: Sequence[str]) -> dict[str, str]:
    """Return the values that `NAME=VALUE` texts give.

    Raises:
        ValueError: all texts that are none, and names that are given twice.
    """
    found: dict[str, str] = {}
    complaints = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            # The text may be a value that somebody forgot the name of, and a secret one.
            complaints.append("--argument takes NAME=VALUE, and one has no name before a =")
        elif name in found:
            complaints.append(f"--argument {name} is given twice; give it once")
        else:
            found[name] = value
    if complaints:
        raise ValueError("; ".join(complaints))
    return found


def read_templates(
    documents: Sequence[Document], namespace: str
) -> tuple[dict[TemplateKey, Manifest], tuple[Problem, ...]]:
    """Return the templates of a file by their names, and what in it is no template.

    Args:
        namespace: where the run is to be made.
    """
    found: dict[TemplateKey, Manifest] = {}
    problems = []
    for document in documents:
        spot = Spot(document.manifest)
        place = f"{document.source}, line {document.line}"
        kind, group = spot.at("kind").text, spot.at("apiVersion").text.partition("/")[0]
        known = next((each for each in KINDS if (each.kind, each.group) == (kind, group)), None)
        name, other = spot.at("metadata", "name").text, spot.at("metadata", "namespace").text
        if known is None:
            message = "is no analysis template; make other objects with kubectl create -f"
            problems.append(Problem(place, message, kind))
            continue
        key = TemplateKey(name, is_cluster=not known.namespaced)
        if not name:
            problems.append(Problem(place, "metadata.name is missing; give the template a name"))
        elif known.namespaced and other and other != namespace:
            message = f"is of another namespace than the run, {namespace}; choose with -n"
            problems.append(Problem(f"{key}: metadata.namespace", message, other))
        elif key in found:
            problems.append(Problem(place, f"{key} stands twice in the file; keep one"))
        found.setdefault(key, document.manifest)
    if not documents:
        problems.append(Problem("--from-file", "holds no object; it has to hold a template"))
    return found, tuple(problems)


def not_included(templates: Mapping[TemplateKey, Manifest]) -> tuple[TemplateKey, ...]:
    """Return the templates that no other of them includes: those that a file is about."""
    included = {
        key
        for owner, manifest in templates.items()
        for key, _ in reference_keys(Spot(manifest).at("spec", "templates"))
        if key != owner
    }
    return tuple(key for key in templates if key not in included) or tuple(templates)


def make_run(
    wish: Wish,
    templates: Mapping[TemplateKey, Manifest],
    providers: tuple[str, ...] = EXECUTED_PROVIDERS,
) -> tuple[Manifest | None, tuple[Problem, ...]]:
    """Return the run that is wished for, or all that is wrong with it.

    Args:
        providers: names of the providers that the controller can ask.
        templates: those of the wish and all that they include, and perhaps others, to say which
            one was perhaps meant.
    """
    unknown = [Problem(*each) for each in _missing(wish, templates)]
    present = [key for key in wish.templates if key in templates]
    analysis = {
        "templates": [
            {"templateName": key.name, **({"clusterScope": True} if key.is_cluster else {})}
            for key in present
        ],
        "args": [{"name": name, "value": value} for name, value in wish.arguments.items()],
    }
    if not unknown:
        unknown += _unknown_arguments(wish, analysis, templates)
    if not present:
        return None, tuple(unknown)
    context = RunContext(
        RolloutFacts(), check_condition=check_metric_condition, providers=providers
    )
    run = resolve_run(analysis, templates, context)
    if isinstance(run, RefusedRun):
        return None, (*unknown, *run.problems())
    if unknown:
        return None, tuple(unknown)
    manifest = _manifest(wish, run.spec)
    # Once more as the controller will: what is refused there is refused here.
    problems = compile_program(manifest, compile_condition, providers).problems
    return (None, problems) if problems else (manifest, ())


def _missing(wish: Wish, templates: Mapping[TemplateKey, Manifest]) -> Iterator[tuple[str, str]]:
    for key in wish.templates:
        if key in templates:
            continue
        other = TemplateKey(key.name, is_cluster=not key.is_cluster)
        names = sorted(each.name for each in templates if each.is_cluster == key.is_cluster)
        where = "" if key.is_cluster else f" in namespace {wish.namespace}"
        if other in templates:
            word = "clustertemplate" if other.is_cluster else "template"
            tail = f", but {other} does: write --from {word}/{key.name}"
        else:
            tail = hint(key.name, names)
        yield f"{key}", f"does not exist{where}{tail}"


def _unknown_arguments(
    wish: Wish, analysis: Manifest, templates: Mapping[TemplateKey, Manifest]
) -> Iterator[Problem]:
    """Yield the arguments that no template asks for: what was meant would go unsaid."""
    uses, missing = find_uses(analysis, templates, {})
    if missing:
        return
    declared = sorted(
        {
            argument.at("name").text
            for use in uses
            for argument in Spot(use.manifest).at("spec", "args").each()
        }
    )
    for name in wish.arguments:
        if name not in declared:
            asked = f"; there are: {', '.join(declared)}" if declared else "; there are none"
            tail = hint(name, declared) or asked
            yield Problem(f"--argument {name}", f"is no argument of the templates{tail}")


def exposed_secrets(wish: Wish, templates: Mapping[TemplateKey, Manifest]) -> tuple[str, ...]:
    """Return the arguments that are written out although a template has them from a Secret."""
    specs = [Spot(manifest).at("spec", "args") for manifest in templates.values()]
    secret = frozenset[str]().union(*(secret_names(each) for each in specs))
    return tuple(name for name in wish.arguments if name in secret)


def _manifest(wish: Wish, spec: Manifest) -> Manifest:
    first = wish.templates[0].name
    metadata: Manifest = (
        {"name": wish.name} if wish.name else {"generateName": wish.name_start or f"{first}-"}
    )
    metadata["namespace"] = wish.namespace
    if wish.instance:
        metadata["labels"] = {INSTANCE_LABEL: wish.instance}
    metadata["annotations"] = {TEMPLATE_ANNOTATION: first}
    return {
        "apiVersion": ANALYSIS_RUN.api_version,
        "kind": ANALYSIS_RUN.kind,
        "metadata": metadata,
        "spec": spec,
    }
