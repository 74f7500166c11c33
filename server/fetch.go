package server

import (
	"fmt"
	"strconv"

	"offlinestore/assertion"
	"offlinestore/snap"
)

// fetchResult answers a fetch-assertions action. As in the real store's answers, its lists are present even if they are empty.
type fetchResult struct {
	AssertionStreamURLs []string     `json:"assertion-stream-urls"`
	ErrorList           []snap.Error `json:"error-list"`
	Key                 string       `json:"key"`
	Result              string       `json:"result"`
}

// fetchAssertions answers a fetch-assertions action with the URLs of the assertions that are newer than the device's.
func (ix *index) fetchAssertions(a *snap.Action, formats map[string]int, origin string) fetchResult {
	out := fetchResult{AssertionStreamURLs: []string{}, ErrorList: []snap.Error{}, Key: a.Key, Result: snap.ActionFetchAssertions}
	for i := range a.Assertions {
		req := &a.Assertions[i]
		maxFormat := unlimited
		if formats != nil {
			// Of a type that is not listed, the device knows the first format only.
			maxFormat = formats[req.Type]
		}
		found, newer, err := ix.findRequested(req, maxFormat)
		switch {
		case err != nil:
			out.ErrorList = append(out.ErrorList, snap.Error{Code: codeBadRequest, Message: err.Error(),
				Type: req.Type, PrimaryKey: req.PrimaryKey, SequenceKey: req.SequenceKey})
		case found == nil:
			out.ErrorList = append(out.ErrorList, snap.Error{Code: snap.CodeNotFound,
				Message: fmt.Sprintf("no %.60s assertion with this key in this store", req.Type),
				Type:    req.Type, PrimaryKey: req.PrimaryKey, SequenceKey: req.SequenceKey})
		case newer:
			out.AssertionStreamURLs = append(out.AssertionStreamURLs, assertionURL(origin, found, maxFormat))
		}
	}
	return out
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

func revised(a *indexedAssertion, than *int) bool { return than == nil || a.Revision > *than }
