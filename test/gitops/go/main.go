// Says of objects what Flux and Argo CD would: their status by kstatus, their health and the
// effect of actions by Lua scripts. Reads one request from standard input and prints the answers.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Longer input is nobody's request.
const maxRequestBytes = 64 << 20

type request struct {
	// Manifests as the API server serves them.
	Objects []json.RawMessage `json:"objects"`
	// Lua sources; an absent one is not run.
	Health    string            `json:"health"`
	Discovery string            `json:"discovery"`
	Actions   map[string]string `json:"actions"`
}

type verdict struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type answer struct {
	Kstatus verdict `json:"kstatus"`
	Health  any     `json:"health,omitempty"`
	// What the discovery script offers, by the name of the action.
	Offered any `json:"offered,omitempty"`
	// The object as each action returns it.
	Results map[string]any `json:"results,omitempty"`
}

// Integers stay integers: kstatus reads generations as such.
func parse(text []byte) (*unstructured.Unstructured, error) {
	object := &unstructured.Unstructured{}
	return object, object.UnmarshalJSON(text)
}

func answerFor(text []byte, asked request) (answer, error) {
	object, err := parse(text)
	if err != nil {
		return answer{}, err
	}
	result, err := status.Compute(object)
	if err != nil {
		return answer{}, fmt.Errorf("kstatus: %w", err)
	}
	found := answer{Kstatus: verdict{result.Status.String(), result.Message}}
	if asked.Health != "" {
		if found.Health, err = runLua(asked.Health, object.Object); err != nil {
			return answer{}, fmt.Errorf("health: %w", err)
		}
	}
	if asked.Discovery != "" {
		if found.Offered, err = runLua(asked.Discovery, object.Object); err != nil {
			return answer{}, fmt.Errorf("discovery: %w", err)
		}
	}
	for name, script := range asked.Actions {
		returned, err := runLua(script, object.Object)
		if err != nil {
			return answer{}, fmt.Errorf("action %s: %w", name, err)
		}
		if found.Results == nil {
			found.Results = map[string]any{}
		}
		found.Results[name] = likeBefore(returned, object.Object)
	}
	return found, nil
}

func answerAll(input io.Reader, output io.Writer) error {
	text, err := io.ReadAll(io.LimitReader(input, maxRequestBytes+1))
	if err != nil {
		return err
	}
	if len(text) > maxRequestBytes {
		return errors.New("the request is too long")
	}
	var asked request
	if err := json.Unmarshal(text, &asked); err != nil {
		return fmt.Errorf("the request: %w", err)
	}
	answers := make([]answer, 0, len(asked.Objects))
	for i, object := range asked.Objects {
		one, err := answerFor(object, asked)
		if err != nil {
			return fmt.Errorf("object %d: %w", i, err)
		}
		answers = append(answers, one)
	}
	return json.NewEncoder(output).Encode(answers)
}

func main() {
	if err := answerAll(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
