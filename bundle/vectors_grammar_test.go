package bundle_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"offlinestore/charm"
	"offlinestore/internal/bundletest"
	"offlinestore/internal/vectortest"
	"offlinestore/snap"
)

// grammarFlaw is a vector about one rule of a text: base is jq, pg, kit or rich, and old becomes text in the config of an item.
type grammarFlaw struct{ base, item, name, shows, old, text string }

// grammarBases returns the bundles that the vectors about the grammar are made of.
func grammarBases() map[string]func(testing.TB) *content {
	return map[string]func(testing.TB) *content{"jq": snapVector, "pg": pgVector, "kit": kitVector, "rich": richVector}
}

// grammarFlaws returns bundles that break one rule about a field of a config.
func grammarFlaws() (out []flaw) {
	deep := strings.Repeat("[", 64) + "1" + strings.Repeat("]", 64)
	for _, g := range []grammarFlaw{
		{"pg", "charm.pg.image_5", "image-name-in-capitals", "The name of an image has a capital.", `"name":"charm/abc/`, `"name":"charm/Abc/`},
		{"pg", "charm.pg.image_5", "image-name-with-a-registry", "The name of an image has a registry with a port.", `"name":"charm/abc/`, `"name":"example.com:5000/abc/`},
		{"pg", "charm.pg.image_5", "image-name-of-another", "The digest in the name of an image is not its digest.", `"name":"charm/abc/image@sha256:`, `"name":"charm/abc/image@sha256:0000000000000000000000000000000000000000000000000000000000000000","x":"`},
		{"pg", "charm.pg.image_5", "image-source-without-registry", "The source of an image has no registry.", `"source":"registry.example.com/x"`, `"source":"x"`},
		{"rich", "charm.kit_2", "tag-without-digest", "A further tag of an image does not follow from a digest.", `"tags":{"sha256-`, `"tags":{"sha512-`},
		{"pg", "charm.pg.data_3", "filename-path", "The file name of a resource is a path.", `"filename":"data.bin"`, `"filename":"../data.bin"`},
		{"pg", "charm.pg.data_3", "resource-time", "The time of a resource does not exist.", `"created-at":"2024-02-03T`, `"created-at":"2024-02-30T`},
		{"pg", "charm.pg_9", "bases-empty", "A charm has no bases.", `"bases":[{"architecture":"amd64","channel":"22.04","name":"ubuntu"}]`, `"bases":[]`},
		{"pg", "charm.pg_9", "bases-null", "The bases of a charm are null.", `"bases":[{"architecture":"amd64","channel":"22.04","name":"ubuntu"}]`, `"bases":null`},
		{"pg", "charm.pg_9", "base-null", "A base of a charm is null.", `"bases":[`, `"bases":[null,`},
		{"pg", "charm.pg_9", "base-twice", "A base of a charm is there twice.", `"bases":[`, `"bases":[{"architecture":"amd64","channel":"22.04","name":"ubuntu"},`},
		{"pg", "charm.pg_9", "base-all", "A base of a charm is for all architectures.", `"bases":[{"architecture":"amd64"`, `"bases":[{"architecture":"all"`},
		{"kit", "charm.kit_2", "base-of-a-bundle", "A charm bundle has a base.", `"bases":[null]`, `"bases":[{"architecture":"amd64","channel":"22.04","name":"ubuntu"}]`},
		{"pg", "charm.pg_9", "subordinate-text", "A boolean is a string.", `"subordinate":false`, `"subordinate":"false"`},
		{"pg", "charm.pg_9", "version-number", "A version is a number.", `"version":"9"`, `"version":9`},
		{"pg", "charm.pg_9", "relations-list", "The relations are a list.", `"subordinate":false`, `"subordinate":false,"relations":[]`},
		{"rich", "charm.kit_2", "snap-revision-text", "A pinned revision of a snap is a string.", `"amd64":2`, `"amd64":"2"`},
		{"rich", "charm.kit_2", "snap-revision-all", "A revision of a snap is pinned for all architectures.", `"amd64":2`, `"all":2`},
		{"rich", "charm.kit_2", "snap-channel", "The channel of a snap has no risk.", `"channel":"edge/fix"`, `"channel":"a/b"`},
		{"pg", "charm.pg", "result-null", "The metadata of a charm is null.", `"result":{`, `"result":null,"x":{`},
		{"pg", "charm.pg", "result-title-null", "A title is null.", `"title":"pg"`, `"title":null`},
		{"pg", "charm.pg", "result-links", "A link is a string instead of a list.", `"links":null`, `"links":{"docs":"x"}`},
		{"jq", "jq", "track-risk", "The default track is a risk.", `"name":"jq"`, `"default-track":"edge","name":"jq"`},
		{"jq", "jq", "channel-short", "A channel has no track.", `"channel":"latest/stable"`, `"channel":"stable"`},
		{"jq", "jq", "channel-of-a-risk", "The track of a channel is a risk.", `"channel":"latest/stable"`, `"channel":"edge/stable/fix"`},
		{"jq", "jq", "row-for-all", "A channel has a revision for all architectures, which runs on one.", `"architecture":"amd64"`, `"architecture":"all"`},
		{"jq", "jq", "row-twice-in-case", "A name stands twice in an object, once with an escape.", `"revision":6}`, `"revision":6,"revisio\u006e":6}`},
		{"jq", "jq", "row-without-revision", "A channel has a field Revision in place of revision.", `"revision":6}`, `"Revision":6}`},
		{"jq", "jq", "unknown-too-deep", "A value in an unknown field has 64 lists and an object around it.", `"name":"jq"`, `"name":"jq","x":` + deep},
		{"jq", "jq", "half-surrogate", "A text has half of a surrogate pair.", `"title":"jq"`, `"title":"\ud83d"`},
		{"jq", "jq", "media-size", "A picture is higher than a device can read.", `"media":null`, `"media":[{"height":2147483648,"type":"icon","url":"","width":1}]`},
		{"jq", "jq_6", "revision-fraction", "A revision has a fraction.", `"revision":6,`, `"revision":6.0,`},
		{"jq", "jq_6", "revision-exponent", "A revision has an exponent.", `"revision":6,`, `"revision":6e0,`},
		{"jq", "jq_6", "revision-too-large", "A revision has 32 bits.", `"revision":6,`, `"revision":2147483648,`},
		{"jq", "jq_6", "epoch-null", "An epoch is null.", `"epoch":{`, `"epoch":null,"x":{`},
		{"jq", "jq_6", "epoch-too-large", "A number of an epoch has 33 bits.", `"read":[0]`, `"read":[4294967296]`},
		{"jq", "jq_6", "created-at-without-zone", "A time has no zone.", `"confinement"`, `"created-at":"2024-02-03T04:05:06","confinement"`},
		{"jq", "jq_6", "created-at-leap-second", "A time is a leap second.", `"confinement"`, `"created-at":"2016-12-31T23:59:60Z","confinement"`},
		{"jq", "jq_6", "architectures-null", "The architectures are null.", `"architectures":["amd64"]`, `"architectures":null`},
		{"jq", "jq_6", "deltas", "A download has deltas.", `"deltas":null`, `"deltas":[{}]`},
		{"rich", "jq_6", "component-type", "A component has another type.", `"type":"component/standard"`, `"type":"standard"`},
	} {
		out = append(out, flaw{name: g.name, shows: g.shows, base: grammarBases()[g.base], edit: inConfig(g.item, g.old, g.text), step: 10})
	}
	return append(out, flaw{name: "base-of-another-manifest", shows: "The manifest in a charm's archive does not name a base.", base: pgVector, step: 11, result: vectortest.Mismatch,
		edit: inConfig("charm.pg_9", `"bases":[{"architecture":"amd64","channel":"22.04"`, `"bases":[{"architecture":"amd64","channel":"24.04"`)})
}

// imageGrammarFlaws returns bundles with one manifest of an image, which breaks one rule.
func imageGrammarFlaws() (out []flaw) {
	child := `{"mediaType":"` + ociManifestType + `","digest":"sha256:` + strings.Repeat("a", 64) + `","size":1}`
	for _, g := range []struct{ name, shows, typ, raw string }{
		{"image-urls-empty", "A layer of an image has an empty list of urls.", ociManifestType, rawImage(`"layers":[` + with(child, `"urls":[]`) + `]`)},
		{"image-urls-null", "The config of an image has urls that are null.", ociManifestType, with(rawImage(`"layers":[]`), `"layers":[],"x":1`, `"size":2`, `"size":2,"urls":null`)},
		{"image-urls-of-a-subject", "The subject of a manifest has urls.", ociManifestType, rawImage(`"layers":[],"subject":` + with(child, `"urls":[]`))},
		{"image-size-in-capitals", "An unknown object in a manifest has a name that decides, in capitals.", ociManifestType, rawImage(`"layers":[],"x":{"Size":1}`)},
		{"image-look-alike", "A manifest has a name that looks like one that decides.", ociManifestType, rawImage(`"layers":[],"ſubject":1`)},
		{"image-without-size", "A layer of an image has no size.", ociManifestType, rawImage(`"layers":[` + strings.Replace(child, `,"size":1`, "", 1) + `]`)},
		{"image-without-type", "A layer of an image has no media type.", ociManifestType, rawImage(`"layers":[` + strings.Replace(child, `"mediaType":"`+ociManifestType+`",`, "", 1) + `]`)},
		{"image-size-negative", "A layer of an image has a negative size.", ociManifestType, rawImage(`"layers":[` + strings.Replace(child, `"size":1`, `"size":-1`, 1) + `]`)},
		{"image-type-empty", "The media type of a manifest is empty.", ociManifestType, `{"mediaType":"",` + rawImage(`"layers":[]`)[1:]},
		{"image-too-deep", "A manifest is nested too deeply.", ociManifestType, rawImage(`"layers":[],"x":` + strings.Repeat("[", 64) + "1" + strings.Repeat("]", 64))},
		{"image-name-twice", "An unknown name stands in a manifest twice.", ociManifestType, rawImage(`"layers":[],"x":1,"x":1`)},
	} {
		out = append(out, flaw{name: g.name, shows: g.shows, base: pgVector, step: 8, edit: func(f *forge) { f.pgManifest(g.typ, g.raw) }})
	}
	for _, g := range []struct{ name, shows, entry string }{
		{"image-urls-of-a-manifest", "A manifest that an index lists has urls.", with(child, `"urls":[]`)},
		{"image-left-out-sha512", "A manifest that was left out has a digest of another algorithm.", strings.Replace(child, "sha256:", "sha512:"+strings.Repeat("a", 64), 1)},
		{"image-left-out-foreign", "A manifest that was left out is to be had from the internet only.", strings.Replace(child, "vnd.oci.image", "vnd.oci.foreign.image", 1)},
	} {
		out = append(out, flaw{name: g.name, shows: g.shows, base: pgVector, step: 8, edit: func(f *forge) { f.pgEntry(g.entry) }})
	}
	return out
}

// rawImage returns a manifest without a media type, whose config is {}.
func rawImage(rest string) string {
	return `{"schemaVersion":2,"config":` + string(toJSON(descriptorOf(ociEmptyType, []byte("{}")))) + `,` + rest + `}`
}

// with adds a member to an object, and replaces texts in pairs.
func with(object, member string, pairs ...string) string {
	return strings.NewReplacer(pairs...).Replace(object[:len(object)-1] + "," + member + "}")
}

// statementFlaws returns bundles with a wrong field in the statement.
func statementFlaws() []flaw {
	flaws := []flaw{
		{name: "sequence-too-large", shows: "The sequence has 64 bits.", edit: inStatement(`"sequence":7`, `"sequence":9223372036854775808`)},
		{name: "sequence-negative", shows: "The sequence is negative.", edit: inStatement(`"sequence":7`, `"sequence":-1`)},
		{name: "request-null", shows: "The request is null.", edit: inStatement(`"request":{`, `"request":null,"x":{`)},
		{name: "created-with-an-offset", shows: "The time of signing has an offset.", edit: inStatement(`:00Z"`, `:00+00:00"`)},
		{name: "predicate-twice", shows: "The statement has two predicates.", edit: inStatement(`"predicate":{`, `"predicate":{},"predicate":{`)},
	}
	for i := range flaws {
		flaws[i].step = 6
	}
	return flaws
}

// grammarVectors returns good bundles at the edges of the rules.
func grammarVectors() []flaw {
	deep := strings.Repeat("[", 63) + "1" + strings.Repeat("]", 63)
	image := func(raw string) func(*forge) { return func(f *forge) { f.pgManifest(ociManifestType, raw) } }
	child := `{"mediaType":"x","digest":"sha512:` + strings.Repeat("a", 128) + `","size":1}`
	vectors := []flaw{
		{name: "all-fields", shows: "Most optional fields of a snap and of a charm bundle have a value.", base: richVector},
		{name: "resource-empty", shows: "An uploaded file of a charm is empty.", base: emptyResourceVector},
		{name: "row-for-all", shows: "A channel has a revision for all architectures.", base: snapVector, edit: func(f *forge) {
			change("jq", func(l *snap.Listing) { l.ChannelMap[0].Architecture = "all" })(f)
			change("jq_6", func(i *snap.Item) { i.Revision.Architectures = []string{"all"} })(f)
		}},
		{name: "null", shows: "What may be null is null, also in lists of links.", base: snapVector, edit: func(f *forge) {
			inConfig("jq_6", `"base":"core24"`, `"base":null`)(f)
			inConfig("jq_6", `"epoch":{"read":[0],"write":[0]}`, `"epoch":{"read":null,"write":null}`)(f)
			inConfig("jq", `"prices":null`, `"prices":null,"links":{"contact":null}`)(f)
		}},
		{name: "names-in-capitals", shows: "Names that differ from known ones by case, or look alike, are unknown.", base: snapVector,
			edit: inConfig("jq", `"name":"jq"`, `"Name":1,"name":"jq","ſnap":[],"CHANNEL-MAP":{}`)},
		{name: "deep", shows: "A value in an unknown field has 63 lists and an object around it.", base: snapVector, edit: inConfig("jq", `"name":"jq"`, `"name":"jq","x":`+deep)},
		{name: "spaces-in-a-config", shows: "A config has white space and escapes.", base: snapVector, edit: inConfig("jq", `"name":"jq"`, " \"n\\u0061me\" :\t\"\\u006aq\"\n")},
		{name: "stream-ends-in-a-blank-line", shows: "A blank line ends a stream of assertions.", base: snapVector, edit: func(f *forge) {
			l := f.find("jq").layers[0]
			l.data = append(bytes.Clone(l.data), '\n')
		}},
		{name: "image-name-with-tag-and-digest", shows: "The name of an image has a tag and a digest.", base: pgVector, edit: inConfig("charm.pg.image_5", `"name":"charm/abc/image@`, `"name":"charm/a__b/c--d.e:V_1@`)},
		{name: "image-without-layers", shows: "A manifest has no layers, no media type, and a subject in sha512.", base: pgVector, edit: image(rawImage(`"layers":null,"manifests":null,"subject":` + child))},
		{name: "image-annotations", shows: "Names inside annotations decide nothing.", base: pgVector, edit: image(rawImage(`"layers":[],"annotations":{"Size":"1","urls":"x"},"urls":[]`))},
		{name: "subject-digests", shows: "The subject of the statement has another name, and a further digest.", edit: inStatement(`"name":"bundle","digest":{`, `"name":"x","digest":{"sha512":"x",`)},
		{name: "sequence-largest", shows: "The sequence is the largest one.", edit: inStatement(`"sequence":7`, `"sequence":9223372036854775807`)},
		{name: "bare-statement", shows: "The predicate has a time only.", edit: func(f *forge) { f.predicate = `{"created":"1970-01-01T00:00:00Z"}` }},
	}
	for i := range vectors {
		vectors[i].result = vectortest.Valid
	}
	return vectors
}

// emptyResourceVector returns a bundle with a charm whose resource has no bytes.
func emptyResourceVector(tb testing.TB) *content {
	tb.Helper()
	b := bundletest.New(tb, 0)
	addUnsignedCharm(b, "pg", charm.TypeCharm, charm.Release{Base: bundletest.Base("22.04"), Channel: "latest/stable", Revision: 9,
		Resources: []charm.ResourceRef{{Name: "data", Revision: 3}}})
	b.AddCharmRevision("pg", 9, *bundletest.Base("22.04"))
	b.AddResource("pg", "data", 3, b.BlobOf(nil))
	return vectorContent(tb, b)
}

// streamFlaws returns bundles with a wrong stream of assertions.
func streamFlaws() []flaw {
	return []flaw{{name: "assertion-blank-lines", shows: "Two blank lines separate two assertions.", base: richVector, step: 13, result: vectortest.BadAssertion, edit: func(f *forge) {
		l := f.find("jq_6").layers[0]
		at := bytes.Index(l.data, []byte("\n\ntype: "))
		l.data = slices.Insert(bytes.Clone(l.data), at, '\n')
	}}, {name: "assertion-repeated", shows: "A stream has an assertion twice, and the second one was changed after it was signed.", base: snapVector, step: 13, result: vectortest.BadAssertion, edit: func(f *forge) {
		l := f.find("jq").layers[0]
		at := bytes.Index(l.data, []byte("type: snap-declaration"))
		l.data = slices.Concat(l.data, []byte("\n"), bytes.Replace(l.data[at:], []byte("snap-name: jq"), []byte("snap-name: yq"), 1))
	}}}
}
