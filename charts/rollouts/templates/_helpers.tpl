{{/* Names, labels and pieces that several templates need. */}}

{{- define "rollouts.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "rollouts.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "rollouts.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "rollouts.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Cluster-wide objects bear the namespace too: two releases of one name must not share them. */}}
{{- define "rollouts.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "rollouts.fullname" .) -}}
{{- end -}}

{{- define "rollouts.serviceAccount" -}}
{{- default (include "rollouts.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "rollouts.selectorLabels" -}}
app.kubernetes.io/name: {{ include "rollouts.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "rollouts.labels" -}}
{{- with .Values.commonLabels }}{{ toYaml . }}
{{ end -}}
{{ include "rollouts.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "rollouts.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The name of the Lease, as the controller makes it from its instance id. */}}
{{- define "rollouts.lease" -}}
{{- if .Values.instanceId -}}
{{- printf "rollouts-controller-%s" .Values.instanceId | lower | replace "_" "-" -}}
{{- else -}}
rollouts-controller
{{- end -}}
{{- end -}}

{{/* A role and its binding to the service account.
     Takes root, name (a suffix), rules (YAML text), and namespace: empty for the whole cluster. */}}
{{- define "rollouts.role" -}}
{{- $root := .root -}}
{{- $isLocal := ne .namespace "" -}}
{{- $name := printf "%s-%s" (include (ternary "rollouts.fullname" "rollouts.clusterName" $isLocal) $root) .name -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ ternary "Role" "ClusterRole" $isLocal }}
metadata:
  name: {{ $name }}
  {{- if $isLocal }}
  namespace: {{ .namespace }}
  {{- end }}
  labels:
    {{- include "rollouts.labels" $root | nindent 4 }}
rules:
  {{- .rules | trim | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ ternary "RoleBinding" "ClusterRoleBinding" $isLocal }}
metadata:
  name: {{ $name }}
  {{- if $isLocal }}
  namespace: {{ .namespace }}
  {{- end }}
  labels:
    {{- include "rollouts.labels" $root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ ternary "Role" "ClusterRole" $isLocal }}
  name: {{ $name }}
subjects:
  - kind: ServiceAccount
    name: {{ include "rollouts.serviceAccount" $root }}
    namespace: {{ $root.Release.Namespace }}
{{- end -}}

{{/* What cannot work together is refused here: a schema sees one value at a time. */}}
{{- define "rollouts.check" -}}
{{- if and (gt (int .Values.replicas) 1) (not .Values.leaderElection.enabled) -}}
{{- fail (printf "replicas is %d and leaderElection.enabled is false: all of them would work on the same Rollouts; set replicas to 1 or enable the election" (int .Values.replicas)) -}}
{{- end -}}
{{- if and .Values.namespaced .Values.gitops.clusterAdmin -}}
{{- fail "gitops.clusterAdmin grants the whole cluster and namespaced the release's namespace alone: set one of them to false" -}}
{{- end -}}
{{- with .Values.leaderElection -}}
{{- if not (and (lt (float64 .retryPeriod) (float64 .renewDeadline)) (lt (float64 .renewDeadline) (float64 .leaseDuration))) -}}
{{- fail (printf "leaderElection must satisfy retryPeriod < renewDeadline < leaseDuration, not %v < %v < %v" .retryPeriod .renewDeadline .leaseDuration) -}}
{{- end -}}
{{- end -}}
{{- end -}}
