package audit_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"offlinestore/audit"
)

func contentOf(t *testing.T, e audit.Event) string {
	t.Helper()
	var tip audit.Tip
	entry, err := tip.Next(e)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := entry.Decode(); err != nil {
		t.Errorf("%s: %v", entry.Content, err)
	}
	return string(entry.Content)
}

// TestCanonical keeps the exact bytes of a row, of which others compute the hash. RFC 8785 has the members in section 3.2.3.
func TestCanonical(t *testing.T) {
	t.Parallel()
	state := map[string]any{
		"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One", "\U0001f600": "Emoji: Grinning Face",
		"\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis",
	}
	got := contentOf(t, audit.Event{At: start, Actor: audit.Actor{Who: "root", From: audit.ThisHost}, Act: audit.Act{What: "config", Subject: "</script>\x7f", After: state}})
	want := `{"after":{"\r":"Carriage Return","1":"One","` + "\u0080" + `":"Control","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign",` +
		`"😀":"Emoji: Grinning Face","` + "\ufb33" + `":"Hebrew Letter Dalet With Dagesh"},"at":"2026-11-29T19:00:00.000000Z","from":"this host","number":1,` +
		`"previous":"` + audit.Genesis + `","subject":"</script>` + "\x7f" + `","what":"config","who":"root"}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestNumbers keeps integers that every reader of JSON knows, and writes others as texts.
func TestNumbers(t *testing.T) {
	t.Parallel()
	for v, want := range map[any]string{
		uint64(math.MaxUint64): `"18446744073709551615"`, int64(1<<53 - 1): `9007199254740991`, int64(1 << 53): `"9007199254740992"`, -7: `-7`, 0.5: `"0.5"`,
		"a\x00b": `"a` + "\uFFFD" + `b"`, "\xff": `"` + "\uFFFD" + `"`, true: `true`,
	} {
		if got := contentOf(t, audit.Event{Act: audit.Act{What: "x", After: v}}); !strings.HasPrefix(got, `{"after":`+want+`,`) {
			t.Errorf("%v: %s", v, got)
		}
	}
}

// TestRowIsBounded gives a row the largest texts.
func TestRowIsBounded(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("\x01", 1<<20)
	got := contentOf(t, audit.Event{Actor: audit.Actor{Who: huge, From: huge}, Act: audit.Act{What: huge, Subject: huge, Before: huge, After: huge[:2600]}})
	if len(got) > audit.MaxRow || !strings.Contains(got, `"before":{"omitted":{"bytes":6291458,"sha256":"`) {
		t.Errorf("%d bytes: %.200s", len(got), got)
	}
}

func TestActor(t *testing.T) {
	t.Parallel()
	if got := audit.ActorOf(context.Background()); got != (audit.Actor{Who: "unknown", From: "unknown"}) {
		t.Errorf("without an actor: %+v", got)
	}
	want := audit.Actor{Who: "ana", From: audit.ThisHost}
	if got := audit.ActorOf(audit.WithActor(context.Background(), want)); got != want {
		t.Errorf("got %+v", got)
	}
}
