package server

import (
	"encoding/json"
	"reflect"
	"testing"

	"offlinestore/snap"
)

// FuzzRefreshRequest compares the decoder of refresh requests with the one of encoding/json.
func FuzzRefreshRequest(f *testing.F) {
	for _, s := range []string{
		`{"context":[{"snap-id":"a","instance-key":"k","revision":5,"tracking-channel":"latest/stable","epoch":{"read":[0,1],"write":[1]},"refreshed-date":"2024","ignore-validation":true}],` +
			`"actions":[{"action":"refresh","instance-key":"k","snap-id":"a"},{"action":"install","instance-key":"i","name":"jq","channel":"edge","revision":7,"cohort-key":"c"}],"fields":["name","version"],"assertion-max-formats":{"snap-declaration":4}}`,
		`{}`, ` { "context" : [ ] , "actions":[{}],"fields":[] } `, `{"Actions":[{"action":"x"}]}`, `{"actions":[{"action":"x","action":"y"}]}`, `{"actions":[{"name":"a\u0062"}]}`,
		`{"actions":[{"revision":007}]}`, `{"actions":[{"revision":1e3}]}`, `{"actions":[{"revision":-1}]}`, `{"actions":[{"revision":12345678901}]}`, `{"actions":null}`, `[]`, `{"actions":[{}]}x`,
		`{"actions":[{},]}`, `{"actions":[,{}]}`, `{"actions":[{"epoch":"1*"}]}`, `{"actions":[{"epoch":{"read":[],"read":[1]}}]}`, `{"actions":[{"epoch":{}}]}`, `{"fields":["é"]}`, `{"x":{"y":1},"actions":[]}`,
		`{"actions":[{"ignore-validation":false,"validation-sets":[["16","a","b"]]}]}`, `{"actions":[{"action":"fetch-assertions","key":"g","assertions":[{"type":"model","primary-key":["16"]}]}]}`,
		`{"actions":[{"revision":0}],"context":[{"revision":1.5}]}`, `{"actions":[{"action":truefalse}]}`, `{"a":tru}`, `{"a":1 2}`, `{"a" "b"}`, `{"a":}`, `{,}`, `{"a":"b",}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var want snap.RefreshRequest
		var got refreshRequest
		wantErr, err := json.Unmarshal(text, &want), got.decode(text)
		if (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(snap.RefreshRequest(got), want) {
			t.Errorf("%q: %+v, %v; want %+v, %v", text, got, err, want, wantErr)
		}
		if q := (&quickReader{text: string(text)}); q.request(&got) && wantErr != nil {
			t.Errorf("%q is taken as ordinary: %v", text, wantErr)
		}
	})
}

// TestOrdinaryRequests checks that requests like snapd's are read quickly.
func TestOrdinaryRequests(t *testing.T) {
	t.Parallel()
	var r refreshRequest
	const text = `{"context":[{"snap-id":"a","instance-key":"k","revision":5,"tracking-channel":"stable","epoch":{"read":[0],"write":[0]},"refreshed-date":"2024-01-02T03:04:05Z"}],
		"actions":[{"action":"refresh","instance-key":"k","snap-id":"a"}],"fields":["name"]}`
	if !(&quickReader{text: text}).request(&r) || r.Context[0].Revision != 5 || r.Actions[0].SnapID != "a" {
		t.Errorf("the request is odd: %+v", r)
	}
}
