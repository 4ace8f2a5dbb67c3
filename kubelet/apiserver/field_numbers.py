"""The numbers of fields in the binary form of objects, by message: facts of the Kubernetes API 1.36.

Each field is NUMBER:NAME:TYPE, the name being that of JSON. Types: s text, b boolean, i integer, y bytes, q a quantity,
t a time, x a number or text, - what the agent does not know, else a message; * several, % a mapping from text. A name
of ^ says that the fields of the message are among those of this one.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["Field", "fields_of"]


class Field(NamedTuple):
    """A field: its name in JSON and its type."""

    name: str
    type: str


def fields_of(message: str) -> Mapping[int, Field] | None:
    """The fields of a message by number; None for one that is not known."""
    return _all().get(message)


@functools.cache
def _all() -> dict[str, dict[int, Field]]:
    found: dict[str, dict[int, Field]] = {}
    fields: dict[int, Field] = {}
    for word in _FIELDS.split():
        number, colon, rest = word.partition(":")
        if not colon:
            fields = found[number] = {}
            continue
        name, _, kind = rest.rpartition(":")
        fields[int(number)] = Field(name, kind)
    return found


_FIELDS = """
Affinity 1:nodeAffinity:NodeAffinity 2:podAffinity:- 3:podAntiAffinity:-
AppArmorProfile 1:type:s 2:localhostProfile:s
Capabilities 1:add:*s 2:drop:*s
ConfigMap 1:metadata:ObjectMeta 2:data:%s 3:binaryData:%y 4:immutable:b
ConfigMapEnvSource 1:^:LocalObjectReference 2:optional:b
ConfigMapKeySelector 1:^:LocalObjectReference 2:key:s 3:optional:b
ConfigMapProjection 1:^:LocalObjectReference 2:items:*KeyToPath 4:optional:b
ConfigMapVolumeSource 1:^:LocalObjectReference 2:items:*KeyToPath 3:defaultMode:i 4:optional:b 5:defaultUser:i
Container 1:name:s 2:image:s 3:command:*s 4:args:*s 5:workingDir:s 6:ports:*ContainerPort 7:env:*EnvVar
  8:resources:ResourceRequirements 9:volumeMounts:*VolumeMount 10:livenessProbe:Probe 11:readinessProbe:Probe
  12:lifecycle:Lifecycle 13:terminationMessagePath:s 14:imagePullPolicy:s 15:securityContext:SecurityContext
  16:stdin:b 17:stdinOnce:b 18:tty:b 19:envFrom:*EnvFromSource 20:terminationMessagePolicy:s 21:volumeDevices:-
  22:startupProbe:Probe 23:resizePolicy:*ContainerResizePolicy 24:restartPolicy:s
  25:restartPolicyRules:*ContainerRestartRule
ContainerPort 1:name:s 2:hostPort:i 3:containerPort:i 4:protocol:s 5:hostIP:s
ContainerResizePolicy 1:resourceName:s 2:restartPolicy:s
ContainerRestartRule 1:action:s 2:exitCodes:ContainerRestartRuleOnExitCodes
ContainerRestartRuleOnExitCodes 1:operator:s 2:values:*i
CronJob 1:metadata:ObjectMeta 2:spec:CronJobSpec 3:status:-
CronJobSpec 1:schedule:s 2:startingDeadlineSeconds:i 3:concurrencyPolicy:s 4:suspend:b 5:jobTemplate:JobTemplateSpec
  6:successfulJobsHistoryLimit:i 7:failedJobsHistoryLimit:i 8:timeZone:s
DaemonSet 1:metadata:ObjectMeta 2:spec:DaemonSetSpec 3:status:-
DaemonSetSpec 1:selector:LabelSelector 2:template:PodTemplateSpec 3:updateStrategy:DaemonSetUpdateStrategy
  4:minReadySeconds:i 6:revisionHistoryLimit:i
DaemonSetUpdateStrategy 1:type:s 2:rollingUpdate:RollingUpdateDaemonSet
Deployment 1:metadata:ObjectMeta 2:spec:DeploymentSpec 3:status:-
DeploymentSpec 1:replicas:i 2:selector:LabelSelector 3:template:PodTemplateSpec 4:strategy:DeploymentStrategy
  5:minReadySeconds:i 6:revisionHistoryLimit:i 7:paused:b 9:progressDeadlineSeconds:i
DeploymentStrategy 1:type:s 2:rollingUpdate:RollingUpdateDeployment
DownwardAPIProjection 1:items:*DownwardAPIVolumeFile
DownwardAPIVolumeFile 1:path:s 2:fieldRef:ObjectFieldSelector 3:resourceFieldRef:ResourceFieldSelector 4:mode:i
  5:user:i
DownwardAPIVolumeSource 1:items:*DownwardAPIVolumeFile 2:defaultMode:i 3:defaultUser:i
EmptyDirVolumeSource 1:medium:s 2:sizeLimit:q 3:mode:i
EnvFromSource 1:prefix:s 2:configMapRef:ConfigMapEnvSource 3:secretRef:SecretEnvSource
EnvVar 1:name:s 2:value:s 3:valueFrom:EnvVarSource
EnvVarSource 1:fieldRef:ObjectFieldSelector 2:resourceFieldRef:ResourceFieldSelector
  3:configMapKeyRef:ConfigMapKeySelector 4:secretKeyRef:SecretKeySelector 5:fileKeyRef:-
EphemeralContainer 1:^:EphemeralContainerCommon 2:targetContainerName:s
EphemeralContainerCommon 1:name:s 2:image:s 3:command:*s 4:args:*s 5:workingDir:s 6:ports:*ContainerPort 7:env:*EnvVar
  8:resources:ResourceRequirements 9:volumeMounts:*VolumeMount 10:livenessProbe:Probe 11:readinessProbe:Probe
  12:lifecycle:Lifecycle 13:terminationMessagePath:s 14:imagePullPolicy:s 15:securityContext:SecurityContext
  16:stdin:b 17:stdinOnce:b 18:tty:b 19:envFrom:*EnvFromSource 20:terminationMessagePolicy:s 21:volumeDevices:-
  22:startupProbe:Probe 23:resizePolicy:*ContainerResizePolicy 24:restartPolicy:s
  25:restartPolicyRules:*ContainerRestartRule
ExecAction 1:command:*s
GRPCAction 1:port:i 2:service:s 3:mode:s
HTTPGetAction 1:path:s 2:port:x 3:host:s 4:scheme:s 5:httpHeaders:*HTTPHeader 6:protocol:s
HTTPHeader 1:name:s 2:value:s
HostAlias 1:ip:s 2:hostnames:*s
HostPathVolumeSource 1:path:s 2:type:s
ImageVolumeSource 1:reference:s 2:pullPolicy:s
Job 1:metadata:ObjectMeta 2:spec:JobSpec 3:status:-
JobSpec 1:parallelism:i 2:completions:i 3:activeDeadlineSeconds:i 4:selector:LabelSelector 5:manualSelector:b
  6:template:PodTemplateSpec 7:backoffLimit:i 8:ttlSecondsAfterFinished:i 9:completionMode:s 10:suspend:b
  11:podFailurePolicy:PodFailurePolicy 12:backoffLimitPerIndex:i 13:maxFailedIndexes:i 14:podReplacementPolicy:s
  15:managedBy:s 16:successPolicy:SuccessPolicy 17:scheduling:-
JobTemplateSpec 1:metadata:ObjectMeta 2:spec:JobSpec
KeyToPath 1:key:s 2:path:s 3:mode:i 4:user:i
LabelSelector 1:matchLabels:%s 2:matchExpressions:*LabelSelectorRequirement
LabelSelectorRequirement 1:key:s 2:operator:s 3:values:*s
Lifecycle 1:postStart:LifecycleHandler 2:preStop:LifecycleHandler 3:stopSignal:s
LifecycleHandler 1:exec:ExecAction 2:httpGet:HTTPGetAction 3:tcpSocket:TCPSocketAction 4:sleep:SleepAction
LocalObjectReference 1:name:s
NodeAffinity 1:requiredDuringSchedulingIgnoredDuringExecution:NodeSelector
  2:preferredDuringSchedulingIgnoredDuringExecution:-
NodeSelector 1:nodeSelectorTerms:*NodeSelectorTerm
NodeSelectorRequirement 1:key:s 2:operator:s 3:values:*s
NodeSelectorTerm 1:matchExpressions:*NodeSelectorRequirement 2:matchFields:*NodeSelectorRequirement
ObjectFieldSelector 1:apiVersion:s 2:fieldPath:s
ObjectMeta 1:name:s 2:generateName:s 3:namespace:s 4:selfLink:s 5:uid:s 6:resourceVersion:s 7:generation:i
  8:creationTimestamp:t 9:deletionTimestamp:t 10:deletionGracePeriodSeconds:i 11:labels:%s 12:annotations:%s
  13:ownerReferences:*OwnerReference 14:finalizers:*s 17:managedFields:*-
OwnerReference 1:kind:s 3:name:s 4:uid:s 5:apiVersion:s 6:controller:b 7:blockOwnerDeletion:b
Pod 1:metadata:ObjectMeta 2:spec:PodSpec 3:status:-
PodDNSConfig 1:nameservers:*s 2:searches:*s 3:options:*PodDNSConfigOption
PodDNSConfigOption 1:name:s 2:value:s
PodFailurePolicy 1:rules:*PodFailurePolicyRule
PodFailurePolicyOnExitCodesRequirement 1:containerName:s 2:operator:s 3:values:*i
PodFailurePolicyOnPodConditionsPattern 1:type:s 2:status:s
PodFailurePolicyRule 1:action:s 2:onExitCodes:PodFailurePolicyOnExitCodesRequirement
  3:onPodConditions:*PodFailurePolicyOnPodConditionsPattern
PodOS 1:name:s
PodReadinessGate 1:conditionType:s
PodSecurityContext 1:seLinuxOptions:SELinuxOptions 2:runAsUser:i 3:runAsNonRoot:b 4:supplementalGroups:*i 5:fsGroup:i
  6:runAsGroup:i 7:sysctls:*Sysctl 8:windowsOptions:- 9:fsGroupChangePolicy:s 10:seccompProfile:SeccompProfile
  11:appArmorProfile:AppArmorProfile 12:supplementalGroupsPolicy:s 13:seLinuxChangePolicy:s
PodSpec 1:volumes:*Volume 2:containers:*Container 3:restartPolicy:s 4:terminationGracePeriodSeconds:i
  5:activeDeadlineSeconds:i 6:dnsPolicy:s 7:nodeSelector:%s 8:serviceAccountName:s 9:serviceAccount:s 10:nodeName:s
  11:hostNetwork:b 12:hostPID:b 13:hostIPC:b 14:securityContext:PodSecurityContext
  15:imagePullSecrets:*LocalObjectReference 16:hostname:s 17:subdomain:s 18:affinity:Affinity 19:schedulerName:s
  20:initContainers:*Container 21:automountServiceAccountToken:b 22:tolerations:*Toleration 23:hostAliases:*HostAlias
  24:priorityClassName:s 25:priority:i 26:dnsConfig:PodDNSConfig 27:shareProcessNamespace:b
  28:readinessGates:*PodReadinessGate 29:runtimeClassName:s 30:enableServiceLinks:b 31:preemptionPolicy:s
  32:overhead:%q 33:topologySpreadConstraints:- 34:ephemeralContainers:*EphemeralContainer 35:setHostnameAsFQDN:b
  36:os:PodOS 37:hostUsers:b 38:schedulingGates:- 39:resourceClaims:- 40:resources:ResourceRequirements
  41:hostnameOverride:s 43:schedulingGroup:- 44:evictionResponders:-
PodTemplateSpec 1:metadata:ObjectMeta 2:spec:PodSpec
Probe 1:^:ProbeHandler 2:initialDelaySeconds:i 3:timeoutSeconds:i 4:periodSeconds:i 5:successThreshold:i
  6:failureThreshold:i 7:terminationGracePeriodSeconds:i
ProbeHandler 1:exec:ExecAction 2:httpGet:HTTPGetAction 3:tcpSocket:TCPSocketAction 4:grpc:GRPCAction
ProjectedVolumeSource 1:sources:*VolumeProjection 2:defaultMode:i 3:defaultUser:i
ReplicaSet 1:metadata:ObjectMeta 2:spec:ReplicaSetSpec 3:status:-
ReplicaSetSpec 1:replicas:i 2:selector:LabelSelector 3:template:PodTemplateSpec 4:minReadySeconds:i
ResourceFieldSelector 1:containerName:s 2:resource:s 3:divisor:q
ResourceRequirements 1:limits:%q 2:requests:%q 3:claims:-
RollingUpdateDaemonSet 1:maxUnavailable:x 2:maxSurge:x
RollingUpdateDeployment 1:maxUnavailable:x 2:maxSurge:x
SELinuxOptions 1:user:s 2:role:s 3:type:s 4:level:s
SeccompProfile 1:type:s 2:localhostProfile:s
Secret 1:metadata:ObjectMeta 2:data:%y 3:type:s 4:stringData:%s 5:immutable:b
SecretEnvSource 1:^:LocalObjectReference 2:optional:b
SecretKeySelector 1:^:LocalObjectReference 2:key:s 3:optional:b
SecretProjection 1:^:LocalObjectReference 2:items:*KeyToPath 4:optional:b
SecretVolumeSource 1:secretName:s 2:items:*KeyToPath 3:defaultMode:i 4:optional:b 5:defaultUser:i
SecurityContext 1:capabilities:Capabilities 2:privileged:b 3:seLinuxOptions:SELinuxOptions 4:runAsUser:i
  5:runAsNonRoot:b 6:readOnlyRootFilesystem:b 7:allowPrivilegeEscalation:b 8:runAsGroup:i 9:procMount:s
  10:windowsOptions:- 11:seccompProfile:SeccompProfile 12:appArmorProfile:AppArmorProfile
SleepAction 1:seconds:i
SuccessPolicy 1:rules:*SuccessPolicyRule
SuccessPolicyRule 1:succeededIndexes:s 2:succeededCount:i
Sysctl 1:name:s 2:value:s
TCPSocketAction 1:port:x 2:host:s
Toleration 1:key:s 2:operator:s 3:value:s 4:effect:s 5:tolerationSeconds:i
Volume 1:name:s 2:^:VolumeSource
VolumeMount 1:name:s 2:readOnly:b 3:mountPath:s 4:subPath:s 5:mountPropagation:s 6:subPathExpr:s 7:recursiveReadOnly:s
  8:bindMountOptions:*s
VolumeProjection 1:secret:SecretProjection 2:downwardAPI:DownwardAPIProjection 3:configMap:ConfigMapProjection
  4:serviceAccountToken:- 5:clusterTrustBundle:- 6:podCertificate:-
VolumeSource 1:hostPath:HostPathVolumeSource 2:emptyDir:EmptyDirVolumeSource 3:gcePersistentDisk:-
  4:awsElasticBlockStore:- 5:gitRepo:- 6:secret:SecretVolumeSource 7:nfs:- 8:iscsi:- 9:glusterfs:-
  10:persistentVolumeClaim:- 11:rbd:- 12:flexVolume:- 13:cinder:- 14:cephfs:- 15:flocker:-
  16:downwardAPI:DownwardAPIVolumeSource 17:fc:- 18:azureFile:- 19:configMap:ConfigMapVolumeSource 20:vsphereVolume:-
  21:quobyte:- 22:azureDisk:- 23:photonPersistentDisk:- 24:portworxVolume:- 25:scaleIO:-
  26:projected:ProjectedVolumeSource 27:storageos:- 28:csi:- 29:ephemeral:- 30:image:ImageVolumeSource
"""
