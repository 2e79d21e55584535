{{- define "causeway.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-{{ .Chart.Name }}{{ end }}
{{- end }}

{{- define "causeway.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "causeway.labels" -}}
{{ include "causeway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "causeway.image" -}}
{{ .Values.image.repository }}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "causeway.genesis" -}}
{{- if .Values.existingGenesis }}{{ .Values.existingGenesis }}{{ else }}{{ include "causeway.name" . }}-genesis{{ end }}
{{- end }}

{{/* The pod of one process. Given: a dict of `root`, `role` ("init" does `cluster init`), `resources`. */}}
{{- define "causeway.pod" -}}
{{- $root := .root }}
metadata:
  labels:
    {{- include "causeway.selector" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
  annotations:
    # Another configuration is another pod.
    checksum/config: {{ include (print $root.Template.BasePath "/config.yaml") $root | sha256sum }}
spec:
  serviceAccountName: {{ include "causeway.name" $root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if ne .role "init" }}
  terminationGracePeriodSeconds: {{ $root.Values.terminationGracePeriodSeconds }}
  topologySpreadConstraints:
    {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ $key }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "causeway.selector" $root | nindent 10 }}
          app.kubernetes.io/component: {{ $.role }}
    {{- end }}
  {{- else }}
  restartPolicy: OnFailure
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    seccompProfile: { type: RuntimeDefault }
  containers:
    - name: causewayd
      image: {{ include "causeway.image" $root | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      {{- if eq .role "init" }}
      args: [cluster, init, --config, /etc/causeway/causewayd.toml]
      {{- else }}
      args: [run, --config, /etc/causeway/causewayd.toml, --role, {{ .role }}]
      ports:
        {{- if eq .role "gateway" }}
        - { name: grpc, containerPort: 7400 }
        {{- end }}
        - { name: health, containerPort: 7401 }
      # Log and store are opened and checked first, however long brokers and nodes take.
      startupProbe:
        httpGet: { path: /livez, port: health }
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 720
      # Alive is not ready: a process that applies a long log is alive all the time.
      livenessProbe:
        httpGet: { path: /livez, port: health }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: { path: /readyz, port: health }
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: 2
      {{- if eq .role "gateway" }}
      # Until nobody is sent here any more.
      lifecycle:
        preStop:
          sleep: { seconds: 5 }
      {{- end }}
      {{- end }}
      {{- with $root.Values.env }}
      env:
        {{- range $name, $value := . }}
        - { name: {{ $name }}, value: {{ $value | quote }} }
        {{- end }}
      {{- end }}
      resources: {{- toYaml .resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ALL] }
      volumeMounts:
        - { name: config, mountPath: /etc/causeway, readOnly: true }
        - { name: keys, mountPath: /run/causeway/keys, readOnly: true }
        - { name: data, mountPath: /var/lib/causeway }
  volumes:
    - name: config
      projected:
        sources:
          - configMap: { name: {{ include "causeway.name" $root }}-config }
          - configMap: { name: {{ include "causeway.genesis" $root }} }
    - name: keys
      projected:
        defaultMode: 0440
        sources:
          # Who takes calls needs keys, and nobody else.
          {{- if eq .role "gateway" }}
          - secret:
              name: {{ $root.Values.secrets.tls }}
          {{- end }}
          {{- if has .role (list "gateway" "init") }}
          - secret:
              name: {{ $root.Values.secrets.signing }}
          {{- end }}
          {{- with $root.Values.log }}
          {{- if .tls.enabled }}
          - secret:
              name: {{ .tls.existingSecret }}
              items:
                - { key: ca.crt, path: kafka/ca.crt }
                {{- if .tls.clientCertificate }}
                - { key: tls.crt, path: kafka/tls.crt }
                - { key: tls.key, path: kafka/tls.key }
                {{- end }}
          {{- end }}
          {{- if ne .sasl.mechanism "none" }}
          - secret:
              name: {{ .sasl.existingSecret }}
              items:
                - { key: password, path: kafka/password }
          {{- end }}
          {{- end }}
          {{- with $root.Values.store }}
          {{- if .tls.enabled }}
          - secret:
              name: {{ .tls.existingSecret }}
              items:
                - { key: ca.crt, path: store/ca.crt }
                {{- if .tls.clientCertificate }}
                - { key: tls.crt, path: store/tls.crt }
                - { key: tls.key, path: store/tls.key }
                {{- end }}
          {{- end }}
          {{- if .user }}
          - secret:
              name: {{ .existingSecret }}
              items:
                - { key: password, path: store/password }
          {{- end }}
          {{- end }}
    # Log and store are elsewhere: nothing here outlives the pod.
    - name: data
      emptyDir: { sizeLimit: 1Gi }
{{- end }}
