"""Wire types of the named API groups: workloads, networking, policy and the rest.

The notation is explained in `rollouts.emulator.wire`; the facts are those of Kubernetes 1.34.
"""

from __future__ import annotations

GROUPS = """
AggregationRule: clusterRoleSelectors:[]LabelSelector
ClusterRole: metadata:ObjectMeta rules:[]PolicyRule! aggregationRule:*AggregationRule
ClusterRoleBinding: metadata:ObjectMeta subjects:[]Subject roleRef:RoleRef!
ContainerResourceMetricSource: name:s! target:MetricTarget! container:s!
ContainerResourceMetricStatus: name:s! current:MetricValueStatus! container:s!
ControllerRevision: metadata:ObjectMeta data:j@ revision:l!
CronJob: metadata:ObjectMeta spec:CronJobSpec status:CronJobStatus
CronJobSpec: schedule:s! timeZone:*s startingDeadlineSeconds:*l concurrencyPolicy:s suspend:*b
  jobTemplate:JobTemplateSpec! successfulJobsHistoryLimit:*i failedJobsHistoryLimit:*i
CronJobStatus: active:[]ObjectReference lastScheduleTime:*t lastSuccessfulTime:*t
CrossVersionObjectReference: kind:s! name:s! apiVersion:s
CustomResourceColumnDefinition: name:s! type:s! format:s description:s priority:i jsonPath:s!
CustomResourceConversion: strategy:s! webhook:*WebhookConversion
CustomResourceDefinition: metadata:ObjectMeta spec:CustomResourceDefinitionSpec!
  status:CustomResourceDefinitionStatus
CustomResourceDefinitionCondition: type:s! status:s! lastTransitionTime:t reason:s message:s
CustomResourceDefinitionNames: plural:s! singular:s shortNames:[]s kind:s! listKind:s
  categories:[]s
CustomResourceDefinitionSpec: group:s! names:CustomResourceDefinitionNames! scope:s!
  versions:[]CustomResourceDefinitionVersion! conversion:*CustomResourceConversion
  preserveUnknownFields:b
CustomResourceDefinitionStatus: conditions:[]CustomResourceDefinitionCondition!(type)
  acceptedNames:CustomResourceDefinitionNames! storedVersions:[]s!
CustomResourceDefinitionVersion: name:s! served:b! storage:b! deprecated:b deprecationWarning:*s
  schema:*CustomResourceValidation subresources:*CustomResourceSubresources
  additionalPrinterColumns:[]CustomResourceColumnDefinition selectableFields:[]SelectableField
CustomResourceSubresourceScale: specReplicasPath:s! statusReplicasPath:s! labelSelectorPath:*s
CustomResourceSubresourceStatus:
CustomResourceSubresources: status:*CustomResourceSubresourceStatus
  scale:*CustomResourceSubresourceScale
CustomResourceValidation: openAPIV3Schema:*j
DaemonSet: metadata:ObjectMeta spec:DaemonSetSpec status:DaemonSetStatus
DaemonSetCondition: type:s! status:s! lastTransitionTime:t reason:s message:s
DaemonSetSpec: selector:*LabelSelector! template:PodTemplateSpec!
  updateStrategy:DaemonSetUpdateStrategy minReadySeconds:i revisionHistoryLimit:*i
DaemonSetStatus: currentNumberScheduled:i! numberMisscheduled:i! desiredNumberScheduled:i!
  numberReady:i! observedGeneration:l updatedNumberScheduled:i numberAvailable:i
  numberUnavailable:i collisionCount:*i conditions:[]DaemonSetCondition(type)+type
DaemonSetUpdateStrategy: type:s rollingUpdate:*RollingUpdateDaemonSet
Deployment: metadata:ObjectMeta spec:DeploymentSpec status:DeploymentStatus
DeploymentCondition: type:s! status:s! lastUpdateTime:t lastTransitionTime:t reason:s message:s
DeploymentSpec: replicas:*i selector:*LabelSelector! template:PodTemplateSpec!
  strategy:DeploymentStrategy~ minReadySeconds:i revisionHistoryLimit:*i paused:b
  progressDeadlineSeconds:*i
DeploymentStatus: observedGeneration:l replicas:i updatedReplicas:i readyReplicas:i
  availableReplicas:i unavailableReplicas:i terminatingReplicas:*i
  conditions:[]DeploymentCondition(type)+type collisionCount:*i
DeploymentStrategy: type:s rollingUpdate:*RollingUpdateDeployment
DiscoveryEndpointPort@: name:*s protocol:*s port:*i appProtocol:*s
Endpoint: addresses:[]s!(*) conditions:EndpointConditions hostname:*s targetRef:*ObjectReference
  deprecatedTopology:{}s nodeName:*s zone:*s hints:*EndpointHints
EndpointConditions: ready:*b serving:*b terminating:*b
EndpointHints: forZones:[]ForZone forNodes:[]ForNode
EndpointSlice: metadata:ObjectMeta addressType:s! endpoints:[]Endpoint!
  ports:[]DiscoveryEndpointPort!
EventsEvent: metadata:ObjectMeta! eventTime:u! series:*EventsEventSeries reportingController:s
  reportingInstance:s action:s reason:s regarding:ObjectReference related:*ObjectReference note:s
  type:s deprecatedSource:EventSource deprecatedFirstTimestamp:t deprecatedLastTimestamp:t
  deprecatedCount:i
EventsEventSeries: count:i! lastObservedTime:u!
ExternalMetricSource: metric:MetricIdentifier! target:MetricTarget!
ExternalMetricStatus: metric:MetricIdentifier! current:MetricValueStatus!
ForNode: name:s!
ForZone: name:s!
HPAScalingPolicy: type:s! value:i! periodSeconds:i!
HPAScalingRules: stabilizationWindowSeconds:*i selectPolicy:*s policies:[]HPAScalingPolicy
  tolerance:*q
HTTPIngressPath: path:s pathType:*s! backend:IngressBackend!
HTTPIngressRuleValue: paths:[]HTTPIngressPath!
HorizontalPodAutoscaler: metadata:ObjectMeta spec:HorizontalPodAutoscalerSpec
  status:HorizontalPodAutoscalerStatus
HorizontalPodAutoscalerBehavior: scaleUp:*HPAScalingRules scaleDown:*HPAScalingRules
HorizontalPodAutoscalerCondition: type:s! status:s! lastTransitionTime:t reason:s message:s
HorizontalPodAutoscalerSpec: scaleTargetRef:CrossVersionObjectReference! minReplicas:*i
  maxReplicas:i! metrics:[]MetricSpec behavior:*HorizontalPodAutoscalerBehavior
HorizontalPodAutoscalerStatus: observedGeneration:*l lastScaleTime:*t currentReplicas:i
  desiredReplicas:i! currentMetrics:[]MetricStatus!
  conditions:[]HorizontalPodAutoscalerCondition(type)+type
IPBlock: cidr:s! except:[]s
Ingress: metadata:ObjectMeta spec:IngressSpec status:IngressStatus
IngressBackend: service:*IngressServiceBackend resource:*TypedLocalObjectReference
IngressClass: metadata:ObjectMeta spec:IngressClassSpec
IngressClassParametersReference: apiGroup:*s kind:s! name:s! scope:*s! namespace:*s
IngressClassSpec: controller:s parameters:*IngressClassParametersReference
IngressLoadBalancerIngress: ip:s hostname:s ports:[]IngressPortStatus
IngressLoadBalancerStatus: ingress:[]IngressLoadBalancerIngress
IngressPortStatus: port:i! protocol:s! error:*s
IngressRule: host:s http:*HTTPIngressRuleValue
IngressServiceBackend: name:s! port:ServiceBackendPort
IngressSpec: ingressClassName:*s defaultBackend:*IngressBackend tls:[]IngressTLS
  rules:[]IngressRule
IngressStatus: loadBalancer:IngressLoadBalancerStatus
IngressTLS: hosts:[]s secretName:s
Job: metadata:ObjectMeta spec:JobSpec status:JobStatus
JobCondition: type:s! status:s! lastProbeTime:t lastTransitionTime:t reason:s message:s
JobSpec: parallelism:*i completions:*i activeDeadlineSeconds:*l podFailurePolicy:*PodFailurePolicy
  successPolicy:*SuccessPolicy backoffLimit:*i backoffLimitPerIndex:*i maxFailedIndexes:*i
  selector:*LabelSelector manualSelector:*b template:PodTemplateSpec! ttlSecondsAfterFinished:*i
  completionMode:*s suspend:*b podReplacementPolicy:*s managedBy:*s
JobStatus: conditions:[]JobCondition+type startTime:*t completionTime:*t active:i succeeded:i
  failed:i terminating:*i completedIndexes:s failedIndexes:*s
  uncountedTerminatedPods:*UncountedTerminatedPods ready:*i
JobTemplateSpec: metadata:ObjectMeta spec:JobSpec
Lease: metadata:ObjectMeta spec:LeaseSpec
LeaseSpec: holderIdentity:*s leaseDurationSeconds:*i acquireTime:*u renewTime:*u
  leaseTransitions:*i strategy:*s preferredHolder:*s
MetricIdentifier: name:s! selector:*LabelSelector
MetricSpec: type:s! object:*ObjectMetricSource pods:*PodsMetricSource
  resource:*ResourceMetricSource containerResource:*ContainerResourceMetricSource
  external:*ExternalMetricSource
MetricStatus: type:s! object:*ObjectMetricStatus pods:*PodsMetricStatus
  resource:*ResourceMetricStatus containerResource:*ContainerResourceMetricStatus
  external:*ExternalMetricStatus
MetricTarget: type:s! value:*q averageValue:*q averageUtilization:*i
MetricValueStatus: value:*q averageValue:*q averageUtilization:*i
NetworkPolicy: metadata:ObjectMeta spec:NetworkPolicySpec
NetworkPolicyEgressRule: ports:[]NetworkPolicyPort to:[]NetworkPolicyPeer
NetworkPolicyIngressRule: ports:[]NetworkPolicyPort from:[]NetworkPolicyPeer
NetworkPolicyPeer: podSelector:*LabelSelector namespaceSelector:*LabelSelector ipBlock:*IPBlock
NetworkPolicyPort: protocol:*s port:*x endPort:*i
NetworkPolicySpec: podSelector:LabelSelector! ingress:[]NetworkPolicyIngressRule
  egress:[]NetworkPolicyEgressRule policyTypes:[]s
ObjectMetricSource: describedObject:CrossVersionObjectReference! target:MetricTarget!
  metric:MetricIdentifier!
ObjectMetricStatus: metric:MetricIdentifier! current:MetricValueStatus!
  describedObject:CrossVersionObjectReference!
PodDisruptionBudget: metadata:ObjectMeta spec:PodDisruptionBudgetSpec
  status:PodDisruptionBudgetStatus
PodDisruptionBudgetSpec: minAvailable:*x selector:*LabelSelector maxUnavailable:*x
  unhealthyPodEvictionPolicy:*s
PodDisruptionBudgetStatus: observedGeneration:l disruptedPods:{}t disruptionsAllowed:i!
  currentHealthy:i! desiredHealthy:i! expectedPods:i! conditions:[]Condition(type)+type
PodFailurePolicy: rules:[]PodFailurePolicyRule!
PodFailurePolicyOnExitCodesRequirement: containerName:*s operator:s! values:[]i!(*)
PodFailurePolicyOnPodConditionsPattern: type:s! status:s!
PodFailurePolicyRule: action:s! onExitCodes:*PodFailurePolicyOnExitCodesRequirement
  onPodConditions:[]PodFailurePolicyOnPodConditionsPattern
PodsMetricSource: metric:MetricIdentifier! target:MetricTarget!
PodsMetricStatus: metric:MetricIdentifier! current:MetricValueStatus!
PolicyRule: verbs:[]s! apiGroups:[]s resources:[]s resourceNames:[]s nonResourceURLs:[]s
PriorityClass: metadata:ObjectMeta value:i! globalDefault:b description:s preemptionPolicy:*s
ReplicaSet: metadata:ObjectMeta spec:ReplicaSetSpec status:ReplicaSetStatus
ReplicaSetCondition: type:s! status:s! lastTransitionTime:t reason:s message:s
ReplicaSetSpec: replicas:*i minReadySeconds:i selector:*LabelSelector! template:PodTemplateSpec
ReplicaSetStatus: replicas:i! fullyLabeledReplicas:i readyReplicas:i availableReplicas:i
  terminatingReplicas:*i observedGeneration:l conditions:[]ReplicaSetCondition(type)+type
ResourceMetricSource: name:s! target:MetricTarget!
ResourceMetricStatus: name:s! current:MetricValueStatus!
Role: metadata:ObjectMeta rules:[]PolicyRule!
RoleBinding: metadata:ObjectMeta subjects:[]Subject roleRef:RoleRef!
RoleRef@: apiGroup:s! kind:s! name:s!
RollingUpdateDaemonSet: maxUnavailable:*x maxSurge:*x
RollingUpdateDeployment: maxUnavailable:*x maxSurge:*x
RollingUpdateStatefulSetStrategy: partition:*i maxUnavailable:*x
Scale: metadata:ObjectMeta spec:ScaleSpec status:ScaleStatus
ScaleSpec: replicas:i
ScaleStatus: replicas:i! selector:s
SelectableField: jsonPath:s!
ServiceBackendPort@: name:s number:i
ServiceReference: namespace:s! name:s! path:*s port:*i
StatefulSet: metadata:ObjectMeta spec:StatefulSetSpec status:StatefulSetStatus
StatefulSetCondition: type:s! status:s! lastTransitionTime:t reason:s message:s
StatefulSetOrdinals: start:i!
StatefulSetPersistentVolumeClaimRetentionPolicy: whenDeleted:s whenScaled:s
StatefulSetSpec: replicas:*i selector:*LabelSelector! template:PodTemplateSpec!
  volumeClaimTemplates:[]PersistentVolumeClaim serviceName:s! podManagementPolicy:s
  updateStrategy:StatefulSetUpdateStrategy revisionHistoryLimit:*i minReadySeconds:i
  persistentVolumeClaimRetentionPolicy:*StatefulSetPersistentVolumeClaimRetentionPolicy
  ordinals:*StatefulSetOrdinals
StatefulSetStatus: observedGeneration:l replicas:i! readyReplicas:i currentReplicas:i
  updatedReplicas:i currentRevision:s updateRevision:s collisionCount:*i
  conditions:[]StatefulSetCondition(type)+type availableReplicas:i!
StatefulSetUpdateStrategy: type:s rollingUpdate:*RollingUpdateStatefulSetStrategy
StorageClass: metadata:ObjectMeta provisioner:s! parameters:{}s reclaimPolicy:*s mountOptions:[]s
  allowVolumeExpansion:*b volumeBindingMode:*s allowedTopologies:[]TopologySelectorTerm
Subject@: kind:s! apiGroup:s name:s! namespace:s
SuccessPolicy: rules:[]SuccessPolicyRule!
SuccessPolicyRule: succeededIndexes:*s succeededCount:*i
UncountedTerminatedPods: succeeded:[]s(*) failed:[]s(*)
WebhookClientConfig: url:*s service:*ServiceReference caBundle:y
WebhookConversion: clientConfig:*WebhookClientConfig conversionReviewVersions:[]s!
"""
