package main

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"offlinestore/internal/upstreamtest"
)

// changeRegistry implements registry WHAT, which makes the registry of the charms' images fail, or counts its requests.
func changeRegistry(ts *testscript.TestScript, neg bool, args []string) {
	r := storeOf(ts).registry
	switch args[0] {
	case "expire":
		r.Expire()
	case "foreign": // the image of traefik-k8s gets a layer from elsewhere
		ts.Check(foreignLayer(storeOf(ts)))
	case "login":
		ts.Check(writeRegistryLogin(ts))
	case "put": // REPOSITORY TAG SEED ARCH...
		ts.Check(putImage(storeOf(ts), args[1], args[2], args[3], args[4:]))
	case "fault": // KIND PATH
		do := map[string]func(http.Handler) http.Handler{"corrupt": upstreamtest.Corrupt(100), "none": upstreamtest.Status(404), "down": upstreamtest.Status(503)}[args[1]]
		r.Inject(upstreamtest.Fault{Path: args[2], Do: do})
	case "requests": // N PREFIX
		if got := strconv.Itoa(r.Count(args[2])); got != args[1] {
			ts.Fatalf("%s requests for %s, want %s", got, args[2], args[1])
		}
	default:
		ts.Fatalf("unknown change %s", args[0])
	}
}

func foreignLayer(u *simulation) error {
	const manifest = "application/vnd.oci.image.manifest.v1+json"
	blob := `{"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar","digest":"sha256:` + strings.Repeat("ab", 32) + `","size":5}`
	d := u.registry.AddManifest("foreign", manifest, []byte(`{"schemaVersion":2,"mediaType":"`+manifest+`","config":`+blob+`,"layers":[]}`))
	image := &upstreamtest.ImageBlob{Ref: u.host + "/foreign@" + d, Username: upstreamtest.DemoRegistryUser, Password: upstreamtest.DemoRegistryPassword}
	return errors.Join(u.registry.Tag("foreign", "latest", d), u.AddCharmResource("traefik-k8s", upstreamtest.CharmResource{Name: "traefik-image", Revision: 999, Image: image}),
		u.ReleaseCharm("traefik-k8s", "stable", upstreamtest.Base{}, 176, map[string]int{"traefik-image": 999}))
}
