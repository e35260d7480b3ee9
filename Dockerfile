# The controller with git, kustomize and helm beside it. Build: docker build -t rollouts .
# Nothing is fetched but packages of Debian, PyPI and the Go module proxy, at pinned versions.

# kustomize and helm from their published sources: Debian has neither.
FROM golang:1.26.8-bookworm AS tools
ENV CGO_ENABLED=0 GOFLAGS=-trimpath
WORKDIR /src/helm
COPY tools/helm/go.mod tools/helm/go.sum ./
RUN go build -ldflags "-s -w" -o /out/helm helm.sh/helm/v3/cmd/helm
WORKDIR /src/kustomize
COPY tools/kustomize/go.mod tools/kustomize/go.sum ./
RUN go build -ldflags "-s -w" -o /out/kustomize sigs.k8s.io/kustomize/kustomize/v5

FROM python:3.13.9-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY rollouts/ rollouts/
COPY examples/ examples/
RUN python -m venv /opt/rollouts \
    && /opt/rollouts/bin/pip install --no-cache-dir --no-compile . \
    && /opt/rollouts/bin/pip uninstall --yes pip \
    # Compiled here, because the root of the running container cannot be written.
    && python -m compileall -q -j 0 /opt/rollouts/lib

FROM python:3.13.9-slim-bookworm
LABEL org.opencontainers.image.title="Rollouts" \
      org.opencontainers.image.description="Progressive delivery for Kubernetes with GitOps inside" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
# git and ssh fetch repositories; tini reaps what a killed git leaves behind and passes SIGTERM on.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git openssh-client tini \
    && rm -rf /var/lib/apt/lists/* \
    # ssh refuses to work for a user without a name.
    && useradd --uid 65532 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin rollouts
COPY --from=tools /out/ /usr/local/bin/
COPY --from=build /opt/rollouts/ /opt/rollouts/
ENV PATH=/opt/rollouts/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp
USER 65532:65532
# Health, metrics.
EXPOSE 8080 8090
ENTRYPOINT ["tini", "--", "rollouts"]
CMD ["run"]
