package channel_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"offlinestore/channel"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in         string
		want       channel.Channel
		name, full string
	}{
		{"stable", channel.Channel{Risk: "stable"}, "stable", "latest/stable"},
		{"latest/stable", channel.Channel{Track: "latest", Risk: "stable"}, "stable", "latest/stable"},
		{"2.0", channel.Channel{Track: "2.0", Risk: "stable"}, "2.0/stable", "2.0/stable"},
		{"2.0/edge", channel.Channel{Track: "2.0", Risk: "edge"}, "2.0/edge", "2.0/edge"},
		{"edge/fix-1", channel.Channel{Risk: "edge", Branch: "fix-1"}, "edge/fix-1", "latest/edge/fix-1"},
		{"2.0/edge/fix", channel.Channel{Track: "2.0", Risk: "edge", Branch: "fix"}, "2.0/edge/fix", "2.0/edge/fix"},
		{"stable/stable", channel.Channel{Risk: "stable", Branch: "stable"}, "stable/stable", "latest/stable/stable"},
		{"chp_14/edge", channel.Channel{Track: "chp_14", Risk: "edge"}, "chp_14/edge", "chp_14/edge"},
	}
	for _, tt := range tests {
		got, err := channel.Parse(tt.in)
		if err != nil || got != tt.want {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", tt.in, got, err, tt.want)
		}
		if got.Name() != tt.name || got.Full() != tt.full {
			t.Errorf("Parse(%q): Name %q, Full %q, want %q, %q", tt.in, got.Name(), got.Full(), tt.name, tt.full)
		}
	}
	for _, in := range []string{"", "/", "a/b", "a/b/c", "a/b/c/d", "a//stable", "stable/", "-x/stable", "a b", "é/stable", "edge/stable/x", "stable/stable/stable", strings.Repeat("a", 300)} {
		if got, err := channel.Parse(in); err == nil {
			t.Errorf("Parse(%q) = %+v, want an error", in, got)
		}
	}
}

func TestFallbacks(t *testing.T) {
	t.Parallel()
	c, err := channel.Parse("2/beta/x")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range c.Fallbacks() {
		got = append(got, f.String())
	}
	want := []string{"2/beta/x", "2/beta", "2/candidate", "2/stable"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("Fallbacks (-want +got):\n%s", d)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("latest/stable")
	f.Add("2.0/edge/fix")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := channel.Parse(s)
		if err != nil {
			return
		}
		again, err := channel.Parse(c.String())
		if err != nil || again != c {
			t.Errorf("Parse(%q) = %+v, which prints as %q and parses to %+v, %v", s, c, c.String(), again, err)
		}
	})
}

// TestParts compares the names that Parse accepts for a track with the syntax as a regular expression.
func TestParts(t *testing.T) {
	t.Parallel()
	syntax := regexp.MustCompile(`^[a-zA-Z0-9](?:[a-zA-Z0-9._+-]*[a-zA-Z0-9+])?$`)
	const letters = "aZ9._+-é /\n"
	var try func(s string, depth int)
	try = func(s string, depth int) {
		_, err := channel.Parse(s + "/stable")
		if want := syntax.MatchString(s); !strings.Contains(s, "/") && want != (err == nil) {
			t.Errorf("track %q: %v, want it accepted: %v", s, err, want)
		}
		for i := 0; depth > 0 && i < len(letters); i++ {
			try(s+letters[i:i+1], depth-1)
		}
	}
	try("", 4)
}
