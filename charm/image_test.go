package charm_test

import (
	"strings"
	"testing"

	"github.com/distribution/reference"

	"offlinestore/charm"
)

const (
	sha256Of = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b856"
	digestOf = "sha256:" + sha256Of
)

var sha384Of = strings.Repeat("ab", 48)

func TestParseImageBlob(t *testing.T) {
	t.Parallel()
	const ref = "registry.jujucharms.com/charm/abc/x-image@" + digestOf
	for in, want := range map[string][3]string{
		`{"ImageName":"` + ref + `","Username":"docker-registry","Password":"p<&>"}`: {ref, "docker-registry", "p<&>"},
		`{"imagename":"nginx","username":"u","password":"p","extra":[]}` + "\n":      {"nginx", "u", "p"},
		"registrypath: localhost:5000/x:1\nusername: u\npassword: p\n":               {"localhost:5000/x:1", "u", "p"},
		`{"registrypath": "nginx:1.2"}`:                                              {"nginx:1.2", "", ""},
	} {
		r, u, p, err := charm.ParseImageBlob([]byte(in))
		if got := [3]string{r, u, p}; err != nil || got != want {
			t.Errorf("ParseImageBlob(%s) = %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "{}", "null", "[]", "secret", `{"ImageName":"secret secret"}`, `{"ImageName":""}`, `{"ImageName":"x@sha256:secret"}`, `{"ImageName":"x@sha512:` + strings.Repeat("0", 128) + `"}`,
		`{"ImageName":"x","Password":"secret"} secret`, `{"ImageName":["secret"]}`, "registrypath: {secret: x}", "registrypath: 'secret secret'\n", "secret: &a [*a]", "\tsecret",
		`{"ImageName":"` + strings.Repeat("a/", 2000) + `x"}`, `{"ImageName":"x","Password":"` + strings.Repeat("secret", 20_000) + `"}`,
	} {
		r, _, _, err := charm.ParseImageBlob([]byte(in))
		if err == nil {
			t.Errorf("ParseImageBlob(%.60s) = %q, want an error", in, r)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("ParseImageBlob: the error %v quotes the blob", err)
		}
	}
}

func TestImageBlob(t *testing.T) {
	t.Parallel()
	for want, got := range map[string][]byte{
		`{"ImageName":"store:5000/x@` + digestOf + `"}`:               charm.ImageBlob("store:5000", "x@"+digestOf, "", ""),
		`{"ImageName":"store/x:1","Username":"a","Password":"<\"&>"}`: charm.ImageBlob("store", "x:1", "a", `<"&>`),
	} {
		if string(got) != want {
			t.Errorf("ImageBlob = %s, want %s", got, want)
		}
	}
	ref, user, password, err := charm.ParseImageBlob(charm.ImageBlob("store:5000", "x:1", "a", "<\u2028\x00>"))
	if err != nil || ref != "store:5000/x:1" || user != "a" || password != "<\u2028\x00>" {
		t.Errorf("ParseImageBlob of an ImageBlob = %q, %q, %q, %v", ref, user, password, err)
	}
}

func TestSplitReference(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][3]string{
		"registry.jujucharms.com/charm/x/y@" + digestOf: {"registry.jujucharms.com", "charm/x/y@" + digestOf, digestOf},
		"nginx":                     {"docker.io", "library/nginx", ""},
		"nginx:1@" + digestOf:       {"docker.io", "library/nginx@" + digestOf, digestOf},
		"grafana/loki:2.9":          {"docker.io", "grafana/loki:2.9", ""},
		"localhost:32000/a/b":       {"localhost:32000", "a/b", ""},
		"ghcr.io/canonical/x:22.04": {"ghcr.io", "canonical/x:22.04", ""},
	} {
		h, n, d, err := charm.SplitReference(in)
		if got := [3]string{h, n, d}; err != nil || got != want {
			t.Errorf("SplitReference(%q) = %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "x/UPPER", "user:pw@host/x", "https://host/x", "../x", "x@sha256:12", "x:" + strings.Repeat("a", 200), sha256Of} {
		if h, n, d, err := charm.SplitReference(in); err == nil {
			t.Errorf("SplitReference(%q) = %q, %q, %q, want an error", in, h, n, d)
		}
	}
}

func TestImageValidate(t *testing.T) {
	t.Parallel()
	for _, i := range []charm.Image{
		{Digest: digestOf, Name: "charm/x/y@" + digestOf, Source: "registry.jujucharms.com/charm/x/y@" + digestOf},
		{Digest: digestOf, Name: "postgres:local-image"},
		{Name: "charm/x/y@" + digestOf},
		{Name: "postgres"},
	} {
		if err := i.Validate(); err != nil {
			t.Errorf("Validate(%+v): %v", i, err)
		}
	}
	for _, i := range []charm.Image{
		{},
		{Name: "/x"},
		{Name: "../x"},
		{Name: "x/../y"},
		{Name: "localhost:5000/x"},
		{Name: "x y"},
		{Name: "x@sha256:12"},
		{Name: "x@sha512:" + strings.Repeat("0", 128)},
		{Name: "x", Digest: "sha256:12"},
		{Name: "x", Digest: sha256Of},
		{Name: "x", Digest: "sha512:" + strings.Repeat("0", 128)},
		{Name: "x@sha256:" + strings.Repeat("0", 64), Digest: digestOf},
		{Name: "x", Source: "https://user:pw@host/x"},
		{Name: strings.Repeat("x/", 600) + "x"},
	} {
		if err := i.Validate(); err == nil {
			t.Errorf("Validate(%+v) = nil, want an error", i)
		}
	}
	for name, want := range map[string]string{"a/b@" + digestOf: "a/b", "a/b:1": "a/b", "a": "a", "a:1@" + digestOf: "a"} {
		if got := (&charm.Image{Name: name}).Repository(); got != want {
			t.Errorf("Repository of %s = %q, want %q", name, got, want)
		}
	}
}

// FuzzImage validates texts that locate an image. The registry inside the gap, and clients, must be able to parse accepted ones.
func FuzzImage(f *testing.F) {
	f.Add("a/b@"+digestOf, "host:5000/a__b/c--d.e:T_1")
	f.Add("a..b:1", "[::1]:5000/x")
	f.Add(strings.Repeat("0", 64), "HOST/x/y")
	f.Add(strings.Repeat("a/", 127)+"a", "-host/x")
	f.Fuzz(func(t *testing.T, name, source string) {
		i := &charm.Image{Name: name, Source: source}
		if i.Validate() != nil {
			return
		}
		if named, err := reference.ParseNormalizedNamed("host.example:5000/" + name); err != nil || reference.Path(named) != i.Repository() {
			t.Errorf("name %q: %v, %v", name, named, err)
		}
		if _, err := reference.ParseNormalizedNamed(source); source != "" && err != nil {
			t.Errorf("source %q: %v", source, err)
		}
	})
}

func FuzzParseImageBlob(f *testing.F) {
	f.Add([]byte(`{"ImageName":"a/b@`+digestOf+`","Username":"u","Password":"p"}`), "h")
	f.Add([]byte("registrypath: a/b:1\n"), "h:1")
	f.Fuzz(func(t *testing.T, b []byte, host string) {
		ref, user, password, err := charm.ParseImageBlob(b)
		if err != nil {
			return
		}
		registry, name, digest, err := charm.SplitReference(ref)
		if err != nil {
			t.Fatalf("SplitReference(%q): %v", ref, err)
		}
		if err := (&charm.Image{Name: name, Digest: digest, Source: registry + "/" + name}).Validate(); err != nil {
			t.Errorf("image of %q: %v", ref, err)
		}
		again, u, p, err := charm.ParseImageBlob(charm.ImageBlob("h:1", name, user, password))
		if err != nil || again != "h:1/"+name {
			t.Errorf("image of %q in another registry: %q, %v", ref, again, err)
		}
		if u != user || p != password {
			t.Errorf("credentials %q, %q became %q, %q", user, password, u, p)
		}
	})
}
