package strictjson_test

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"offlinestore/strictjson"
)

type row struct {
	Name     string         `json:"name"`
	Revision int            `json:"revision"`
	Tags     []string       `json:"tags"`
	More     map[string]int `json:"more,omitempty"`
}

type document struct {
	Title *string            `json:"title"`
	Rows  []row              `json:"rows"`
	Base  *row               `json:"base,omitempty"`
	Size  uint64             `json:"size"`
	Open  bool               `json:"open"`
	Any   stdjson.RawMessage `json:"any,omitempty"`
	Lists map[string][]int   `json:"lists,omitempty"`
}

var required = strictjson.Required{"title", "rows[].revision", "base.name"}

func TestDecode(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"title":null}`: "",
		` {"title":"a","rows":null,"size":18446744073709551615} `:        "",
		`{"title":"a","rows":[{"revision":1,"tags":null}],"open":false}`: "",
		`{"title":"a","Title":1,"ſize":{},"x":[1,{"y":null}]}`:           "", // unknown fields
		`{"title":"a","lists":{"b":null,"c":[1]}}`:                       "",
		`{"title":"a","any":null}`:                                       "",
		`{"title":"a","any":{"b":[1.5e3]}}`:                              "",
		`{"title":"a","rows":[{"revision":-1}]}`:                         "",

		`{}`:                                                         "it lacks one of title",
		`{"Title":"a"}`:                                              "it lacks one of title",
		`{"title":"a","base":{}}`:                                    `"base": it lacks one of name`,
		`{"title":"a","rows":[{}]}`:                                  `"rows[]": it lacks one of revision`,
		`{"title":"a","rows":[null]}`:                                `"rows[]": null, want an object`,
		`{"title":"a","base":null}`:                                  `"base": null, want an object`,
		`{"title":"a","size":null}`:                                  `"size": null, want a number`,
		`{"title":"a","size":1.0}`:                                   "plain decimal",
		`{"title":"a","size":1e3}`:                                   "plain decimal",
		`{"title":"a","size":-0}`:                                    "plain decimal",
		`{"title":"a","size":-1}`:                                    "size",
		`{"title":"a","size":18446744073709551616}`:                  "size",
		`{"title":"a","size":"1"}`:                                   `"size": string, want a number`,
		`{"title":"a","open":0}`:                                     `"open": number, want true or false`,
		`{"title":1}`:                                                `"title": number, want a string`,
		`{"title":"a","lists":{"b":[null]}}`:                         `null, want a number`,
		`{"title":"a","lists":null}`:                                 `null, want an object`,
		`{"title":"a","rows":{}}`:                                    `"rows": {, want a list`,
		`{"title":"a","rows":[{"revision":1,"more":{"a":null}}]}`:    `null, want a number`,
		`{"title":"a","rows":[{"revision":1,"more":{"a":1,"a":1}}]}`: "duplicate",
		`{"title":"a","title":"a"}`:                                  "duplicate",
		`{"title":"a","x":{"y":1,"y":1}}`:                            "duplicate",
		`{"title":"a","x":{"y":1,"\u0079":1}}`:                       "duplicate",
		"{\"title\":\"\xff\"}":                                       "UTF-8",
		"{\"title\":\"a\",\"x\":\"\xff\"}":                           "UTF-8",
		`{"title":"\ud800"}`:                                         "surrogate",
		`{"title":"a"} {}`:                                           "something follows",
		`{"title":"a"}x`:                                             "something follows",
		`{"title":"a",}`:                                             "invalid",
		`[]`:                                                         "[, want an object",
		`null`:                                                       "null, want an object",
		``:                                                           "EOF",
		`{"title":"a"`:                                               "EOF",
		`{"title":"a","x":` + strings.Repeat("[", strictjson.MaxDepth+1) + strings.Repeat("]", strictjson.MaxDepth+1) + `}`: "nested",
		`{"title":"a","any":` + strings.Repeat(`{"a":`, 1_000_000):                                                          "nested",
	} {
		var d document
		err := strictjson.Decode([]byte(text), &d, required)
		if got := fmt.Sprint(err); (err == nil) != (want == "") || !strings.Contains(got, want) {
			t.Errorf("Decode(%.100s) = %.200s, want %q", text, got, want)
		}
	}
	deepest := `{"title":"a","x":` + strings.Repeat("[", strictjson.MaxDepth) + strings.Repeat("]", strictjson.MaxDepth) + `}`
	if err := strictjson.Decode([]byte(deepest), new(document), required); err != nil {
		t.Errorf("%d values around one: %v", strictjson.MaxDepth, err)
	}
}

func TestIsTime(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"2024-02-03T04:05:06Z": true, "2024-02-03T04:05:06.123456+00:00": true, "2024-02-29T23:59:59.000000001-12:30": true,
		"": false, "2024-02-03": false, "2024-02-03t04:05:06z": false, "2024-02-03T04:05:06": false, "2024-02-03T4:05:06Z": false,
		"2024-02-03T04:05:06,5Z": false, "2024-02-03T04:05:06.Z": false, "2024-02-03T04:05:06.0123456789Z": false, "2024-02-30T04:05:06Z": false,
		"2024-02-03T24:00:00Z": false, "2024-02-03T23:59:60Z": false, "2024-02-03T04:05:06+24:00": false, "2024-02-03T04:05:06+0000": false,
		"2024-02-03 04:05:06Z": false, "2024-02-03T04:05:06Z\n": false,
	} {
		if got := strictjson.IsTime(s); got != want {
			t.Errorf("IsTime(%q) = %t, want %t", s, got, want)
		}
	}
}

// FuzzDecode compares accepted texts with the standard library's reading into a map, which knows no types: both must see the same
// values.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"title":"a","rows":[{"name":"x","revision":1,"tags":["y"],"more":{"z":2}}],"base":{"name":"b"},"size":3,"open":true,"any":[null]}`,
		`{"title":null}`, `{"title":"a","Title":"b"}`, `{"title":"a","title":"b"}`, `{"title":"\u017f","rows":null}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var d document
		if strictjson.Decode(raw, &d, required) != nil {
			return
		}
		var loose map[string]any
		dec := stdjson.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		if err := dec.Decode(&loose); err != nil {
			t.Fatalf("the standard library refuses %q: %v", raw, err)
		}
		title, _ := loose["title"].(string)
		if (d.Title == nil) != (loose["title"] == nil) || d.Title != nil && *d.Title != title {
			t.Errorf("%q: two titles", raw)
		}
		size, _ := loose["size"].(stdjson.Number)
		if got := fmt.Sprint(d.Size); string(size) != got && size != "" {
			t.Errorf("%q: size %s, want %s", raw, got, size)
		}
		rows, _ := loose["rows"].([]any)
		if len(rows) != len(d.Rows) {
			t.Fatalf("%q: %d rows, want %d", raw, len(d.Rows), len(rows))
		}
		for i, r := range rows {
			want, _ := r.(map[string]any)
			name, _ := want["name"].(string)
			if d.Rows[i].Name != name || !reflect.DeepEqual(fmt.Sprint(want["revision"]), fmt.Sprint(d.Rows[i].Revision)) {
				t.Errorf("%q: row %d is %+v, want %v", raw, i, d.Rows[i], want)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	var raw bytes.Buffer
	raw.WriteString(`{"title":"a","rows":[`)
	for i := range 10_000 {
		if i > 0 {
			raw.WriteByte(',')
		}
		fmt.Fprintf(&raw, `{"name":"snap-%d","revision":%d,"tags":["a","b"],"more":{"x":1}}`, i, i)
	}
	raw.WriteString(`]}`)
	b.Run("strict", func(b *testing.B) {
		b.SetBytes(int64(raw.Len()))
		for b.Loop() {
			var d document
			if err := strictjson.Decode(raw.Bytes(), &d, required); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("standard", func(b *testing.B) {
		b.SetBytes(int64(raw.Len()))
		for b.Loop() {
			var d document
			if err := stdjson.Unmarshal(raw.Bytes(), &d); err != nil {
				b.Fatal(err)
			}
		}
	})
}
