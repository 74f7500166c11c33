package safeyaml_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"offlinestore/safeyaml"
)

const size = 1 << 20

// numbered returns n texts of a pattern with a number in it, joined.
func numbered(n int, pattern string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, pattern, i)
	}
	return b.String()
}

// bomb returns a text whose aliases unfold to 9 to the power of levels.
func bomb(levels int) string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := range levels {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), ", "))
	}
	return b.String()
}

// TestHostileTexts takes no text for longer than its size explains, for any result.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"keys":             {"apps:\n" + numbered(60_000, " a%d: x\n"), "mapping of more than"},
		"keys at the top":  {numbered(60_000, "a%d: x\n"), "mapping of more than"},
		"keys of mappings": {numbered(60_000, "? [a%d]\n: x\n"), "too many values"},
		"more keys":        {"a:\n" + numbered(2500, "  ? [a%d]\n  : x\n"), "mapping of more than"},
		"many values":      {"a: [" + strings.Repeat("x,", size/2-10) + "]", "too many values"},
		"many lines":       {strings.Repeat("# c\n", size/4), "too many values"},
		"rare lines":       {strings.Repeat("- x\u0085", 200_000), "too many values"},
		"separated lines":  {strings.Repeat("a:\u2028", 200_000), "too many values"},
		"bomb":             {bomb(30), "counting those that aliases repeat"},
		"cycle":            {"a: &a {b: *a}", "an alias to what contains it"},
		"united cycle":     {"a: &a {x: y}\na: {b: *a}\n", "an alias to what contains it"},
		"depth in flow":    {strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "nested too deeply"},
		"depth in blocks":  {strings.Repeat("- ", 5000) + "x", "nested too deeply"},
		"depth of keys":    {strings.Repeat("? ", 5000) + "x", "nested too deeply"},
		"very deep":        {strings.Repeat("[", 100_000), ""},
		"directives":       {numbered(20_000, "%%TAG !t%d! x\n") + "--- a\n", "directives"},
		"UTF-16":           {"\xff\xfea\x00:\x00 \x00b\x00", "UTF-8"},
		"not UTF-8":        {"a: \xff", "UTF-8"},
		"documents":        {strings.Repeat("--- a\n", 100), "documents"},
		"size":             {strings.Repeat("a", size+1), "over the limit"},
		"types":            {numbered(1500, "a%d: [x]\n"), "cannot unmarshal"},
		"long name":        {"a: *" + strings.Repeat("a", 500_000), "unknown anchor"},
		"tabs":             {strings.Repeat("\t", size), ""},
		"control":          {"a: \x00", "control characters"},
	} {
		begin := time.Now()
		out := map[string]string{}
		_, err := safeyaml.Decode([]byte(tt.text), safeyaml.Options{MaxSize: size, Unite: true}, &out)
		if err == nil || !strings.Contains(err.Error(), tt.want) || len(err.Error()) > 400 {
			t.Errorf("%s: %.500v, want a short error with %q", name, err, tt.want)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

// TestSlowTexts decodes the texts that take the longest within the limits.
func TestSlowTexts(t *testing.T) {
	t.Parallel()
	comments := strings.Repeat("#", size-100)
	for name, text := range map[string]string{
		"mappings of many keys": "a:\n" + strings.Repeat("- {"+numbered(1900, "k%d,")+"}\n", 60),
		"one many times":        "a: &a {" + numbered(1900, "k%d,") + "}\nb: [" + strings.Repeat("*a,", 100) + "]\n",
		"merges":                "a: &a {" + numbered(1900, "k%d,") + "}\nb: {<<: [" + strings.Repeat("*a,", 100) + "]}\n",
		"anchors":               "a: [" + numbered(60_000, "&a%d x,") + "]\n",
		"a long comment":        "a: b\n" + comments,
		"comments":              strings.Repeat("a: b # "+strings.Repeat("c", 20)+"\n# x\n\n", 20_000),
		"a long line":           "a: " + strings.Repeat("x ", size/2-10),
		"a folded text":         "a: >\n" + strings.Repeat("  x\n\n", 60_000),
		"quotes":                "a: \"" + strings.Repeat("\\x41", size/4-10) + "\"",
		"a number":              "a: " + strings.Repeat("9", size-10),
		"repeated keys":         strings.Repeat("a: {b: c}\n", 30_000),
	} {
		begin := time.Now()
		var out any
		if _, err := safeyaml.Decode([]byte(text), safeyaml.Options{MaxSize: size}, &out); err != nil {
			t.Logf("%s: %v", name, err)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text     string
		options  safeyaml.Options
		want     string
		repeated []string
	}{
		{"", safeyaml.Options{}, "map[]", nil},
		{"# nothing\n", safeyaml.Options{}, "map[]", nil},
		{"a: &x {b: c}\nd: *x\n", safeyaml.Options{}, "map[a:map[b:c] d:map[b:c]]", nil},
		{"a: 1\na: 2\n", safeyaml.Options{}, "map[a:2]", []string{`"a" in line 2`}},
		{"a: {b: 1}\na: {c: 2}\n", safeyaml.Options{Unite: true}, "map[a:map[b:1 c:2]]", []string{`"a" in line 2`}},
		{"a: {b: 1}\na: {c: 2}\n", safeyaml.Options{}, "map[a:map[c:2]]", []string{`"a" in line 2`}},
		{"a: 100 %\nb: |\n  %TAG\n", safeyaml.Options{}, "map[a:100 % b:%TAG\n]", nil},
	} {
		out := map[string]any{}
		tt.options.MaxSize = size
		repeated, err := safeyaml.Decode([]byte(tt.text), tt.options, &out)
		if got := fmt.Sprint(out); err != nil || got != tt.want || !slices.Equal(repeated, tt.repeated) {
			t.Errorf("Decode(%q) = %s, %q, %v, want %s, %q", tt.text, got, repeated, err, tt.want, tt.repeated)
		}
	}
}

func TestDecodeStrict(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"name: x\n":            "",
		"":                     "",
		"name: x\nname: y\n":   "already defined",
		"nmae: x\n":            "field nmae not found",
		"name: [x]\n":          "cannot unmarshal",
		"name: x\n---\na: b\n": "more than one YAML document",
	} {
		var out struct{ Name string }
		if err := safeyaml.DecodeStrict([]byte(text), size, &out); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("DecodeStrict(%q) = %v, want %q", text, err, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("a: &a [b, {c: d}]\ne: *a\n", true)
	f.Add("%YAML 1.1\n--- {? a : b, ? c : d}\n", false)
	f.Fuzz(func(t *testing.T, text string, unite bool) {
		begin := time.Now()
		var out any
		if _, err := safeyaml.Decode([]byte(text), safeyaml.Options{MaxSize: size, Unite: unite}, &out); err != nil && len(err.Error()) > 1000 {
			t.Errorf("Decode(%q): an error of %d bytes", text, len(err.Error()))
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("Decode(%q) took %v", text, took)
		}
	})
}
