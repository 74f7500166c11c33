package admin

import (
	"fmt"

	"offlinestore/channel"
	"offlinestore/store"
)

// NewOverridesAnswer is what the API says of overrides.
func NewOverridesAnswer(list []store.Override) OverridesAnswer {
	out := OverridesAnswer{Overrides: []Override{}}
	for _, o := range list {
		out.Overrides = append(out.Overrides, Override{
			SnapID: o.SnapID, SnapName: o.Name, Revision: number(o.Revision), UpstreamRevision: number(o.Upstream),
			Channel: shortChannel(o.Channel), Architecture: o.Architecture, Series: Series,
		})
	}
	return out
}

func number(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}

// String is the line that commands print: "core18 stable amd64 1722 (upstream 1705)".
func (o Override) String() string {
	line := fmt.Sprintf("%s %s %s", o.SnapName, o.Channel, o.Architecture)
	switch {
	case o.Revision == nil && o.UpstreamRevision == nil:
		return line + " is tracking upstream"
	case o.Revision == nil:
		return fmt.Sprintf("%s is tracking upstream (revision %d)", line, *o.UpstreamRevision)
	case o.UpstreamRevision == nil:
		return fmt.Sprintf("%s %d", line, *o.Revision)
	}
	return fmt.Sprintf("%s %d (upstream %d)", line, *o.Revision, *o.UpstreamRevision)
}

// shortChannel leaves the track "latest" out, as the store's answers do.
func shortChannel(s string) string {
	if c, err := channel.Parse(s); err == nil {
		return c.Name()
	}
	return s
}
