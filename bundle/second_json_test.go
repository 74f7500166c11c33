package bundle_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// node is a JSON value that keeps the order and the text of everything.
type node struct {
	raw     string // of a scalar
	list    []*node
	names   []string // encoded; of an object, whose values are list
	opening byte
}

func parseNode(d *json.Decoder) *node {
	var raw json.RawMessage
	if err := d.Decode(&raw); err != nil {
		panic(err)
	}
	if raw[0] != '{' && raw[0] != '[' {
		return &node{raw: string(raw)}
	}
	n, in := &node{opening: raw[0]}, json.NewDecoder(bytes.NewReader(raw))
	if _, err := in.Token(); err != nil {
		panic(err)
	}
	for in.More() {
		if n.opening == '{' {
			name, err := in.Token()
			if err != nil {
				panic(err)
			}
			n.names = append(n.names, string(toJSON(name)))
		}
		n.list = append(n.list, parseNode(in))
	}
	return n
}

func (n *node) String() string {
	if n.opening == 0 {
		return n.raw
	}
	parts := make([]string, len(n.list))
	for i, child := range n.list {
		parts[i] = child.String()
		if n.opening == '{' {
			parts[i] = n.names[i] + ":" + parts[i]
		}
	}
	return string(n.opening) + strings.Join(parts, ",") + string(n.opening+2)
}

// mutateJSON alters one value or one member. It also returns a description of the change.
func mutateJSON(raw []byte, r *rand.Rand) ([]byte, string) {
	root := parseNode(json.NewDecoder(bytes.NewReader(raw)))
	var places []*node
	var walk func(*node)
	walk = func(n *node) {
		if len(n.list) > 0 {
			places = append(places, n)
		}
		for _, child := range n.list {
			walk(child)
		}
	}
	walk(root)
	at := places[r.IntN(len(places))]
	what := at.mutate(r, r.IntN(len(at.list)))
	return []byte(root.String()), what
}

// mutate alters the child i.
func (n *node) mutate(r *rand.Rand, i int) string {
	name, object := fmt.Sprint(i), n.opening == '{'
	if object {
		name = n.names[i]
	}
	switch op := r.IntN(10); {
	case op == 0:
		n.list = slices.Delete(n.list, i, i+1)
		if object {
			n.names = slices.Delete(n.names, i, i+1)
		}
		return "without " + name
	case op == 1:
		n.list = append(n.list, n.list[i])
		if object {
			n.names = append(n.names, name)
		}
		return name + " twice"
	case op == 2:
		j := r.IntN(len(n.list))
		n.list[i], n.list[j] = n.list[j], n.list[i]
		if object {
			n.names[i], n.names[j] = n.names[j], n.names[i]
		}
		return fmt.Sprintf("%s and %d swapped", name, j)
	case op == 3 && object:
		n.names[i] = []string{strings.ToUpper(name), strings.Replace(name, "s", `\u017f`, 1), strings.Replace(name, "e", `\u0065`, 1), `"x-new"`, `"urls"`}[r.IntN(5)]
		return name + " renamed to " + n.names[i]
	case op == 4:
		n.list = append(n.list, &node{raw: values[r.IntN(len(values))]})
		if object {
			n.names = append(n.names, []string{`"x-new"`, `"base"`, `"image"`, `"default-track"`, `"unknown"`, `"created-at"`, `"snaps"`, `"urls"`, `"epoch"`, `"tags"`, `"Digest"`}[r.IntN(11)])
			name = n.names[len(n.names)-1]
		}
		return fmt.Sprintf("%s added: %.80s", name, n.list[len(n.list)-1])
	case op < 8 && n.list[i].opening == 0 && n.list[i].raw[0] == '"':
		return name + ": " + n.list[i].mutateString(r)
	}
	n.list[i] = &node{raw: values[r.IntN(len(values))]}
	return fmt.Sprintf("%s is %.80s", name, n.list[i])
}

// values replace others.
var values = []string{
	`null`, `true`, `0`, `1`, `-1`, `-0`, `1.0`, `1e3`, `2147483647`, `2147483648`, `4294967296`, `9223372036854775807`, `9223372036854775808`, `18446744073709551616`,
	`""`, `"x"`, `"all"`, `"a\u0000"`, `"\ud800"`, `"ſ"`, `[]`, `[null]`, `{}`, `["icon"]`, `[{}]`, `{"a":null}`, `{"":1}`, `{"a":1,"a":1}`, "\"\xff\"",
	`"2024-02-30T00:00:00Z"`, `"2024-02-29T23:59:59.1+23:59"`, `"2024-02-29t23:59:59Z"`, `"latest/stable"`, `"latest/edge/x"`, `"edge/stable/x"`, `"1.0+/beta"`,
	`"a/b:c@sha256:0000000000000000000000000000000000000000000000000000000000000000"`, `"A/b"`, `"a__b/c--d.e:T-1"`, `"a..b"`, `"host.example:5000/a"`,
	strings.Repeat("[", 63) + strings.Repeat("]", 63), strings.Repeat("[", 70) + strings.Repeat("]", 70),
}

// mutateString alters a text a little.
func (n *node) mutateString(r *rand.Rand) string {
	text, inner := n.raw, n.raw[1:len(n.raw)-1]
	switch r.IntN(7) {
	case 0:
		inner = strings.ToUpper(inner)
	case 1:
		inner += "x"
	case 2:
		inner = "-" + inner
	case 3:
		inner += `\n`
	case 4:
		inner += "é"
	case 5:
		inner = strings.Repeat("a", []int{1, 32, 40, 41, 64, 96, 100, 101, 255, 256, 1025}[r.IntN(11)])
	case 6:
		inner = strings.Replace(inner, "a", `\u0061`, 1)
	}
	n.raw = `"` + inner + `"`
	return fmt.Sprintf("%.60s becomes %.80s", text, n.raw)
}
