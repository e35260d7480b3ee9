"""Wire types of the core group beside pods and volumes.

The notation is explained in `rollouts.emulator.wire`; the facts are those of Kubernetes 1.34.
"""

from __future__ import annotations

CORE = """
ClientIPConfig: timeoutSeconds:*i
ConfigMap: metadata:ObjectMeta immutable:*b data:{}s binaryData:{}y
ConfigMapNodeConfigSource: namespace:s! name:s! uid:s resourceVersion:s kubeletConfigKey:s!
ContainerImage: names:[]s! sizeBytes:l
DaemonEndpoint: Port:i!
EndpointAddress@: ip:s! hostname:s nodeName:*s targetRef:*ObjectReference
EndpointPort@: name:s port:i! protocol:s appProtocol:*s
EndpointSubset: addresses:[]EndpointAddress notReadyAddresses:[]EndpointAddress
  ports:[]EndpointPort
Endpoints: metadata:ObjectMeta subsets:[]EndpointSubset
Event: metadata:ObjectMeta! involvedObject:ObjectReference! reason:s message:s source:EventSource
  firstTimestamp:t lastTimestamp:t count:i type:s eventTime:u series:*EventSeries action:s
  related:*ObjectReference reportingComponent:s! reportingInstance:s!
EventSeries: count:i lastObservedTime:u
EventSource: component:s host:s
LimitRange: metadata:ObjectMeta spec:LimitRangeSpec
LimitRangeItem: type:s! max:{}q min:{}q default:{}q defaultRequest:{}q maxLimitRequestRatio:{}q
LimitRangeSpec: limits:[]LimitRangeItem!
LoadBalancerIngress: ip:s hostname:s ipMode:*s ports:[]PortStatus
LoadBalancerStatus: ingress:[]LoadBalancerIngress
Namespace: metadata:ObjectMeta spec:NamespaceSpec status:NamespaceStatus
NamespaceCondition: type:s! status:s! lastTransitionTime:t reason:s message:s
NamespaceSpec: finalizers:[]s
NamespaceStatus: phase:s conditions:[]NamespaceCondition(type)+type
Node: metadata:ObjectMeta spec:NodeSpec status:NodeStatus
NodeAddress: type:s! address:s!
NodeCondition: type:s! status:s! lastHeartbeatTime:t lastTransitionTime:t reason:s message:s
NodeConfigSource: configMap:*ConfigMapNodeConfigSource
NodeConfigStatus: assigned:*NodeConfigSource active:*NodeConfigSource
  lastKnownGood:*NodeConfigSource error:s
NodeDaemonEndpoints: kubeletEndpoint:DaemonEndpoint
NodeFeatures: supplementalGroupsPolicy:*b
NodeRuntimeHandler: name:s! features:*NodeRuntimeHandlerFeatures
NodeRuntimeHandlerFeatures: recursiveReadOnlyMounts:*b userNamespaces:*b
NodeSpec: podCIDR:s podCIDRs:[]s(*)+ providerID:s unschedulable:b taints:[]Taint
  configSource:*NodeConfigSource externalID:s
NodeStatus: capacity:{}q allocatable:{}q phase:s conditions:[]NodeCondition(type)+type
  addresses:[]NodeAddress(type)+type daemonEndpoints:NodeDaemonEndpoints nodeInfo:NodeSystemInfo
  images:[]ContainerImage volumesInUse:[]s volumesAttached:[]AttachedVolume
  config:*NodeConfigStatus runtimeHandlers:[]NodeRuntimeHandler features:*NodeFeatures
NodeSwapStatus: capacity:*l
NodeSystemInfo: machineID:s! systemUUID:s! bootID:s! kernelVersion:s! osImage:s!
  containerRuntimeVersion:s! kubeletVersion:s! kubeProxyVersion:s! operatingSystem:s!
  architecture:s! swap:*NodeSwapStatus
ObjectReference@: kind:s namespace:s name:s uid:s apiVersion:s resourceVersion:s fieldPath:s
Pod: metadata:ObjectMeta spec:PodSpec status:PodStatus
PodTemplate: metadata:ObjectMeta template:PodTemplateSpec
PortStatus: port:i! protocol:s! error:*s
ReplicationController: metadata:ObjectMeta spec:ReplicationControllerSpec
  status:ReplicationControllerStatus
ReplicationControllerCondition: type:s! status:s! lastTransitionTime:t reason:s message:s
ReplicationControllerSpec: replicas:*i minReadySeconds:i selector:{}s@ template:*PodTemplateSpec
ReplicationControllerStatus: replicas:i! fullyLabeledReplicas:i readyReplicas:i availableReplicas:i
  observedGeneration:l conditions:[]ReplicationControllerCondition(type)+type
ResourceQuota: metadata:ObjectMeta spec:ResourceQuotaSpec status:ResourceQuotaStatus
ResourceQuotaSpec: hard:{}q scopes:[]s scopeSelector:*ScopeSelector
ResourceQuotaStatus: hard:{}q used:{}q
ScopeSelector@: matchExpressions:[]ScopedResourceSelectorRequirement
ScopedResourceSelectorRequirement: scopeName:s! operator:s! values:[]s
Secret: metadata:ObjectMeta immutable:*b data:{}y stringData:{}s type:s
SecretReference@: name:s namespace:s
Service: metadata:ObjectMeta spec:ServiceSpec status:ServiceStatus
ServiceAccount: metadata:ObjectMeta secrets:[]ObjectReference(name)+name
  imagePullSecrets:[]LocalObjectReference automountServiceAccountToken:*b
ServicePort: name:s protocol:s=TCP appProtocol:*s port:i! targetPort:x nodePort:i
ServiceSpec: ports:[]ServicePort(port,protocol)+port selector:{}s@ clusterIP:s clusterIPs:[]s
  type:s externalIPs:[]s sessionAffinity:s loadBalancerIP:s loadBalancerSourceRanges:[]s
  externalName:s externalTrafficPolicy:s healthCheckNodePort:i publishNotReadyAddresses:b
  sessionAffinityConfig:*SessionAffinityConfig ipFamilies:[]s ipFamilyPolicy:*s
  allocateLoadBalancerNodePorts:*b loadBalancerClass:*s internalTrafficPolicy:*s
  trafficDistribution:*s
ServiceStatus: loadBalancer:LoadBalancerStatus conditions:[]Condition(type)+type
SessionAffinityConfig: clientIP:*ClientIPConfig
Taint: key:s! value:s effect:s! timeAdded:*t
TopologySelectorLabelRequirement: key:s! values:[]s!
TopologySelectorTerm@: matchLabelExpressions:[]TopologySelectorLabelRequirement
"""
