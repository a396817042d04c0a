{{/* The settings of a service: its own over serviceDefaults. Arguments: root, name. */}}
{{- define "gatehouse.service" -}}
{{- $own := index .root.Values.services .name | default dict -}}
{{- $service := mergeOverwrite (deepCopy .root.Values.serviceDefaults) (deepCopy $own) -}}
{{- $_ := set $service.image "repository" ($service.image.repository | default (printf "gatehouse/%s" .name)) -}}
{{- $_ := set $service.database "secret" ($service.database.existingSecret | default (printf "%s-database" .name)) -}}
{{- toYaml $service -}}
{{- end -}}

{{/* Labels of an object. Arguments: root, name. */}}
{{- define "gatehouse.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/part-of: gatehouse
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Labels of Pods: nothing that a release without a change of theirs would change. Arguments: name, component, more. */}}
{{- define "gatehouse.podLabels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/part-of: gatehouse
{{- with .more }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "gatehouse.selector" -}}
app.kubernetes.io/name: {{ .name }}
{{- end -}}

{{/* An image of ours. Arguments: root, image. */}}
{{- define "gatehouse.image" -}}
{{- with .root.Values.image.registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- .image.repository -}}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ .image.tag | default .root.Values.image.tag | default .root.Chart.AppVersion }}{{ end -}}
{{- end -}}

{{- define "gatehouse.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "gatehouse.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "gatehouse.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What every Deployment says before its Pods. */}}
{{- define "gatehouse.rollout" -}}
# How many is the autoscaler's business.
revisionHistoryLimit: 5
progressDeadlineSeconds: 300
strategy:
  type: RollingUpdate
  rollingUpdate:
    maxSurge: 1
    maxUnavailable: 0
selector:
  matchLabels:
    {{- include "gatehouse.selector" . | nindent 4 }}
{{- end -}}

{{/* What every Pod of a Deployment says before its containers. Arguments: root, name, graceSeconds. */}}
{{- define "gatehouse.podShell" -}}
serviceAccountName: {{ .name }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- include "gatehouse.pullSecrets" .root }}
terminationGracePeriodSeconds: {{ .graceSeconds }}
securityContext:
  {{- include "gatehouse.podSecurity" 10001 | nindent 2 }}
topologySpreadConstraints:
{{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "gatehouse.selector" $ | nindent 8 }}
{{- end }}
{{- end -}}

{{/* Probes of the management port. Argument: startSeconds. */}}
{{- define "gatehouse.probes" -}}
# Alive, whatever else is away.
startupProbe:
  httpGet: {path: /healthz, port: management}
  periodSeconds: 1
  failureThreshold: {{ .startSeconds }}
livenessProbe:
  httpGet: {path: /healthz, port: management}
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: management}
  periodSeconds: 3
  timeoutSeconds: 3
  failureThreshold: 2
{{- end -}}

{{/* Where a service's database is. Argument: the service's settings. */}}
{{- define "gatehouse.databaseEnvironment" -}}
{{- $secret := .database.secret -}}
{{- range $variable, $key := dict "HOST" "host" "PORT" "port" "DATABASE" "database" "USER" "username" "SSLMODE" "sslmode" }}
- name: POSTGRES_{{ $variable }}
  valueFrom: {secretKeyRef: {name: {{ $secret }}, key: {{ $key }}}}
{{- end }}
- {name: POSTGRES_PASSWORD_FILE, value: /etc/gatehouse/database/password}
{{- if .database.hasAuthority }}
- {name: POSTGRES_SSLROOTCERT, value: /etc/gatehouse/database/ca.crt}
{{- end }}
{{- end -}}

{{/* Whether the chart makes the account that `helm test` signs in with; an account of somebody else's is there already. */}}
{{- define "gatehouse.makesAccount" -}}
{{- if not .Values.tests.existingAccountSecret }}yes{{ end -}}
{{- end -}}

{{- define "gatehouse.tlsSecret" -}}{{ .Values.gateway.tls.existingSecret | default "gatehouse-tls" }}{{- end -}}
{{/* Reading and writing in every service but identity, whose scopes are for administration. */}}
{{- define "gatehouse.allScopes" -}}
{{- $scopes := list }}
{{- range $name := without (keys .Values.services) "identity" | sortAlpha }}
{{- $scopes = concat $scopes (list (printf "%s:read" $name) (printf "%s:write" $name)) }}
{{- end }}
{{- join " " $scopes }}
{{- end -}}

{{- define "gatehouse.keySetURI" -}}
http://identity:{{ int .Values.services.identity.port }}/identity/.well-known/jwks.json
{{- end -}}

{{/* The spec of a service's Service, as an object and as a document of the gateway. Argument: root, name. */}}
{{- define "gatehouse.serviceDocument" -}}
{{- $service := include "gatehouse.service" . | fromYaml -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  labels:
    app.kubernetes.io/name: {{ .name }}
    app.kubernetes.io/part-of: gatehouse
spec:
  clusterIP: None
  selector:
    {{- include "gatehouse.selector" . | nindent 4 }}
  ports:
    - name: http
      port: 80
      targetPort: {{ int $service.port }}
      appProtocol: http
{{- end -}}

{{/* A document of the chart, with the few values that depend on the place. Arguments: root, text. */}}
{{- define "gatehouse.document" -}}
{{- $tokens := .root.Values.tokens -}}
{{- .text | replace "issuer: https://identity.gatehouse.local" (printf "issuer: %s" $tokens.issuer)
    | replace "audiences: [gatehouse]" (printf "audiences: [%s]" $tokens.audience)
    | replace "http://identity:8084/" (printf "http://identity:%d/" (int .root.Values.services.identity.port))
    | replace "port: 8443\n            statusCode: 308" (printf "port: %d\n            statusCode: 308" (int .root.Values.gateway.publicHttpsPort)) -}}
{{- end -}}

{{/* What the gateway reads, by file name: the data of a ConfigMap. Argument: root. */}}
{{- define "gatehouse.documents" -}}
{{- $documents := dict }}
{{- range $path, $_ := .Files.Glob "documents/*.yaml" }}
{{- $_ := set $documents (base $path) (include "gatehouse.document" (dict "root" $ "text" ($.Files.Get $path))) }}
{{- end }}
{{- $_ := unset $documents "kustomization.yaml" }}
{{- range $name, $_ := .Values.services }}
{{- $_ := set $documents (printf "service-%s.yaml" $name) (include "gatehouse.serviceDocument" (dict "root" $ "name" $name)) }}
{{- end }}
{{- range $file, $text := mergeOverwrite $documents .Values.gateway.documents }}
{{ $file }}: |
  {{- $text | trim | nindent 2 }}
{{- end }}
{{- end -}}
