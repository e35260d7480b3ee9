"""Progressive delivery for Kubernetes with GitOps inside."""

__version__ = "0.1.0"
