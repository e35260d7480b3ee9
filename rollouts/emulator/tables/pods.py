"""Wire types inside a pod template and a pod status, without volumes.

The notation is explained in `rollouts.emulator.wire`; the facts are those of Kubernetes 1.34.
"""

from __future__ import annotations

PODS = """
Affinity: nodeAffinity:*NodeAffinity podAffinity:*PodAffinity podAntiAffinity:*PodAntiAffinity
AppArmorProfile: type:s! localhostProfile:*s
Capabilities: add:[]s drop:[]s
ConfigMapEnvSource: name:s optional:*b
ConfigMapKeySelector@: name:s key:s! optional:*b
Container: name:s! image:s command:[]s args:[]s workingDir:s
  ports:[]ContainerPort(containerPort,protocol)+containerPort envFrom:[]EnvFromSource
  env:[]EnvVar(name)+name resources:ResourceRequirements resizePolicy:[]ContainerResizePolicy
  restartPolicy:*s restartPolicyRules:[]ContainerRestartRule
  volumeMounts:[]VolumeMount(mountPath)+mountPath
  volumeDevices:[]VolumeDevice(devicePath)+devicePath livenessProbe:*Probe readinessProbe:*Probe
  startupProbe:*Probe lifecycle:*Lifecycle terminationMessagePath:s terminationMessagePolicy:s
  imagePullPolicy:s securityContext:*SecurityContext stdin:b stdinOnce:b tty:b
ContainerExtendedResourceRequest: containerName:s! resourceName:s! requestName:s!
ContainerPort: name:s hostPort:i containerPort:i! protocol:s=TCP hostIP:s
ContainerResizePolicy: resourceName:s! restartPolicy:s!
ContainerRestartRule: action:s exitCodes:*ContainerRestartRuleOnExitCodes
ContainerRestartRuleOnExitCodes: operator:s values:[]i(*)
ContainerState: waiting:*ContainerStateWaiting running:*ContainerStateRunning
  terminated:*ContainerStateTerminated
ContainerStateRunning: startedAt:t
ContainerStateTerminated: exitCode:i! signal:i reason:s message:s startedAt:t finishedAt:t
  containerID:s
ContainerStateWaiting: reason:s message:s
ContainerStatus: name:s! state:ContainerState lastState:ContainerState ready:b! restartCount:i!
  image:s! imageID:s! containerID:s started:*b allocatedResources:{}q
  resources:*ResourceRequirements volumeMounts:[]VolumeMountStatus(mountPath)+mountPath
  user:*ContainerUser allocatedResourcesStatus:[]ResourceStatus(name)+name stopSignal:*s
ContainerUser: linux:*LinuxContainerUser
EnvFromSource: prefix:s configMapRef:*ConfigMapEnvSource secretRef:*SecretEnvSource
EnvVar: name:s! value:s valueFrom:*EnvVarSource
EnvVarSource: fieldRef:*ObjectFieldSelector resourceFieldRef:*ResourceFieldSelector
  configMapKeyRef:*ConfigMapKeySelector secretKeyRef:*SecretKeySelector fileKeyRef:*FileKeySelector
EphemeralContainer: name:s! image:s command:[]s args:[]s workingDir:s
  ports:[]ContainerPort(containerPort,protocol)+containerPort envFrom:[]EnvFromSource
  env:[]EnvVar(name)+name resources:ResourceRequirements resizePolicy:[]ContainerResizePolicy
  restartPolicy:*s restartPolicyRules:[]ContainerRestartRule
  volumeMounts:[]VolumeMount(mountPath)+mountPath
  volumeDevices:[]VolumeDevice(devicePath)+devicePath livenessProbe:*Probe readinessProbe:*Probe
  startupProbe:*Probe lifecycle:*Lifecycle terminationMessagePath:s terminationMessagePolicy:s
  imagePullPolicy:s securityContext:*SecurityContext stdin:b stdinOnce:b tty:b
  targetContainerName:s
ExecAction: command:[]s
FileKeySelector@: volumeName:s! path:s! key:s! optional:*b
GRPCAction: port:i! service:*s!
HTTPGetAction: path:s port:x! host:s scheme:s httpHeaders:[]HTTPHeader
HTTPHeader: name:s! value:s!
HostAlias: ip:s! hostnames:[]s
HostIP: ip:s!
Lifecycle: postStart:*LifecycleHandler preStop:*LifecycleHandler stopSignal:*s
LifecycleHandler: exec:*ExecAction httpGet:*HTTPGetAction tcpSocket:*TCPSocketAction
  sleep:*SleepAction
LinuxContainerUser: uid:l! gid:l! supplementalGroups:[]l
NodeAffinity: requiredDuringSchedulingIgnoredDuringExecution:*NodeSelector
  preferredDuringSchedulingIgnoredDuringExecution:[]PreferredSchedulingTerm
NodeSelector@: nodeSelectorTerms:[]NodeSelectorTerm!
NodeSelectorRequirement: key:s! operator:s! values:[]s
NodeSelectorTerm@: matchExpressions:[]NodeSelectorRequirement matchFields:[]NodeSelectorRequirement
ObjectFieldSelector@: apiVersion:s fieldPath:s!
PodAffinity: requiredDuringSchedulingIgnoredDuringExecution:[]PodAffinityTerm
  preferredDuringSchedulingIgnoredDuringExecution:[]WeightedPodAffinityTerm
PodAffinityTerm: labelSelector:*LabelSelector namespaces:[]s topologyKey:s!
  namespaceSelector:*LabelSelector matchLabelKeys:[]s mismatchLabelKeys:[]s
PodAntiAffinity: requiredDuringSchedulingIgnoredDuringExecution:[]PodAffinityTerm
  preferredDuringSchedulingIgnoredDuringExecution:[]WeightedPodAffinityTerm
PodCondition: type:s! observedGeneration:l status:s! lastProbeTime:t lastTransitionTime:t reason:s
  message:s
PodDNSConfig: nameservers:[]s searches:[]s options:[]PodDNSConfigOption
PodDNSConfigOption: name:s value:*s
PodExtendedResourceClaimStatus: requestMappings:[]ContainerExtendedResourceRequest!
  resourceClaimName:s!
PodIP: ip:s!
PodOS: name:s!
PodReadinessGate: conditionType:s!
PodResourceClaim: name:s! resourceClaimName:*s resourceClaimTemplateName:*s
PodResourceClaimStatus: name:s! resourceClaimName:*s
PodSchedulingGate: name:s!
PodSecurityContext: seLinuxOptions:*SELinuxOptions windowsOptions:*WindowsSecurityContextOptions
  runAsUser:*l runAsGroup:*l runAsNonRoot:*b supplementalGroups:[]l supplementalGroupsPolicy:*s
  fsGroup:*l sysctls:[]Sysctl fsGroupChangePolicy:*s seccompProfile:*SeccompProfile
  appArmorProfile:*AppArmorProfile seLinuxChangePolicy:*s
PodSpec: volumes:[]Volume(name)+name~ initContainers:[]Container(name)+name
  containers:[]Container!(name)+name ephemeralContainers:[]EphemeralContainer(name)+name
  restartPolicy:s terminationGracePeriodSeconds:*l activeDeadlineSeconds:*l dnsPolicy:s
  nodeSelector:{}s@ serviceAccountName:s serviceAccount:s automountServiceAccountToken:*b
  nodeName:s hostNetwork:b hostPID:b hostIPC:b shareProcessNamespace:*b
  securityContext:*PodSecurityContext imagePullSecrets:[]LocalObjectReference(name)+name hostname:s
  subdomain:s affinity:*Affinity schedulerName:s tolerations:[]Toleration
  hostAliases:[]HostAlias(ip)+ip priorityClassName:s priority:*i dnsConfig:*PodDNSConfig
  readinessGates:[]PodReadinessGate runtimeClassName:*s enableServiceLinks:*b preemptionPolicy:*s
  overhead:{}q
  topologySpreadConstraints:[]TopologySpreadConstraint(topologyKey,whenUnsatisfiable)+topologyKey
  setHostnameAsFQDN:*b os:*PodOS hostUsers:*b schedulingGates:[]PodSchedulingGate(name)+name
  resourceClaims:[]PodResourceClaim(name)+name~ resources:*ResourceRequirements hostnameOverride:*s
PodStatus: observedGeneration:l phase:s conditions:[]PodCondition(type)+type message:s reason:s
  nominatedNodeName:s hostIP:s hostIPs:[]HostIP+ip podIP:s podIPs:[]PodIP(ip)+ip startTime:*t
  initContainerStatuses:[]ContainerStatus containerStatuses:[]ContainerStatus qosClass:s
  ephemeralContainerStatuses:[]ContainerStatus resize:s
  resourceClaimStatuses:[]PodResourceClaimStatus(name)+name~
  extendedResourceClaimStatus:*PodExtendedResourceClaimStatus
PodTemplateSpec: metadata:ObjectMeta spec:PodSpec
PreferredSchedulingTerm: weight:i! preference:NodeSelectorTerm!
Probe: exec:*ExecAction httpGet:*HTTPGetAction tcpSocket:*TCPSocketAction grpc:*GRPCAction
  initialDelaySeconds:i timeoutSeconds:i periodSeconds:i successThreshold:i failureThreshold:i
  terminationGracePeriodSeconds:*l
ResourceClaim: name:s! request:s
ResourceFieldSelector@: containerName:s resource:s! divisor:q
ResourceHealth: resourceID:s! health:s
ResourceRequirements: limits:{}q requests:{}q claims:[]ResourceClaim(name)
ResourceStatus: name:s! resources:[]ResourceHealth(resourceID)
SELinuxOptions: user:s role:s type:s level:s
SeccompProfile: type:s! localhostProfile:*s
SecretEnvSource: name:s optional:*b
SecretKeySelector@: name:s key:s! optional:*b
SecurityContext: capabilities:*Capabilities privileged:*b seLinuxOptions:*SELinuxOptions
  windowsOptions:*WindowsSecurityContextOptions runAsUser:*l runAsGroup:*l runAsNonRoot:*b
  readOnlyRootFilesystem:*b allowPrivilegeEscalation:*b procMount:*s seccompProfile:*SeccompProfile
  appArmorProfile:*AppArmorProfile
SleepAction: seconds:l!
Sysctl: name:s! value:s!
TCPSocketAction: port:x! host:s
Toleration: key:s operator:s value:s effect:s tolerationSeconds:*l
TopologySpreadConstraint: maxSkew:i! topologyKey:s! whenUnsatisfiable:s!
  labelSelector:*LabelSelector minDomains:*i nodeAffinityPolicy:*s nodeTaintsPolicy:*s
  matchLabelKeys:[]s
TypedLocalObjectReference@: apiGroup:*s! kind:s! name:s!
TypedObjectReference: apiGroup:*s! kind:s! name:s! namespace:*s
VolumeDevice: name:s! devicePath:s!
VolumeMount: name:s! readOnly:b recursiveReadOnly:*s mountPath:s! subPath:s mountPropagation:*s
  subPathExpr:s
VolumeMountStatus: name:s! mountPath:s! readOnly:b recursiveReadOnly:*s
VolumeResourceRequirements: limits:{}q requests:{}q
WeightedPodAffinityTerm: weight:i! podAffinityTerm:PodAffinityTerm!
WindowsSecurityContextOptions: gmsaCredentialSpecName:*s gmsaCredentialSpec:*s runAsUserName:*s
  hostProcess:*b
"""
