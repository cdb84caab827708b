{{/* Written by `npm run generate` from the definitions in crds/. Do not edit. */}}
{{- define "attune.namespaceRules" -}}
- apiGroups:
    - attune.dev
  resources:
    - instructiontuningjobs
    - tuningexperiments
    - instructiondatasets
  verbs:
    - list
    - watch
- apiGroups:
    - attune.dev
  resources:
    - instructiontuningjobs/status
    - tuningexperiments/status
    - instructiondatasets/status
  verbs:
    - patch
- apiGroups:
    - attune.dev
  resources:
    - instructiontuningjobs/finalizers
    - tuningexperiments/finalizers
    - instructiondatasets/finalizers
  verbs:
    - update
- apiGroups:
    - attune.dev
  resources:
    - instructiontuningjobs
  verbs:
    - get
    - create
    - patch
- apiGroups:
    - batch
  resources:
    - jobs
  verbs:
    - get
    - list
    - watch
    - create
    - delete
- apiGroups:
    - kueue.x-k8s.io
  resources:
    - workloads
  verbs:
    - get
    - list
    - watch
- apiGroups:
    - ""
  resources:
    - persistentvolumeclaims
    - configmaps
  verbs:
    - get
    - list
    - watch
    - create
    - delete
- apiGroups:
    - ""
  resources:
    - pods
  verbs:
    - list
    - watch
- apiGroups:
    - networking.k8s.io
  resources:
    - networkpolicies
  verbs:
    - get
    - list
    - watch
    - create
    - delete
    - patch
- apiGroups:
    - ""
  resources:
    - events
  verbs:
    - list
    - create
    - patch
{{- end }}
{{- define "attune.clusterRules" -}}
- apiGroups:
    - attune.dev
  resources:
    - basemodels
    - tuningpolicies
  verbs:
    - list
    - watch
- apiGroups:
    - ""
  resources:
    - namespaces
  verbs:
    - list
    - watch
- apiGroups:
    - attune.dev
  resources:
    - basemodels/status
    - tuningpolicies/status
  verbs:
    - patch
{{- end }}
{{- define "attune.clusterReads" -}}
- apiGroups:
    - attune.dev
  resources:
    - basemodels
    - tuningpolicies
  verbs:
    - list
    - watch
- apiGroups:
    - ""
  resources:
    - namespaces
  verbs:
    - list
    - watch
{{- end }}
