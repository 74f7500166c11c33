package server

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"offlinestore/assertion"
	"offlinestore/catalog"
	"offlinestore/snap"
)

// indexedAssertion is an assertion of the catalogue, with its place in its sequence if its type forms one.
type indexedAssertion struct {
	*catalog.Assertion
	sequence int
}

// unlimited is the format limit of a client that sends none.
const unlimited = math.MaxInt

// addAssertions indexes the assertions of the catalogue, and the known ones, except the hidden ones, which reveal private snaps. absent are the
// IDs of private snaps without anything but assertions.
func (ix *index) addAssertions(list []catalog.Assertion, known []*assertion.Assertion, private privateSnaps, absent []string) (hidden []hiddenAssertion, err error) {
	ix.asserts = len(list)
	list = slices.Clip(list)
	for _, a := range known {
		list = append(list, catalog.Assertion{Type: a.Type(), PrimaryKey: a.Ref().PrimaryKey, Format: a.Format(), Revision: a.Revision(), Raw: a.Raw()})
	}
	all := make([]*indexedAssertion, len(list))
	for i := range list {
		if all[i], err = newIndexedAssertion(&list[i]); err != nil {
			return nil, err
		}
	}
	revealed := revealed(all, ix.privateNames(private, absent, all))
	for i, a := range all {
		snaps, ok := revealed[a.group()]
		if !ok {
			ix.addAssertion(a)
			continue
		}
		hidden = append(hidden, hiddenAssertion{a, snaps})
		if i < len(list)-len(known) {
			ix.asserts--
		}
	}
	return hidden, ix.arrangeAssertions()
}

func newIndexedAssertion(stored *catalog.Assertion) (*indexedAssertion, error) {
	a := &indexedAssertion{Assertion: stored}
	t, ok := assertion.TypeByName(a.Type)
	if !ok || len(a.PrimaryKey) != len(t.PrimaryKey) || len(a.Raw) == 0 {
		return nil, fmt.Errorf("index assertion %s: unknown type, incomplete primary key or no content", a.ref())
	}
	if t.Sequence {
		n, err := strconv.Atoi(a.PrimaryKey[len(a.PrimaryKey)-1])
		if err != nil || n < 1 {
			return nil, fmt.Errorf("index assertion %s: sequence is no number", a.ref())
		}
		a.sequence = n
	}
	return a, nil
}

// addAssertion adds an assertion to its lists, which arrangeAssertions then sorts.
func (ix *index) addAssertion(a *indexedAssertion) {
	key := a.ref().Key()
	ix.assertions.set(key, append(ix.assertions.own[key], a))
	if a.sequence > 0 {
		key = a.group()
		ix.sequences.set(key, append(ix.sequences.own[key], a))
	}
}

// arrangeAssertions sorts the lists: the last point of a sequence and the newest revision first. Of two revisions, devices get the newer one.
func (ix *index) arrangeAssertions() error {
	for _, lists := range []layer[[]*indexedAssertion]{ix.assertions, ix.sequences} {
		for _, l := range lists.own {
			slices.SortFunc(l, func(a, b *indexedAssertion) int {
				return -cmp.Or(cmp.Compare(a.sequence, b.sequence), cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.Format, b.Format))
			})
		}
	}
	return ix.addGates()
}

// group returns the key of the assertions that are hidden together: all revisions of one assertion, and all points of a sequence. A device that
// saw older points alone would take the last of them for the present one.
func (a *indexedAssertion) group() string {
	if a.sequence > 0 {
		return assertionKey(a.Type, a.PrimaryKey[:len(a.PrimaryKey)-1])
	}
	return a.ref().Key()
}

func (a *indexedAssertion) ref() assertion.Ref {
	return assertion.Ref{Type: a.Type, PrimaryKey: a.PrimaryKey}
}

func assertionKey(typ string, key []string) string {
	return assertion.Ref{Type: typ, PrimaryKey: key}.Key()
}

// assertion returns the newest revision of ref that a client understands if it knows formats up to maxFormat.
func (ix *index) assertion(ref assertion.Ref, maxFormat int) *indexedAssertion {
	return firstOf(ix.assertions.get(ref.Key()), maxFormat)
}

// latest returns the last point of a sequence.
func (ix *index) latest(typ string, key []string, maxFormat int) *indexedAssertion {
	return firstOf(ix.sequences.get(assertionKey(typ, key)), maxFormat)
}

func firstOf(list []*indexedAssertion, maxFormat int) *indexedAssertion {
	for _, a := range list {
		if a.Format <= maxFormat {
			return a
		}
	}
	return nil
}

// errNoAssertion reports that a request for an assertion is valid but names an assertion that is not here.
var errNoAssertion = errors.New("not in this store")

// lookUp finds the assertion that the path and the query of a URL name.
func (ix *index) lookUp(typ string, key []string, query url.Values) (*indexedAssertion, error) {
	maxFormat := unlimited
	if s := query.Get("max-format"); s != "" {
		n, err := strconv.ParseUint(s, 10, 31)
		if err != nil {
			return nil, fmt.Errorf("max-format %.20q: want a number", s)
		}
		maxFormat = int(n)
	}
	t, ok := assertion.TypeByName(typ)
	if !ok {
		return nil, errNoAssertion
	}
	var a *indexedAssertion
	if t.Sequence && len(key) == len(t.PrimaryKey)-1 {
		switch seq := query.Get("sequence"); seq {
		case "", "latest":
			a = ix.latest(typ, key, maxFormat)
		default:
			key = append(slices.Clone(key), seq)
		}
	}
	if a == nil && !(t.Sequence && len(key) < len(t.PrimaryKey)) {
		ref, err := assertion.RefFromPath(typ, key)
		if err != nil {
			return nil, err
		}
		a = ix.assertion(ref, maxFormat)
	}
	if a == nil {
		return nil, errNoAssertion
	}
	return a, nil
}

// serveAssertion answers GET <prefix><type>/<primary key…>. It splits the path before it unescapes the parts, since a part may hold
// any character.
func (s *Server) serveAssertion(w http.ResponseWriter, r *http.Request, ix *index) {
	_, path, _ := strings.Cut(r.URL.EscapedPath(), "/assertions/")
	parts := strings.Split(path, "/")
	for i, p := range parts {
		var err error
		if parts[i], err = url.PathUnescape(p); err != nil {
			s.fail(w, r, http.StatusBadRequest, codeBadRequest, "the path is not properly escaped")
			return
		}
	}
	a, err := ix.lookUp(parts[0], parts[1:], r.URL.Query())
	if errors.Is(err, errNoAssertion) {
		a, err = s.settings.Load().registration.lookUp(parts[0], parts[1:], r.URL.Query())
	}
	switch {
	case errors.Is(err, errNoAssertion):
		s.fail(w, r, http.StatusNotFound, snap.CodeNotFound, fmt.Sprintf("no %.60s assertion with this key in this store", parts[0]))
	case err != nil:
		s.fail(w, r, http.StatusBadRequest, codeBadRequest, err.Error())
	default:
		// The real store ends each assertion with a newline, which is not part of the signed text.
		end := "\n"
		if bytes.HasSuffix(a.Raw, []byte(end)) {
			end = ""
		}
		h := w.Header()
		h.Set("Content-Type", snap.AssertionMediaType)
		h.Set("Content-Length", strconv.Itoa(len(a.Raw)+len(end)))
		h.Set("ETag", `"`+strconv.Itoa(a.Revision)+`"`)
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(a.Raw)
		_, _ = io.WriteString(w, end) // the client is gone
	}
}

// assertionURL returns the URL of an assertion, for a client that knows formats up to maxFormat.
func assertionURL(origin string, a *indexedAssertion, maxFormat int) string {
	var b strings.Builder
	b.WriteString(origin)
	b.WriteString("/v2/assertions/")
	b.WriteString(a.Type)
	for _, p := range a.ref().Path() {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(p))
	}
	if maxFormat != unlimited {
		b.WriteString("?max-format=" + strconv.Itoa(maxFormat))
	}
	return b.String()
}
