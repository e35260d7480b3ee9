package main

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"
)

type scalarCase struct {
	YAML string `json:"yaml"`
	// Value and Key are what the scalar becomes as a value and as a mapping key; absent where
	// the loader of kubectl refuses it.
	Value json.RawMessage `json:"value,omitempty"`
	Key   *string         `json:"key,omitempty"`
}

type quantityCase struct {
	Text string `json:"text"`
	// Canonical is absent where the text is refused. Nano is the value in units of 10^-9,
	// rounded away from zero.
	Canonical string `json:"canonical,omitempty"`
	Nano      string `json:"nano,omitempty"`
}

func fillScalars(content []byte) any {
	var cases []scalarCase
	check(json.Unmarshal(content, &cases), "cases")
	for index := range cases {
		one := &cases[index]
		one.Value, one.Key = nil, nil
		if text, err := yaml.YAMLToJSON([]byte("v: " + one.YAML + "\n")); err == nil {
			var document map[string]json.RawMessage
			check(json.Unmarshal(text, &document), one.YAML)
			one.Value = document["v"]
		}
		if text, err := yaml.YAMLToJSON([]byte(one.YAML + ": v\n")); err == nil {
			var document map[string]string
			if json.Unmarshal(text, &document) != nil {
				continue
			}
			for key := range document {
				one.Key = &key
			}
		}
	}
	return cases
}

func fillQuantities(content []byte) any {
	var cases []quantityCase
	check(json.Unmarshal(content, &cases), "cases")
	for index := range cases {
		one := &cases[index]
		one.Canonical, one.Nano = "", ""
		text, err := json.Marshal(one.Text)
		check(err, one.Text)
		var quantity resource.Quantity
		if json.Unmarshal(text, &quantity) != nil {
			continue
		}
		printed, err := quantity.MarshalJSON()
		check(err, one.Text)
		check(json.Unmarshal(printed, &one.Canonical), one.Text)
		nano := quantity.DeepCopy()
		nano.RoundUp(resource.Nano)
		one.Nano = nano.AsDec().String()
	}
	return cases
}
