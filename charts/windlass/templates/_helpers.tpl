{{- define "windlass.labels" -}}
app.kubernetes.io/name: windlass
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end -}}

{{- define "windlass.selector" -}}
app.kubernetes.io/name: windlass
app.kubernetes.io/component: operator
{{- end -}}

{{- /* The operator as the API server names it. */ -}}
{{- define "windlass.user" -}}
system:serviceaccount:{{ .Release.Namespace }}:windlass
{{- end -}}

{{- /* API version of MutatingAdmissionPolicy to use; empty where the user must be stated instead. */ -}}
{{- define "windlass.mutatingApi" -}}
{{- $v1 := .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" -}}
{{- $beta := .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicy" -}}
{{- if eq .Values.admission.user "demand" -}}
{{- else if $v1 -}}admissionregistration.k8s.io/v1
{{- else if $beta -}}admissionregistration.k8s.io/v1beta1
{{- else if eq .Values.admission.user "stamp" -}}admissionregistration.k8s.io/v1
{{- end -}}
{{- end -}}

{{- /* Whether the server can keep images from GitOps tools: not empty where it has MutatingAdmissionPolicy v1. */ -}}
{{- define "windlass.guards" -}}
{{- $v1 := .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" -}}
{{- if or $v1 (eq (include "windlass.mutatingApi" .) "admissionregistration.k8s.io/v1") -}}yes{{- end -}}
{{- end -}}

{{- /* before: spec.release as it stood; moved: whether version, source or images differ from it, the order of images aside. */ -}}
{{- define "windlass.headVariables" -}}
- name: before
  expression: "oldObject != null && has(oldObject.spec.release) ? oldObject.spec.release : {}"
- name: was
  expression: "variables.before.?images.orValue([])"
- name: now
  expression: "object.spec.release.?images.orValue([])"
- name: moved
  expression: >-
    object.spec.release.?version != variables.before.?version
    || object.spec.release.?source != variables.before.?source
    || variables.now.size() != variables.was.size()
    || !variables.now.all(a, variables.was.exists(b, a == b))
{{- end -}}
