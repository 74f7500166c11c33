package edge

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// keyNames are the instance-keys in a request of Juju, in their order. Juju makes them up anew for each request, so an answer is kept without them.
type keyNames [][]byte

// instanceKeys returns the instance-keys of a request, as JSON.
func instanceKeys(body []byte) (names keyNames) {
	type item struct {
		Key json.RawMessage `json:"instance-key"`
	}
	var q struct{ Context, Actions []item }
	if json.Unmarshal(body, &q) != nil {
		return nil
	}
	for _, i := range append(q.Context, q.Actions...) {
		if len(i.Key) > 2 && i.Key[0] == '"' {
			names = append(names, i.Key)
		}
	}
	return names
}

func placeholder(i int) []byte { return fmt.Appendf(nil, "\"\\u0000%d\"", i) }

// hide returns a text with the keys replaced by their numbers.
func (n keyNames) hide(text []byte) []byte {
	for i, name := range n {
		text = bytes.ReplaceAll(text, name, placeholder(i))
	}
	return text
}

// show returns a text of hide with these keys.
func (n keyNames) show(text []byte) []byte {
	for i, name := range n {
		text = bytes.ReplaceAll(text, placeholder(i), name)
	}
	return text
}
