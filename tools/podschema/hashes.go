package main

import (
	"encoding/json"

	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
	"github.com/argoproj/argo-rollouts/utils/conditions"
	"github.com/argoproj/argo-rollouts/utils/hash"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	appsdefaults "k8s.io/kubernetes/pkg/apis/apps/v1"
	strictjson "sigs.k8s.io/json"
)

type templateCase struct {
	Name           string            `json:"name"`
	CollisionCount *int32            `json:"collisionCount,omitempty"`
	Template       json.RawMessage   `json:"template"`
	Hash           map[string]string `json:"hash"`
	// JSON is what was hashed, printed for the cases written by hand.
	JSON string `json:"json,omitempty"`
	// Live is the template in a ReplicaSet that an API server stored.
	Live json.RawMessage `json:"live"`
	// Newer marks a case with fields that the peer's own libraries do not know yet.
	Newer bool `json:"newer,omitempty"`
}

type stepsCase struct {
	Name  string          `json:"name"`
	Steps json.RawMessage `json:"steps"`
	Hash  string          `json:"hash"`
}

// asStored passes a document through the untyped form in which an API server keeps custom
// resources: integers stay integers, other numbers become float64.
func asStored(raw json.RawMessage) []byte {
	var document any
	check(strictjson.UnmarshalCaseSensitivePreserveInts(raw, &document), string(raw))
	stored, err := json.Marshal(document)
	check(err, "store")
	return stored
}

// decode reads as a client of the API server does, then round-trips as the peer's controller does.
func decode[T any](raw json.RawMessage, name string) T {
	var first, second T
	check(strictjson.UnmarshalCaseSensitivePreserveInts(asStored(raw), &first), name)
	again, err := json.Marshal(first)
	check(err, name)
	check(json.Unmarshal(again, &second), name)
	return second
}

func fillTemplates(content []byte) any {
	var cases []templateCase
	check(json.Unmarshal(content, &cases), "cases")
	libraries := version("k8s.io/api")
	for index := range cases {
		one := &cases[index]
		template := decode[corev1.PodTemplateSpec](one.Template, one.Name)
		if one.Hash == nil {
			one.Hash = map[string]string{}
		}
		one.Hash[libraries] = hash.ComputePodTemplateHash(&template, one.CollisionCount)
		if libraries != newest {
			one.Newer = one.Hash[libraries] != one.Hash[newest]
			continue
		}
		if one.JSON != "" {
			text, err := json.Marshal(template)
			check(err, one.Name)
			one.JSON = string(text)
		}
		live := appsv1.ReplicaSet{Spec: appsv1.ReplicaSetSpec{Template: *template.DeepCopy()}}
		if live.Spec.Template.Labels == nil {
			live.Spec.Template.Labels = map[string]string{}
		}
		live.Spec.Template.Labels[v1alpha1.DefaultRolloutUniqueLabelKey] = one.Hash[libraries]
		appsdefaults.SetObjectDefaults_ReplicaSet(&live)
		one.Live = plain(live.Spec.Template)
	}
	return cases
}

func fillSteps(content []byte) any {
	var cases []stepsCase
	check(json.Unmarshal(content, &cases), "cases")
	for index := range cases {
		one := &cases[index]
		canary := []byte(`{"steps":` + string(one.Steps) + `}`)
		strategy := decode[v1alpha1.CanaryStrategy](canary, one.Name)
		rollout := v1alpha1.Rollout{}
		rollout.Spec.Strategy.Canary = &strategy
		one.Hash = conditions.ComputeStepHash(&rollout)
	}
	return cases
}
