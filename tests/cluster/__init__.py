"""A true Kubernetes control plane for tests: built from Go modules, no Docker, no root.

Law: it knows Kubernetes and nothing of this project.
"""
