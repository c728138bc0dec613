{{- define "flagstaff.name" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/* Labels of every object and pod; `component` is the second member of the list. */}}
{{- define "flagstaff.labels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: flagstaff
app.kubernetes.io/instance: {{ $root.Release.Name }}
{{- with index . 1 }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end -}}

{{- define "flagstaff.secret" -}}
{{- .Values.existingSecret.name | default (include "flagstaff.name" .) -}}
{{- end -}}

{{- define "flagstaff.image" -}}
{{- $image := .Values.image -}}
image: {{ printf "%s:%s" $image.repository ($image.tag | default (printf "%s-%s" .Chart.AppVersion $image.runtime)) | quote }}
{{- with $image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
{{- end -}}

{{- define "flagstaff.databaseUrl" -}}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ include "flagstaff.secret" . }}
      key: {{ .Values.existingSecret.databaseUrlKey }}
{{- end -}}

{{- define "flagstaff.securityContext" -}}
runAsNonRoot: true
{{- with .Values.runAsUser }}
runAsUser: {{ int . }}
runAsGroup: {{ int . }}
{{- end }}
readOnlyRootFilesystem: true
allowPrivilegeEscalation: false
capabilities:
  drop: ["ALL"]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* What the pods of the service and of the migration have in common. */}}
{{- define "flagstaff.pod" -}}
enableServiceLinks: false
automountServiceAccountToken: false
{{- range $name := list "imagePullSecrets" "nodeSelector" "tolerations" "affinity" }}
{{- with index $.Values $name }}
{{ $name }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}
