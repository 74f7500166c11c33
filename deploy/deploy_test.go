// Package deploy checks the files in this folder against their schemas, without a network.
package deploy

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestCompose validates compose.yaml. No service may have more rights than it needs.
func TestCompose(t *testing.T) {
	var file map[string]any
	if err := yaml.Unmarshal(read(t, "compose.yaml"), &file); err != nil {
		t.Fatal(err)
	}
	delete(file, "x-server")
	if err := schema.Validate(file); err != nil {
		t.Error(err)
	}
	services := file["services"].(map[string]any)
	for _, name := range []string{"store-1", "store-2"} {
		s := services[name].(map[string]any)
		if s["user"] != "65532:65532" || s["read_only"] != true {
			t.Errorf("%s = %v", name, s)
		}
	}
	services["store-1"].(map[string]any)["imag"] = "x"
	if schema.Validate(file) == nil {
		t.Error("a misspelled key is valid")
	}
}

// newObject returns an empty object of a kind.
func newObject(kind string) any {
	switch kind {
	case "Deployment":
		return &appsv1.Deployment{}
	case "Service":
		return &corev1.Service{}
	case "Secret":
		return &corev1.Secret{}
	case "PodDisruptionBudget":
		return &policyv1.PodDisruptionBudget{}
	}
	return nil
}

// TestKubernetes decodes each manifest as its type, strictly. The pods run without root and without rights in the cluster.
func TestKubernetes(t *testing.T) {
	files, err := filepath.Glob("kubernetes/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("manifests: %v, %v", files, err)
	}
	var kinds []string
	for _, name := range files {
		for _, text := range bytes.Split(read(t, name), []byte("\n---\n")) {
			var head struct{ Kind string }
			if err := yaml.Unmarshal(text, &head); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			kinds = append(kinds, head.Kind)
			object := newObject(head.Kind)
			if err := yaml.UnmarshalStrict(text, object); err != nil {
				t.Errorf("%s: %s: %v", name, head.Kind, err)
			}
			if yaml.UnmarshalStrict(append(slices.Clone(text), "\nspek: 1\n"...), newObject(head.Kind)) == nil {
				t.Errorf("%s: %s: a misspelled key is valid", name, head.Kind)
			}
			if d, ok := object.(*appsv1.Deployment); ok {
				checkPod(t, &d.Spec.Template.Spec)
				for key, value := range d.Spec.Selector.MatchLabels {
					if d.Spec.Template.Labels[key] != value {
						t.Errorf("the selector %s=%s finds no pod", key, value)
					}
				}
			}
		}
	}
	if got := strings.Join(kinds, " "); got != "Secret Deployment Service PodDisruptionBudget" {
		t.Errorf("kinds = %s", got)
	}
}

func checkPod(t *testing.T, pod *corev1.PodSpec) {
	t.Helper()
	if *pod.AutomountServiceAccountToken || !*pod.SecurityContext.RunAsNonRoot || *pod.SecurityContext.RunAsUser != 65532 {
		t.Error("the pod has rights that it does not need")
	}
	volumes := make(map[string]bool)
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
	}
	for _, c := range pod.Containers {
		if s := c.SecurityContext; !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || len(s.Capabilities.Drop) != 1 {
			t.Errorf("%s has rights that it does not need", c.Name)
		}
		for _, m := range c.VolumeMounts {
			if !volumes[m.Name] {
				t.Errorf("%s mounts %s, which there is not", c.Name, m.Name)
			}
		}
	}
}
