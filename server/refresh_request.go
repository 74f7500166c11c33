package server

import (
	"encoding/json"
	"strings"

	"offlinestore/snap"
)

// refreshRequest is the body of a refresh request. Its decoder takes a tenth of the time of encoding/json's for the requests that snapd sends.
type refreshRequest snap.RefreshRequest

// decode decodes the request as json.Unmarshal does.
func (r *refreshRequest) decode(text []byte) error {
	if q := (&quickReader{text: string(text)}); q.request(r) {
		return nil
	}
	*r = refreshRequest{}
	return json.Unmarshal(text, (*snap.RefreshRequest)(r))
}

// quickReader reads the JSON of ordinary refresh requests: plain texts, small numbers, and each member once. After anything else isOdd is set,
// and encoding/json decides about the whole. The texts that it returns are parts of text.
type quickReader struct {
	text  string
	at    int
	isOdd bool
}

func (q *quickReader) space() {
	for q.at < len(q.text) && strings.IndexByte(" \t\r\n", q.text[q.at]) >= 0 {
		q.at++
	}
}

// take passes over a character, and reports whether it was there.
func (q *quickReader) take(c byte) bool {
	if q.space(); q.at < len(q.text) && q.text[q.at] == c {
		q.at++
		return true
	}
	return false
}

func (q *quickReader) need(c byte) {
	if !q.take(c) {
		q.isOdd = true
	}
}

// string reads a text of printable ASCII without escapes.
func (q *quickReader) string() string {
	q.need('"')
	for from := q.at; q.at < len(q.text) && !q.isOdd; q.at++ {
		switch c := q.text[q.at]; {
		case c == '"':
			q.at++
			return q.text[from : q.at-1]
		case c < ' ' || c > '~' || c == '\\':
			q.isOdd = true
		}
	}
	q.isOdd = true
	return ""
}

// number reads an integer of at most nine digits.
func (q *quickReader) number() (n int) {
	q.space()
	from := q.at
	for ; q.at < len(q.text) && q.text[q.at] >= '0' && q.text[q.at] <= '9'; q.at++ {
		n = n*10 + int(q.text[q.at]-'0')
		if q.at-from >= 9 {
			q.isOdd = true
			return 0
		}
	}
	if q.at == from || q.text[from] == '0' && q.at > from+1 || q.at < len(q.text) && strings.IndexByte(".eE", q.text[q.at]) >= 0 {
		q.isOdd = true
	}
	return n
}

func (q *quickReader) bool() bool {
	q.space()
	for _, word := range []string{"true", "false"} {
		if strings.HasPrefix(q.text[q.at:], word) {
			q.at += len(word)
			return word == "true"
		}
	}
	q.isOdd = true
	return false
}

// list calls element before each element of a list.
func (q *quickReader) list(element func()) {
	q.need('[')
	for first := true; !q.isOdd && !q.take(']'); first = false {
		if !first {
			q.need(',')
		}
		if !q.isOdd {
			element()
		}
	}
}

// object calls member with the name of each member. It returns false if it does not know the name.
func (q *quickReader) object(member func(name string) bool) {
	q.need('{')
	seen := 0
	var names [16]string
	for first := true; !q.isOdd && !q.take('}'); first = false {
		if !first {
			q.need(',')
		}
		name := q.string()
		q.need(':')
		for _, other := range names[:seen] {
			q.isOdd = q.isOdd || other == name
		}
		if seen == len(names) || !isPlainName(name) {
			q.isOdd = true
		}
		if q.isOdd {
			return
		}
		names[seen] = name
		if seen++; !member(name) {
			q.skip()
		}
	}
}

// isPlainName reports whether no other spelling of a name is the same to encoding/json.
func isPlainName(name string) bool {
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && c != '-' {
			return false
		}
	}
	return true
}

// skip passes over a value that nobody asks for, if it is plain.
func (q *quickReader) skip() {
	q.space()
	if q.at >= len(q.text) {
		q.isOdd = true
		return
	}
	switch c := q.text[q.at]; {
	case c == '"':
		q.string()
	case c >= '0' && c <= '9':
		q.number()
	default:
		q.bool()
	}
}

func (q *quickReader) request(r *refreshRequest) bool {
	q.object(func(name string) bool {
		switch name {
		case "context":
			r.Context = make([]snap.Installed, 0, 8)
			q.list(func() { r.Context = append(r.Context, q.installed()) })
		case "actions":
			r.Actions = make([]snap.Action, 0, 8)
			q.list(func() { r.Actions = append(r.Actions, q.action()) })
		case "fields":
			r.Fields = make([]string, 0, 32)
			q.list(func() { r.Fields = append(r.Fields, q.string()) })
		case "assertion-max-formats":
			r.AssertionMaxFormats = make(map[string]int)
			q.object(func(name string) bool { r.AssertionMaxFormats[name] = q.number(); return true })
		default:
			return false
		}
		return true
	})
	q.space()
	return !q.isOdd && q.at == len(q.text)
}

func (q *quickReader) installed() (in snap.Installed) {
	q.object(func(name string) bool {
		switch name {
		case "snap-id":
			in.SnapID = q.string()
		case "instance-key":
			in.InstanceKey = q.string()
		case "revision":
			in.Revision = q.number()
		case "tracking-channel":
			in.TrackingChannel = q.string()
		case "epoch":
			in.Epoch = q.epoch()
		case "cohort-key":
			in.CohortKey = q.string()
		case "ignore-validation":
			in.IgnoreValidation = q.bool()
		case "validation-sets":
			q.isOdd = true
		default:
			return false
		}
		return true
	})
	return in
}

func (q *quickReader) action() (a snap.Action) {
	q.object(func(name string) bool {
		switch name {
		case "action":
			a.Action = q.string()
		case "instance-key":
			a.InstanceKey = q.string()
		case "name":
			a.Name = q.string()
		case "snap-id":
			a.SnapID = q.string()
		case "channel":
			a.Channel = q.string()
		case "revision":
			a.Revision = q.number()
		case "epoch":
			a.Epoch = q.epoch()
		case "cohort-key":
			a.CohortKey = q.string()
		case "ignore-validation", "validation-sets", "key", "assertions":
			q.isOdd = true
		default:
			return false
		}
		return true
	})
	return a
}

func (q *quickReader) epoch() *snap.Epoch {
	e := &snap.Epoch{}
	q.object(func(name string) bool {
		list := make([]uint32, 0, 1)
		q.list(func() { list = append(list, uint32(q.number())) })
		switch name {
		case "read":
			e.Read = list
		case "write":
			e.Write = list
		default:
			q.isOdd = true
		}
		return true
	})
	return e
}
