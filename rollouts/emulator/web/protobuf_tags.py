"""Field numbers of the messages that clients send in protobuf.

One message a line: `Name: field=number ...`. The types of the fields are those of the wire types;
`field=number:type` gives one that is not in those tables, in their notation. `-=number` is a field
that nobody may set in a request, such as a status; `<Name=number` a message whose fields JSON
shows as the outer one's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from rollouts.emulator.nodes import LIST, STRUCT, Node
from rollouts.emulator.wire import BOOL, INT32, INT64, wire_type

_TAGS = """
ClusterRole: metadata=1 rules=2
ClusterRoleBinding: metadata=1 subjects=2 roleRef=3
ConfigMap: metadata=1 data=2 binaryData=3 immutable=4
ConfigMapEnvSource: <LocalObjectReference=1 optional=2
ConfigMapKeySelector: <LocalObjectReference=1 key=2 optional=3
ConfigMapVolumeSource: <LocalObjectReference=1 items=2 defaultMode=3 optional=4
Container: name=1 image=2 command=3 args=4 workingDir=5 ports=6 env=7 resources=8 volumeMounts=9
  livenessProbe=10 readinessProbe=11 terminationMessagePath=13 imagePullPolicy=14
  securityContext=15 stdin=16 stdinOnce=17 tty=18 envFrom=19 terminationMessagePolicy=20
  startupProbe=22 restartPolicy=24
ContainerPort: name=1 hostPort=2 containerPort=3 protocol=4 hostIP=5
CronJob: metadata=1 spec=2 -=3
CronJobSpec: schedule=1 startingDeadlineSeconds=2 concurrencyPolicy=3 suspend=4 jobTemplate=5
  successfulJobsHistoryLimit=6 failedJobsHistoryLimit=7 timeZone=8
CrossVersionObjectReference: kind=1 name=2 apiVersion=3
DeleteOptions: gracePeriodSeconds=1:l preconditions=2:Preconditions orphanDependents=3:b
  propagationPolicy=4:s dryRun=5:[]s
Deployment: metadata=1 spec=2 -=3
DeploymentSpec: replicas=1 selector=2 template=3 strategy=4 minReadySeconds=5
  revisionHistoryLimit=6 paused=7 progressDeadlineSeconds=9
DeploymentStrategy: type=1 rollingUpdate=2
EmptyDirVolumeSource: medium=1 sizeLimit=2
EnvFromSource: prefix=1 configMapRef=2 secretRef=3
EnvVar: name=1 value=2 valueFrom=3
EnvVarSource: fieldRef=1 resourceFieldRef=2 configMapKeyRef=3 secretKeyRef=4
Eviction: metadata=1:ObjectMeta deleteOptions=2:DeleteOptions
ExecAction: command=1
HTTPGetAction: path=1 port=2 host=3 scheme=4
HTTPIngressPath: path=1 pathType=3 backend=2
HTTPIngressRuleValue: paths=1
HorizontalPodAutoscaler: metadata=1 spec=2 -=3
HorizontalPodAutoscalerSpec: scaleTargetRef=1 minReplicas=2 maxReplicas=3 metrics=4
Ingress: metadata=1 spec=2 -=3
IngressBackend: resource=3 service=4
IngressRule: host=1 <IngressRuleValue=2
IngressRuleValue: http=1:HTTPIngressRuleValue
IngressServiceBackend: name=1 port=2
IngressSpec: defaultBackend=1 tls=2 rules=3 ingressClassName=4
IngressTLS: hosts=1 secretName=2
Job: metadata=1 spec=2 -=3
JobSpec: parallelism=1 completions=2 activeDeadlineSeconds=3 selector=4 manualSelector=5
  template=6 backoffLimit=7 ttlSecondsAfterFinished=8 completionMode=9 suspend=10
  podReplacementPolicy=14
JobTemplateSpec: metadata=1 spec=2
KeyToPath: key=1 path=2 mode=3
LabelSelector: matchLabels=1 matchExpressions=2
LabelSelectorRequirement: key=1 operator=2 values=3
LocalObjectReference: name=1
LocalSubjectAccessReview: metadata=1:ObjectMeta spec=2:SubjectAccessReviewSpec -=3
MetricSpec: type=1 resource=3
MetricTarget: type=1 value=2 averageValue=3 averageUtilization=4
Namespace: metadata=1 spec=2 -=3
NamespaceSpec: finalizers=1
NonResourceAttributes: path=1:s verb=2:s
ObjectFieldSelector: apiVersion=1 fieldPath=2
ObjectMeta: name=1 generateName=2 namespace=3 selfLink=4 uid=5 resourceVersion=6 generation=7
  creationTimestamp=8 deletionTimestamp=9 deletionGracePeriodSeconds=10 labels=11 annotations=12
  ownerReferences=13 finalizers=14 -=17
ObjectReference: kind=1 namespace=2 name=3 uid=4 apiVersion=5 resourceVersion=6 fieldPath=7
OwnerReference: kind=1 name=3 uid=4 apiVersion=5 controller=6 blockOwnerDeletion=7
PersistentVolumeClaimVolumeSource: claimName=1 readOnly=2
PodDisruptionBudget: metadata=1 spec=2 -=3
PodDisruptionBudgetSpec: minAvailable=1 selector=2 maxUnavailable=3
PodSecurityContext: runAsUser=2 runAsNonRoot=3 supplementalGroups=4 fsGroup=5 runAsGroup=6
PodSpec: volumes=1 containers=2 restartPolicy=3 terminationGracePeriodSeconds=4
  activeDeadlineSeconds=5 dnsPolicy=6 nodeSelector=7 serviceAccountName=8 serviceAccount=9
  nodeName=10 hostNetwork=11 hostPID=12 hostIPC=13 securityContext=14 imagePullSecrets=15
  hostname=16 subdomain=17 schedulerName=19 initContainers=20 automountServiceAccountToken=21
  priorityClassName=24 priority=25 enableServiceLinks=30
PodTemplateSpec: metadata=1 spec=2
PolicyRule: verbs=1 apiGroups=2 resources=3 resourceNames=4 nonResourceURLs=5
Preconditions: uid=1:s resourceVersion=2:s
PriorityClass: metadata=1 value=2 globalDefault=3 description=4 preemptionPolicy=5
Probe: <ProbeHandler=1 initialDelaySeconds=2 timeoutSeconds=3 periodSeconds=4 successThreshold=5
  failureThreshold=6 terminationGracePeriodSeconds=7
ProbeHandler: exec=1:ExecAction httpGet=2:HTTPGetAction tcpSocket=3:TCPSocketAction
ResourceAttributes: namespace=1:s verb=2:s group=3:s version=4:s resource=5:s subresource=6:s
  name=7:s
ResourceMetricSource: name=1 target=2
ResourceQuota: metadata=1 spec=2 -=3
ResourceQuotaSpec: hard=1 scopes=2
ResourceRequirements: limits=1 requests=2
Role: metadata=1 rules=2
RoleBinding: metadata=1 subjects=2 roleRef=3
RoleRef: apiGroup=1 kind=2 name=3
RollingUpdateDeployment: maxUnavailable=1 maxSurge=2
Secret: metadata=1 data=2 type=3 stringData=4 immutable=5
SecretEnvSource: <LocalObjectReference=1 optional=2
SecretKeySelector: <LocalObjectReference=1 key=2 optional=3
SecretVolumeSource: secretName=1 items=2 defaultMode=3 optional=4
SecurityContext: privileged=2 runAsUser=4 runAsNonRoot=5 readOnlyRootFilesystem=6
  allowPrivilegeEscalation=7 runAsGroup=8
SelfSubjectAccessReview: metadata=1:ObjectMeta spec=2:SelfSubjectAccessReviewSpec -=3
SelfSubjectAccessReviewSpec: resourceAttributes=1:ResourceAttributes
  nonResourceAttributes=2:NonResourceAttributes
SelfSubjectReview: metadata=1:ObjectMeta -=2
SelfSubjectRulesReview: metadata=1:ObjectMeta spec=2:SelfSubjectRulesReviewSpec -=3
SelfSubjectRulesReviewSpec: namespace=1:s
Service: metadata=1 spec=2 -=3
ServiceAccount: metadata=1 secrets=2 imagePullSecrets=3 automountServiceAccountToken=4
ServiceBackendPort: name=1 number=2
ServicePort: name=1 protocol=2 port=3 targetPort=4 nodePort=5 appProtocol=6
ServiceSpec: ports=1 selector=2 clusterIP=3 type=4 externalIPs=5 sessionAffinity=7
  loadBalancerIP=8 loadBalancerSourceRanges=9 externalName=10 externalTrafficPolicy=11
  healthCheckNodePort=12 publishNotReadyAddresses=13 ipFamilyPolicy=17 clusterIPs=18
  ipFamilies=19 allocateLoadBalancerNodePorts=20 loadBalancerClass=21 internalTrafficPolicy=22
  trafficDistribution=23
Subject: kind=1 apiGroup=2 name=3 namespace=4
SubjectAccessReview: metadata=1:ObjectMeta spec=2:SubjectAccessReviewSpec -=3
SubjectAccessReviewSpec: resourceAttributes=1:ResourceAttributes
  nonResourceAttributes=2:NonResourceAttributes user=3:s groups=4:[]s uid=6:s
TCPSocketAction: port=1 host=2
TokenReview: metadata=1:ObjectMeta spec=2:TokenReviewSpec -=3
TokenReviewSpec: token=1:s audiences=2:[]s
Volume: name=1 <VolumeSource=2
VolumeMount: name=1 readOnly=2 mountPath=3 subPath=4
VolumeSource: hostPath=1:HostPathVolumeSource emptyDir=2:EmptyDirVolumeSource
  secret=6:SecretVolumeSource persistentVolumeClaim=10:PersistentVolumeClaimVolumeSource
  configMap=19:ConfigMapVolumeSource
HostPathVolumeSource: path=1 type=2
"""


@dataclass(frozen=True, slots=True, eq=False)
class Tag:
    """One numbered field: its JSON name and type; `inline` ones are shown as the outer's own."""

    name: str
    node: Node
    inline: bool = False


IGNORED = Tag("", Node(STRUCT))

_LETTERS = {"s": Node("string"), "b": Node(BOOL), "i": Node(INT32), "l": Node(INT64)}


@cache
def _texts() -> dict[str, str]:
    lines = _TAGS.strip("\n").replace("\n  ", " ").split("\n")
    return dict(line.split(": ", 1) for line in lines)


@cache
def tags_of(name: str) -> dict[int, Tag]:
    """Return the fields of a message by number; unknown messages have none."""
    return dict(_read(name, token) for token in _texts().get(name, "").split())


def _read(owner: str, token: str) -> tuple[int, Tag]:
    found = re.fullmatch(r"(<?)([\w-]+)=(\d+)(?::(.+))?", token)
    assert found is not None, token
    inline, name, number, kind = found.groups()
    if name == "-":
        return int(number), IGNORED
    if inline:
        return int(number), Tag(name, Node(STRUCT, name), inline=True)
    if kind is None:
        field = wire_type(owner).fields.get(name)
        assert field is not None, f"{owner}.{name} is no wire type"
        return int(number), Tag(name, field.node)
    base = kind.removeprefix("[]")
    node = _LETTERS.get(base) or Node(STRUCT, base)
    return int(number), Tag(name, Node(LIST, item=node) if kind.startswith("[]") else node)
