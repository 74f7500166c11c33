package bundle_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// inConfig replaces a text in the config of an item.
func inConfig(item, old, text string) func(*forge) {
	return func(f *forge) { c := f.find(item).config; c.data = replaceOnce(c.data, old, text) }
}

// inStatement replaces a text in the signed statement.
func inStatement(old, text string) func(*forge) {
	return func(f *forge) {
		f.editRawStatement = func(b []byte) []byte { return replaceOnce(b, old, text) }
	}
}

func replaceOnce(b []byte, old, text string) []byte {
	if !bytes.Contains(b, []byte(old)) {
		panic(fmt.Sprintf("no %s in %s", old, b))
	}
	return bytes.Replace(b, []byte(old), []byte(text), 1)
}

// TestHostileStatements signs statements that another parser would read in another way, or that lack a part.
func TestHostileStatements(t *testing.T) {
	t.Parallel()
	const created = `"created":"2026-11-20T10:15:00Z"`
	tests := []hostile{
		{name: "two predicates", edit: inStatement(`"predicate":{`, `"predicate":{"created":"2020-01-01T00:00:00Z"},"predicate":{`), want: "duplicate"},
		{name: "two unknown members", edit: inStatement(`"predicate":{`, `"x":1,"x":2,"predicate":{`), want: "duplicate"},
		{name: "a predicate in capitals", edit: inStatement(`"predicate":{`, `"Predicate":{`), want: "lacks one of"},
		{name: "a look-alike", edit: inStatement(`"subject":`, `"\u017fubject":`), want: "lacks one of"},
		{name: "invalid UTF-8", edit: inStatement(created, created+",\"program\":\"\xff\""), want: "UTF-8"},
		{name: "half of a surrogate pair", edit: inStatement(created, created+`,"program":"\ud800"`), want: "surrogate"},
		{name: "a predicate that is null", edit: func(f *forge) { f.predicate = "null" }, want: "null"},
		{name: "a subject without a digest", edit: inStatement(`"digest":{`, `"digests":{`), want: "lacks one of digest"},
		{name: "deep nesting", edit: inStatement(created, created+`,"x":`+strings.Repeat("[", 100)+strings.Repeat("]", 100)), want: "nested"},
		{name: "created with an offset", edit: inStatement(created, `"created":"2026-01-02T03:04:05+00:00"`), want: "created"},
		{name: "created with a fraction", edit: inStatement(created, `"created":"2026-01-02T03:04:05.5Z"`), want: "created"},
		{name: "created with no fraction", edit: inStatement(created, `"created":"2026-01-02T03:04:05.0Z"`), want: "created"},
		{name: "created that is null", edit: inStatement(created, `"created":null`), want: "null"},
		{name: "created before 1970", edit: inStatement(created, `"created":"1969-12-31T23:59:59Z"`), want: "created"},
		{name: "created in the year 10000", edit: inStatement(created, `"created":"10000-01-01T00:00:00Z"`), want: "created"},
		{name: "a sequence with a fraction", edit: inStatement(`"sequence":7`, `"sequence":7.0`), want: "plain decimal"},
		{name: "a sequence with an exponent", edit: inStatement(`"sequence":7`, `"sequence":7e0`), want: "plain decimal"},
		{name: "a negative sequence", edit: inStatement(`"sequence":7`, `"sequence":-7`), want: "sequence"},
		{name: "a sequence that is too large", edit: inStatement(`"sequence":7`, `"sequence":18446744073709551616`), want: "sequence"},
		{name: "a sequence that no database can hold", edit: inStatement(`"sequence":7`, `"sequence":9223372036854775808`), want: "sequence"},
	}
	runHostile(t, tests)
}

// TestHostileConfigs leaves required parts out of configs, and writes parts that another parser would read in another way.
func TestHostileConfigs(t *testing.T) {
	t.Parallel()
	const jq, jq6 = "jq", "jq_6"
	runHostile(t, []hostile{
		{name: "a release without a revision", edit: inConfig(jq, `,"revision":6}`, `}`), want: "lacks one of architecture, channel, revision"},
		{name: "a release whose revision is null", edit: inConfig(jq, `"revision":6}`, `"revision":null}`), want: "null, want a number"},
		{name: "a release whose revision is a text", edit: inConfig(jq, `"revision":6}`, `"revision":"6"}`), want: "want a number"},
		{name: "a release whose Revision is in capitals", edit: inConfig(jq, `"revision":6}`, `"Revision":6}`), want: "lacks one of"},
		{name: "two revisions", edit: inConfig(jq, `"revision":6}`, `"revision":0,"revision":6}`), want: "duplicate"},
		{name: "a look-alike of a snap-id", edit: inConfig(jq, `"snap-id":`, `"\u017fnap-id":`), want: "lacks one of"},
		{name: "no snap-id", edit: inConfig(jq6, `"snap-id":`, `"snap_id":`), want: "lacks one of"},
		{name: "no metadata", edit: inConfig(jq, `"snap":{`, `"snaps":{`), want: "lacks one of"},
		{name: "a title that is null", edit: inConfig(jq, `"title":"jq`, `"title":null,"x":"jq`), want: "null, want a string"},
		{name: "released-at with a comma", edit: inConfig(jq, `"released-at":"2024-02-03T04:05:06Z"`, `"released-at":"2024-02-03T04:05:06,5Z"`), want: "RFC 3339"},
		{name: "released-at that is null", edit: inConfig(jq, `"released-at":"2024-02-03T04:05:06Z"`, `"released-at":null`), want: "null"},
		{name: "a URL", edit: inConfig(jq6, `"url":""`, `"url":"https://example.com/x"`), want: "URL"},
		{name: "deltas", edit: inConfig(jq6, `"deltas":null`, `"deltas":[{}]`), want: "deltas"},
		{name: "a download without a size", edit: inConfig(jq6, `"size":`, `"sizes":`), want: "lacks one of sha3-384, size"},
		{name: "an epoch that is a text", edit: inConfig(jq6, `"epoch":{`, `"epoch":"0","x":{`), want: "want an object"},
		{name: "an epoch with read twice", edit: inConfig(jq6, `"epoch":{`, `"epoch":{"read":[1],`), want: "duplicate"},
		{name: "a component of another type", edit: inConfig(jq6, `"type":"component/standard"`, `"type":"components"`), want: "want component/ and a kind"},
		{name: "a component for no architecture", edit: inConfig(jq6, `"type":"component/standard"`, `"type":"component/standard","architectures":["AMD64"]`), want: "architecture"},
		{name: "a picture of a negative size", edit: inConfig(jq, `"media":null`, `"media":[{"height":-1,"type":"icon","url":"","width":1}]`), want: "out of range"},
		{name: "a picture of a size that no client can read", edit: inConfig(jq, `"media":null`, `"media":[{"height":1,"type":"icon","url":"","width":2147483648}]`), want: "out of range"},
		{name: "a release for all architectures", edit: inConfig(jq, `"architecture":"amd64"`, `"architecture":"all"`), want: "does not run on all"},
		{name: "a risk as the track of a branch", edit: inConfig(jq, `"channel":"latest/stable"`, `"channel":"edge/stable/x"`), want: "in place of the track"},
		{name: "a risk as the default track", edit: inConfig(jq, `"default-track":"`, `"default-track":"edge","x":"`), want: "default track"},
		{name: "a revision with an exponent", edit: inConfig(jq6, `"revision":6,`, `"revision":6e0,`), want: "plain decimal"},
		{name: "architectures that are a text", edit: inConfig(jq6, `"architectures":[`, `"architectures":"amd64","x":[`), want: "want a list"},
		{name: "an annotation of a config", edit: func(f *forge) {
			f.find(jq6).edit = func(m *ociManifest) { m.Config.Annotations = map[string]string{"x": "y"} }
		}, want: "does not follow"},
		{name: "an artifactType of a config", edit: func(f *forge) { f.find(jq6).edit = func(m *ociManifest) { m.Config.ArtifactType = "x" } }, want: "does not follow"},
		{name: "a name that JSON writes in two ways", edit: func(f *forge) { f.find(jq).name = `j"q` }, want: "several ways"},
		{name: "a stream without assertions", edit: func(f *forge) { f.find(jq).layers[0].data = nil }, want: "without assertions"},
	})
}

// TestStrictCharms does the same for charms.
func TestStrictCharms(t *testing.T) {
	t.Parallel()
	const pg, pg9, data, image = "charm.pg", "charm.pg_9", "charm.pg.data_3", "charm.pg.image_5"
	runHostileOn(t, charmSample, []hostile{
		{name: "a release without a revision", edit: inConfig(pg, `],"revision":9}`, `]}`), want: "lacks one of channel, revision"},
		{name: "a resource of a release without a revision", edit: inConfig(pg, `{"name":"data","revision":3}`, `{"name":"data"}`), want: "lacks one of name, revision"},
		{name: "no metadata", edit: inConfig(pg, `"result":{`, `"results":{`), want: "lacks one of"},
		{name: "an image without a download", edit: inConfig(image, `"download":{`, `"downloads":{`), want: "lacks one of download"},
		{name: "an image without a size", edit: inConfig(image, `"size":0`, `"sizes":0`), want: "lacks one of size"},
		{name: "an image without a name", edit: inConfig(image, `"image":{`, `"image":{"Name":"x","name":null},"x":{`), want: "null"},
		{name: "a file whose image is null", edit: inConfig(data, `"resource":{`, `"image":null,"resource":{`), want: "null, want an object"},
		{name: "an uploaded file without a layer", edit: func(f *forge) {
			inConfig("charm.pg.policy_0", `"revision":0`, `"revision":7`)(f)
			f.find("charm.pg.policy_0").name = "charm.pg.policy_7"
		}, want: "charm.pg.policy_7"},
		{name: "a null that is no base", edit: inConfig(pg9, `"bases":[`, `"bases":[null,`), want: "null"},
	})
}
