package server

import (
	"fmt"
	"strconv"

	"offlinestore/assertion"
	"offlinestore/snap"
)

// appendFetched appends the answer to a fetch-assertions action: the URLs of the assertions that are newer than the device's, then the
// errors. As in the real store's answers, its lists are present even if they are empty. A client may ask for thousands of assertions,
// so long lists are sent in parts.
func (c *refreshCall) appendFetched(dst []byte, a *snap.Action, flush flusher) []byte {
	dst = append(dst, `{"assertion-stream-urls":[`...)
	dst = c.appendEach(dst, a, flush, func(dst []byte, req *snap.AssertionRequest, maxFormat int) []byte {
		found, newer, err := c.ix.findRequested(req, maxFormat)
		if err != nil || found == nil || !newer {
			return dst
		}
		return appendString(dst, assertionURL(c.origin, found, maxFormat))
	})
	dst = append(dst, `],"error-list":[`...)
	dst = c.appendEach(dst, a, flush, func(dst []byte, req *snap.AssertionRequest, maxFormat int) []byte {
		found, _, err := c.ix.findRequested(req, maxFormat)
		e := snap.Error{Type: req.Type, PrimaryKey: req.PrimaryKey, SequenceKey: req.SequenceKey}
		switch {
		case err != nil:
			e.Code, e.Message = codeBadRequest, err.Error()
		case found == nil:
			e.Code, e.Message = snap.CodeNotFound, fmt.Sprintf("no %.60s assertion with this key in this store", req.Type)
		default:
			return dst
		}
		return appendJSON(dst, e)
	})
	dst = appendString(append(dst, `],"key":`...), a.Key)
	return append(dst, `,"result":"`+snap.ActionFetchAssertions+`"}`...)
}

// appendEach appends an element for each assertion of an action for which appendElement appends one.
func (c *refreshCall) appendEach(dst []byte, a *snap.Action, flush flusher,
	appendElement func(dst []byte, req *snap.AssertionRequest, maxFormat int) []byte) []byte {
	first := true
	for i := range a.Assertions {
		req := &a.Assertions[i]
		maxFormat := unlimited
		if c.req.AssertionMaxFormats != nil {
			// Of a type that is not listed, the device knows the first format only.
			maxFormat = c.req.AssertionMaxFormats[req.Type]
		}
		before := len(dst)
		if !first {
			dst = append(dst, ',')
		}
		start := len(dst)
		if dst = appendElement(dst, req, maxFormat); len(dst) == start {
			dst = dst[:before]
			continue
		}
		first = false
		dst = flush(dst)
	}
	return dst
}

// findRequested finds the assertion that req asks for, and reports whether it is newer than the device's.
func (ix *index) findRequested(req *snap.AssertionRequest, maxFormat int) (a *indexedAssertion, newer bool, err error) {
	t, ok := assertion.TypeByName(req.Type)
	if !ok {
		return nil, false, nil
	}
	if len(req.SequenceKey) > 0 {
		if !t.Sequence || len(req.SequenceKey) != len(t.PrimaryKey)-1 {
			return nil, false, fmt.Errorf("%s: sequence-key has %d values", req.Type, len(req.SequenceKey))
		}
		a, newer, err = ix.findSequencePoint(req, maxFormat)
		return a, newer, err
	}
	ref, err := assertion.RefFromPath(req.Type, req.PrimaryKey)
	if err != nil {
		return nil, false, err
	}
	a = ix.assertion(ref, maxFormat)
	return a, a != nil && revised(a, req.IfNewerThan), nil
}

// findSequencePoint finds a point of a sequence as findRequested does: the point that req names, or the last one.
func (ix *index) findSequencePoint(req *snap.AssertionRequest, maxFormat int) (*indexedAssertion, bool, error) {
	if req.Sequence != nil {
		ref, err := assertion.RefFromPath(req.Type, append(req.SequenceKey[:len(req.SequenceKey):len(req.SequenceKey)], strconv.Itoa(*req.Sequence)))
		if err != nil {
			return nil, false, err
		}
		a := ix.assertion(ref, maxFormat)
		return a, a != nil && revised(a, req.IfNewerThan), nil
	}
	a := ix.latest(req.Type, req.SequenceKey, maxFormat)
	switch {
	case a == nil:
		return nil, false, nil
	case req.IfSequenceNewerThan != nil:
		return a, a.sequence > *req.IfSequenceNewerThan, nil
	case req.IfSequenceEqualOrNewerThan != nil:
		n := *req.IfSequenceEqualOrNewerThan
		return a, a.sequence > n || a.sequence == n && revised(a, req.IfNewerThan), nil
	}
	return a, revised(a, req.IfNewerThan), nil
}

func revised(a *indexedAssertion, than *int) bool { return than == nil || a.revision > *than }
