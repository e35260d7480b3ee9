"""Where Git is pulled.

Law: a source turns a URL, a revision and credentials into a `Tree`, the read-only files of one
commit. It runs the git binary and nothing else, checks nothing out, and never shows a secret.
`address`, `credentials`, `errors`, `failures`, `globs`, `ignore`, `listing`, `revision`,
`semver` and `tree` are pure; `git`, `mirror`, `binary`, `environment` and `directory` do things.
"""

from rollouts.gitops.source.address import Address, Policy, check_policy, parse_address
from rollouts.gitops.source.credentials import (
    ANONYMOUS,
    Credentials,
    choose_repository_secret,
    read_secret,
)
from rollouts.gitops.source.directory import open_directory
from rollouts.gitops.source.errors import (
    AuthenticationFailed,
    BadPath,
    RevisionNotFound,
    SourceError,
    SourceRefused,
    SourceUnreachable,
    TooLarge,
)
from rollouts.gitops.source.git import GitCache
from rollouts.gitops.source.revision import Refs, Revision, RevisionRef
from rollouts.gitops.source.tree import Tree

__all__ = [
    "ANONYMOUS",
    "Address",
    "AuthenticationFailed",
    "BadPath",
    "Credentials",
    "GitCache",
    "Policy",
    "Refs",
    "Revision",
    "RevisionNotFound",
    "RevisionRef",
    "SourceError",
    "SourceRefused",
    "SourceUnreachable",
    "TooLarge",
    "Tree",
    "check_policy",
    "choose_repository_secret",
    "open_directory",
    "parse_address",
    "read_secret",
]
