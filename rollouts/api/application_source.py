"""Where an Application's manifests come from and how they are rendered."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from rollouts.api.base import Bool, IntOrString, Items, Model, Text
from rollouts.api.kustomization import ObjectSelector


class HelmParameter(Model):
    """A Helm value that is set by its name."""

    name: str = Field("", description="Name of the value.")
    value: str = Field("", description="The value.")
    force_string: Bool = Field(
        default=False, description="Hand it over as text, whatever it looks like."
    )


class HelmFileParameter(Model):
    """A Helm value that is read from a file."""

    name: str = Field("", description="Name of the value.")
    path: str = Field("", description="Path of the file.")


class HelmSource(Model):
    """How a Helm chart is rendered."""

    release_name: str = Field("", description="Name of the release; the Application's when absent.")
    value_files: Items[str] = Field((), description="Files with values; the last one wins.")
    values: str = Field("", description="Values, as YAML text.")
    values_object: dict[str, Any] | None = Field(
        None, description="Values; goes before the text in values."
    )
    parameters: Items[HelmParameter] = Field((), description="Single values.")
    file_parameters: Items[HelmFileParameter] = Field((), description="Single values from files.")
    version: str = Field("", description="Has no effect; one version of Helm is installed.")
    pass_credentials: Bool = Field(default=False, description="Send credentials to other hosts.")
    ignore_missing_value_files: Bool = Field(
        default=False, description="A missing file is no error."
    )
    skip_crds: Bool = Field(default=False, description="Leave out the chart's CRDs.")
    skip_tests: Bool = Field(default=False, description="Leave out the chart's tests.")
    skip_schema_validation: Bool = Field(
        default=False, description="Do not check values by the schema."
    )
    namespace: str = Field("", description="Namespace to render for.")
    kube_version: str = Field("", description="Kubernetes version to render for.")
    api_versions: Items[str] = Field((), description="API versions to render for.")


class KustomizeReplica(Model):
    """A number of replicas for one workload."""

    name: str = Field(description="Name of the workload.")
    count: IntOrString = Field(description="Number of its pods.")


class KustomizePatch(Model):
    """A change to rendered objects."""

    path: str = Field("", description="File with the patch.")
    patch: str = Field("", description="The patch, as YAML text.")
    target: ObjectSelector | None = Field(None, description="Which objects it changes.")
    options: dict[str, Bool] = Field(default_factory=dict, description="Options of kustomize.")


class KustomizeSource(Model):
    """What is changed before kustomize renders."""

    name_prefix: str = Field("", description="Put before all names.")
    name_suffix: str = Field("", description="Put behind all names.")
    images: Items[str] = Field((), description="Image overrides, such as web=registry/web:1.2.")
    replicas: Items[KustomizeReplica] = Field((), description="Replicas of workloads.")
    patches: Items[KustomizePatch] = Field((), description="Changes to rendered objects.")
    components: Items[str] = Field((), description="Paths of kustomize components.")
    ignore_missing_components: Bool = Field(
        default=False, description="A missing component is no error."
    )
    common_labels: Text = Field(default_factory=dict, description="Labels for all objects.")
    common_annotations: Text = Field(
        default_factory=dict, description="Annotations for all objects."
    )
    common_annotations_envsubst: Bool = Field(
        default=False, description="Fill build variables into these annotations."
    )
    force_common_labels: Bool = Field(default=False, description="Replace labels that are there.")
    force_common_annotations: Bool = Field(default=False, description="Replace annotations there.")
    label_without_selector: Bool = Field(
        default=False, description="Leave selectors without the labels."
    )
    label_include_templates: Bool = Field(default=False, description="Label pod templates too.")
    namespace: str = Field("", description="Namespace for all objects.")
    version: str = Field("", description="Has no effect; one version of kustomize is installed.")
    kube_version: str = Field("", description="Kubernetes version to render for.")
    api_versions: Items[str] = Field((), description="API versions to render for.")


class DirectorySource(Model):
    """Which files of a plain directory are read."""

    recurse: Bool = Field(default=False, description="Read directories below too.")
    include: str = Field("", description="Glob of files to read; all when absent.")
    exclude: str = Field("", description="Glob of files to leave out; goes before include.")
    jsonnet: dict[str, Any] | None = Field(None, description="Settings of jsonnet. Not supported.")


class ApplicationSource(Model):
    """A directory of a repository, or a chart."""

    repo_url: str = Field("", alias="repoURL", description="Address of the repository.")
    target_revision: str = Field(
        "", description="Branch, tag, commit or range of versions; the default branch when absent."
    )
    path: str = Field("", description="Directory in the repository.")
    chart: str = Field("", description="Name of a chart, when the repository is one of charts.")
    ref: str = Field("", description="Name under which other sources read files of this one.")
    name: str = Field("", description="Name that is shown.")
    helm: HelmSource | None = Field(None, description="How a Helm chart is rendered.")
    kustomize: KustomizeSource | None = Field(None, description="What kustomize changes.")
    directory: DirectorySource | None = Field(None, description="Which plain files are read.")
    plugin: dict[str, Any] | None = Field(
        None, description="A config management plugin. Not supported."
    )
