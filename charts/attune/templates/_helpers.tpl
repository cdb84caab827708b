{{- define "attune.selectorLabels" -}}
app.kubernetes.io/name: attune-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "attune.labels" -}}
{{ include "attune.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: attune
{{- end }}

{{/* Cluster-wide names carry the namespace, so that two releases do not share a role. */}}
{{- define "attune.clusterName" -}}
{{ .Release.Namespace }}-attune-operator
{{- end }}

{{- define "attune.urlPort" -}}
{{- $port := get (urlParse .) "host" | regexFind ":[0-9]+$" | trimPrefix ":" -}}
{{- $port | default (ternary "443" "80" (hasPrefix "https:" .)) -}}
{{- end }}
