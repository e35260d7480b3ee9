"""Wire types of object metadata and the selectors and conditions that all groups share.

The notation is explained in `rollouts.emulator.wire`; the facts are those of Kubernetes 1.34.
"""

from __future__ import annotations

METADATA = """
Condition: type:s! status:s! observedGeneration:l lastTransitionTime:t! reason:s! message:s!
LabelSelector@: matchLabels:{}s matchExpressions:[]LabelSelectorRequirement
LabelSelectorRequirement: key:s! operator:s! values:[]s
ManagedFieldsEntry: manager:s operation:s apiVersion:s time:*t fieldsType:s fieldsV1:*j
  subresource:s
ObjectMeta: name:s generateName:s namespace:s selfLink:s uid:s resourceVersion:s generation:l
  creationTimestamp:*t deletionTimestamp:*t deletionGracePeriodSeconds:*l labels:{}s
  annotations:{}s ownerReferences:[]OwnerReference(uid)+uid finalizers:[]s(*)+
  managedFields:[]ManagedFieldsEntry
OwnerReference@: apiVersion:s! kind:s! name:s! uid:s! controller:*b blockOwnerDeletion:*b
"""
