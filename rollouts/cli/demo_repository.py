"""The demo's Git repository: a real bare one, and a clone that somebody works in."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

GIT_SECONDS_MAX = 30
AUTHOR = {
    "GIT_AUTHOR_NAME": "Demo Developer",
    "GIT_AUTHOR_EMAIL": "developer@example.com",
    "GIT_COMMITTER_NAME": "Demo Developer",
    "GIT_COMMITTER_EMAIL": "developer@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


class GitFailed(Exception):
    """A git command failed; the message holds what git said."""


class DemoRepository:
    """A bare repository `shop.git` and a working clone, both below one directory."""

    def __init__(self, root: Path) -> None:
        self.bare = root / "myapp.git"
        self.clone = root / "work"
        _git(root, "init", "--quiet", "--bare", "--initial-branch=main", str(self.bare))
        _git(root, "clone", "--quiet", str(self.bare), str(self.clone))
        _git(self.clone, "checkout", "--quiet", "-B", "main")

    @property
    def url(self) -> str:
        """Return the URL that the GitOps core pulls from."""
        return self.bare.as_uri()

    def write(self, path: str, text: str) -> None:
        """Put a file into the working clone."""
        target = self.clone / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def read(self, path: str) -> str:
        """Return a file of the working clone."""
        return (self.clone / path).read_text()

    def push(self, message: str) -> str:
        """Commit everything, push it, and return the commit."""
        _git(self.clone, "add", "--all")
        _git(self.clone, "commit", "--quiet", "--message", message)
        _git(self.clone, "push", "--quiet", "origin", "main")
        return _git(self.clone, "rev-parse", "HEAD").strip()

    def set_image(self, path: str, image: str) -> None:
        """Change the image in a manifest as a person would: one line."""
        changed, count = re.subn(r"(?m)^(\s*image: ).*$", rf"\g<1>{image}", self.read(path))
        assert count == 1, f"{path} has {count} image lines"
        self.write(path, changed)


def _git(directory: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603  # fixed commands on the demo's own directory
            ["git", *arguments],  # noqa: S607  # git is found on the PATH, as everywhere else
            cwd=directory,
            env={**os.environ, **AUTHOR},
            capture_output=True,
            text=True,
            timeout=GIT_SECONDS_MAX,
            check=False,
        )
    except FileNotFoundError as error:
        raise GitFailed("git is not on the PATH; install it to run the demo") from error
    if done.returncode != 0:
        raise GitFailed(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout
