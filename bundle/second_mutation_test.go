package bundle_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"offlinestore/assertion"
	"offlinestore/bundle"
	"offlinestore/charm"
	"offlinestore/internal/vectortest"
	"offlinestore/snap"
)

// mutation is a bundle that was altered in one way.
type mutation struct {
	what string
	data []byte
}

// TestSecondReaderMutations alters bundles, mostly below a good signature. The second reader and the program must agree on each.
func TestSecondReaderMutations(t *testing.T) {
	t.Parallel()
	second, index := startSecond(t), vectortest.Load(t)
	trust, file := index.Trust(t), filepath.Join(t.TempDir(), "bundle")
	key := publicOf(t, testKey())
	job := secondJob{Path: file, Keys: []string{vectortest.File("keys/test.pem")}, Roots: vectortest.File(index.Roots)}
	accepted := 0
	bases := []func(testing.TB) *content{kitVector, pgVector, snapVector, stepperVector, richVector}
	for i, base := range bases {
		c, rounds := base(t), 250
		if testing.Short() {
			rounds = 40
		}
		for n := range rounds {
			m := mutation{"unaltered", tarOf(c.forge().seal(testKey()))}
			if n > 0 {
				m = newMutation(t, c, rand.New(rand.NewPCG(uint64(i), uint64(n))))
			}
			if err := os.WriteFile(file, m.data, 0o600); err != nil {
				t.Fatal(err)
			}
			err := readWhole(t, m.data, key, trust)
			refused := second.refusal(t, job)
			if (err == nil) != (refused == "") {
				t.Errorf("base %d, round %d: %s: the program answers %v, the second reader %q", i, n, m.what, err, refused)
			}
			if err == nil {
				accepted++
			} else if n == 0 {
				t.Fatalf("base %d: %v", i, err)
			}
		}
	}
	if accepted < 20 {
		t.Errorf("only %d were accepted: the mutations say little", accepted)
	}
}

// readWhole reads a bundle as an importer does.
func readWhole(t *testing.T, data []byte, key bundle.PublicKey, trust *assertion.Trust) error {
	t.Helper()
	r, err := bundle.NewReader("mutation", bytes.NewReader(data))
	if err != nil {
		return err
	}
	defer r.Close()
	predicate, _, err := r.Verify(t.Context(), []bundle.PublicKey{key})
	if err != nil {
		return err
	}
	h, err := r.Head()
	if err != nil {
		return err
	}
	if err := r.VerifyPayload(t.Context(), h, nil); err != nil {
		return err
	}
	_, err = bundle.Check(h, trust, predicate.Created)
	return err
}

// richVector returns a bundle with a value in every optional field.
func richVector(tb testing.TB) *content {
	tb.Helper()
	c, text := additionsVectorOf(tb, 10), "text"
	size, media := 512, "https://example.com/x.png"
	s := c.snaps[0]
	s.DefaultTrack, s.ChannelMap[0].ReleasedAt = "latest", "2024-02-03T04:05:06.123456+00:00"
	s.Snap.Categories, s.Snap.Links = []snap.Category{{Featured: true, Name: "tools"}}, map[string][]string{"contact": {"mailto:a@example.com"}, "none": nil}
	s.Snap.Media, s.Snap.Prices = []snap.Media{{Height: &size, Type: "icon", URL: media, Width: nil}}, map[string]string{"EUR": "1.00"}
	s.Snap.Contact, s.Snap.License, s.Snap.Website = &text, &text, &text
	r := &c.revisions[0].Revision
	r.Base, r.CommonIDs, r.CreatedAt, r.Epoch = &s.Name, []string{"io.jq"}, "2024-02-03T04:05:06Z", snap.Epoch{Read: []uint32{0, 1}, Write: []uint32{1}}
	r.Resources[0].Architectures, r.Resources[0].CreatedAt, r.Resources[0].Version = []string{"amd64", "all"}, "2024-02-03T04:05:06Z", "1"
	k := c.charms[0]
	k.ChannelMap[0].ReleasedAt = "2024-02-03T04:05:06+00:00"
	k.Result.BugsURL, k.Result.Categories, k.Result.DeployableOn = &text, []charm.Category{{Name: "databases"}}, []string{"kubernetes"}
	k.Result.Links, k.Result.Media = map[string][]string{"docs": {"x"}}, []charm.Media{{Height: &size, Type: "icon", URL: media, Width: &size}}
	k.Result.ContainsCharms = []charm.ContainedCharm{{Name: "app", PackageID: "x", StoreURL: ""}}
	i := &c.charmRevisions[0].Item
	i.Snaps = []charm.SnapHint{{Name: "etcd", Channel: "edge/fix", Revisions: map[string]int{"": 1, "amd64": 2}}}
	i.Revision.Relations = charm.Relations{Provides: map[string]json.RawMessage{"db": []byte(`{"interface":"x"}`)}}
	return c
}

// newMutation alters the forge of c in one way.
func newMutation(t *testing.T, c *content, r *rand.Rand) mutation {
	t.Helper()
	f := c.forge()
	what := ""
	switch r.IntN(12) {
	case 0:
		plain := tarOf(f.seal(testKey()))
		data := [][]byte{plain, gzipOf(plain), zstdOf(t, plain, zstd.WithEncoderLevel(zstd.SpeedFastest))}[r.IntN(3)]
		return mutateBytes(data, r)
	case 1:
		what = reorder(f, r)
	case 2, 3:
		f.editRawStatement = func(b []byte) []byte { b, what = mutateJSON(b, r); return b }
	case 4:
		it := f.items[r.IntN(len(f.items))]
		it.editRaw = func(b []byte) []byte { b, what = mutateJSON(b, r); return b }
	case 5:
		f.editRawD = func(b []byte) []byte { b, what = mutateJSON(b, r); return b }
	case 6:
		f.editRawEnvelope = func(b []byte) []byte { b, what = mutateJSON(b, r); return b }
	default:
		it := f.items[r.IntN(len(f.items))]
		if it.image != nil {
			var raw []byte
			raw, what = mutateJSON(it.image, r)
			f.replaceImage(it, raw)
		} else {
			it.config.data, what = mutateJSON(it.config.data, r)
		}
		what = it.name + ": " + what
	}
	data := tarOf(f.seal(testKey()))
	return mutation{what, data}
}

// mutateBytes flips a bit, or cuts, repeats or inserts a byte.
func mutateBytes(data []byte, r *rand.Rand) mutation {
	at := r.IntN(len(data))
	data = bytes.Clone(data)
	switch r.IntN(4) {
	case 0:
		return mutation{fmt.Sprintf("cut at %d", at), data[:at]}
	case 1:
		return mutation{fmt.Sprintf("a zero at %d", at), slices.Insert(data, at, 0)}
	case 2:
		return mutation{fmt.Sprintf("without the byte %d", at), slices.Delete(data, at, at+1)}
	}
	data[at] ^= 1 << r.IntN(8)
	return mutation{fmt.Sprintf("a flipped bit at %d", at), data}
}

// reorder swaps two items, layers or files, or repeats or removes one.
func reorder(f *forge, r *rand.Rand) string {
	switch it := f.items[r.IntN(len(f.items))]; {
	case len(it.layers) > 1 && r.IntN(3) == 0:
		it.layers[0], it.layers[1] = it.layers[1], it.layers[0]
		return it.name + ": two layers swapped"
	case len(it.layers) > 0 && r.IntN(3) == 0:
		it.layers = it.layers[1:]
		return it.name + ": without its first layer"
	case r.IntN(3) == 0:
		f.items = slices.DeleteFunc(f.items, func(other *forgeItem) bool { return other == it })
		return "without " + it.name
	case r.IntN(2) == 0:
		i, j := r.IntN(len(f.items)), r.IntN(len(f.items))
		f.items[i], f.items[j] = f.items[j], f.items[i]
		return fmt.Sprintf("items %d and %d swapped", i, j)
	}
	var what string
	f.editFiles = func(files []*forgeFile) []*forgeFile {
		i, j := r.IntN(len(files)), r.IntN(len(files))
		files[i], files[j] = files[j], files[i]
		what = fmt.Sprintf("files %d and %d swapped", i, j)
		return files
	}
	return "files swapped" + what
}

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

// mutateJSON alters one value or one member, and says what it did.
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
		return name + ": " + n.list[i].mutateString(r, name)
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

// mutateString alters a text a little. A YAML text only changes its type, because the second reader has no YAML.
func (n *node) mutateString(r *rand.Rand, name string) string {
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
	if strings.Contains(name, "snap-yaml") {
		return "left as it is"
	}
	n.raw = `"` + inner + `"`
	return fmt.Sprintf("%.60s becomes %.80s", text, n.raw)
}
