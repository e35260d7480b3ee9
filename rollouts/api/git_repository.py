"""The GitRepository: a repository to watch. One model for v1 and v1beta2 together."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from rollouts.api.base import Bool, Duration, Items, LocalReference, Model, ObjectMeta
from rollouts.api.flux import AccessFrom, Artifact, SourceStatus
from rollouts.api.refs import GIT_REPOSITORY, ObjectRef
from rollouts.api.times import parse_duration

TIMEOUT_DEFAULT = "60s"
BRANCH_DEFAULT = "master"


class GitReference(Model):
    """What to check out: commit, else name, else semver, else tag, else branch."""

    branch: str = Field("", description="Branch; master when nothing else is given.")
    tag: str = Field("", description="Tag; goes before branch.")
    semver: str = Field("", description="Range of versions among the tags; goes before tag.")
    name: str = Field(
        "", description="Full name such as refs/heads/main; goes before semver, tag and branch."
    )
    commit: str = Field("", description="Commit; goes before all others.")


class GitVerification(Model):
    """How signatures are verified."""

    mode: str = Field("HEAD", description="What must be signed: HEAD, Tag or TagAndHEAD.")
    secret_ref: LocalReference = Field(description="Secret with the public keys.")


class GitInclude(Model):
    """Another repository whose artifact is put into this one."""

    repository: LocalReference = Field(description="The other GitRepository.")
    from_path: str = Field("", description="What to take of it; all when absent.")
    to_path: str = Field("", description="Where to put it; its name when absent.")


class GitRepositorySpec(Model):
    """Which repository is watched, and how."""

    url: str = Field(description="Address of the repository: https://, http:// or ssh://.")
    interval: Duration = Field(description="How often to look for a new commit, such as 1m.")
    ref: GitReference = Field(
        default_factory=GitReference, description="What to check out; branch master when absent."
    )
    timeout: Duration = Field(
        TIMEOUT_DEFAULT, description="Limit for one Git command; 60s when absent."
    )
    secret_ref: LocalReference | None = Field(
        None,
        description="Secret with credentials: username and password, bearerToken, or identity "
        "and known_hosts.",
    )
    suspend: Bool = Field(default=False, description="Stop watching.")
    ignore: str | None = Field(
        None, description="Files to leave out, as in .gitignore; replaces the usual list."
    )
    provider: Literal["", "generic", "aws", "azure", "github"] = Field(
        "", description="How to sign in; generic uses secretRef."
    )
    service_account_name: str = Field("", description="Service account of a cloud provider.")
    verify_: GitVerification | None = Field(
        None, alias="verify", description="Which signatures are required."
    )
    proxy_secret_ref: LocalReference | None = Field(None, description="Secret with a proxy.")
    recurse_submodules: Bool = Field(default=False, description="Fetch submodules too.")
    include: Items[GitInclude] = Field((), description="Other repositories to put into this one.")
    sparse_checkout: Items[str] = Field((), description="Directories to check out; all when none.")
    git_implementation: Literal["", "go-git", "libgit2"] = Field(
        "", description="Of v1beta2; has no effect."
    )
    access_from: AccessFrom | None = Field(None, description="Of v1beta2; has no effect.")


class GitRepositoryStatus(SourceStatus):
    """What was found in the repository."""

    included_artifacts: Items[Artifact] = Field((), description="Artifacts put into this one.")
    observed_ignore: str | None = Field(None, description="The ignore of the artifact.")
    observed_recurse_submodules: Bool = Field(
        default=False, description="Whether it holds submodules."
    )
    observed_include: Items[GitInclude] = Field((), description="The include of the artifact.")
    observed_sparse_checkout: Items[str] = Field((), description="The directories in it.")
    source_verification_mode: str = Field("", description="Which signatures were verified.")
    content_config_checksum: str = Field("", description="Of v1beta2; not written any more.")


class GitRepository(Model):
    """A Git repository to watch."""

    api_version: str = Field("", description="source.toolkit.fluxcd.io/v1, or v1beta2.")
    kind: str = Field("", description="GitRepository.")
    metadata: ObjectMeta = Field(default_factory=ObjectMeta, description="Name, labels and so on.")
    spec: GitRepositorySpec = Field(description="Which repository is watched, and how.")
    status: GitRepositoryStatus = Field(
        default_factory=GitRepositoryStatus, description="What was found in the repository."
    )

    @property
    def ref(self) -> ObjectRef:
        """Return the reference to this object."""
        return ObjectRef(GIT_REPOSITORY, self.metadata.namespace, self.metadata.name)

    @property
    def interval(self) -> timedelta:
        """Return the time between two looks."""
        return parse_duration(self.spec.interval)

    @property
    def timeout(self) -> timedelta:
        """Return the limit for one Git command."""
        return parse_duration(self.spec.timeout)

    @property
    def branch(self) -> str:
        """Return the branch that counts when no other part of `ref` is given."""
        return self.spec.ref.branch or BRANCH_DEFAULT
