// Command podschema asks the Go libraries of Kubernetes and of the peer for the facts that the
// Python side must match bit for bit. See README.md.
package main

import (
	"bytes"
	"encoding/json"
	"log"
	"os"
)

const usage = "usage: podschema schema | (templates | steps | scalars | quantities) FILE..."

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal(usage)
	}
	fill, known := map[string]func([]byte) any{
		"templates":  fillTemplates,
		"steps":      fillSteps,
		"scalars":    fillScalars,
		"quantities": fillQuantities,
	}[os.Args[1]]
	if os.Args[1] == "schema" {
		printSchema()
		return
	}
	if !known {
		log.Fatal(usage)
	}
	for _, path := range os.Args[2:] {
		content, err := os.ReadFile(path)
		check(err, path)
		check(os.WriteFile(path, render(fill(content)), 0o644), path)
	}
}

// render prints one case a line, so that a change of one case is a change of one line.
func render(cases any) []byte {
	var rows []json.RawMessage
	check(json.Unmarshal(plain(cases), &rows), "render")
	var out bytes.Buffer
	out.WriteString("[\n")
	for index, row := range rows {
		if index > 0 {
			out.WriteString(",\n")
		}
		out.Write(row)
	}
	out.WriteString("\n]\n")
	return out.Bytes()
}

// plain is compact JSON without the HTML escapes of json.Marshal.
func plain(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	check(encoder.Encode(value), "encode")
	return bytes.TrimSpace(out.Bytes())
}

func check(err error, about string) {
	if err != nil {
		log.Fatalf("%s: %v", about, err)
	}
}
