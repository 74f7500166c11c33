package registry_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/opencontainers/go-digest"

	"offlinestore/catalog"
	"offlinestore/registry"
)

// named gives an image that belongs to no charm a place in a repository, with a tag if that is not empty.
func (f *fixture) named(repository, tag string, d digest.Digest) {
	r := f.cat.Repository(repository)
	if r == nil {
		f.cat.Repositories = append(f.cat.Repositories, catalog.Repository{Name: repository})
		r = f.cat.Repository(repository)
	}
	if r.Image(d) == nil {
		r.Images = append(r.Images, catalog.RepositoryImage{Digest: d, Source: "host/" + repository})
	}
	if tag != "" {
		r.Tags = append(r.Tags, catalog.RepositoryTag{Tag: tag, Digest: d})
	}
}

// TestRepositories serves images that belong to no charm, to crane: by tags, by digests, with a signature, and in the lists.
func TestRepositories(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	first, second, pinned := f.image(randomImage(t)), f.index(randomIndex(t), all), f.image(randomImage(t))
	f.named("apps/app", "1", first)
	f.named("apps/app", "latest", second)
	f.named("apps/app", "", pinned)
	f.named("other", "", pinned)
	f.resource("db", "image", "charm/db:1", f.image(randomImage(t)))
	signature := f.refer("", "application/vnd.example.simple", "by a tag")
	sig := strings.Replace(first.String(), ":", "-", 1) + ".sig"
	f.cat.ImageTags = []catalog.ImageTag{{Repository: "apps/app", Tag: sig, Digest: signature}}
	host := f.serve(registry.Config{})
	for ref, want := range map[string]digest.Digest{
		"apps/app:1": first, "apps/app": second, "apps/app@" + pinned.String(): pinned, "other@" + pinned.String(): pinned, "apps/app:" + sig: signature,
	} {
		if got, err := crane.Digest(host + "/" + ref); err != nil || got != want.String() {
			t.Errorf("crane digest %s = %s, %v, want %s", ref, got, err, want)
		}
		if err := crane.SaveLegacy(value(crane.Pull(host+"/"+ref))(t), ref, t.TempDir()+"/x.tar"); err != nil && want != signature {
			t.Errorf("crane pull %s: %v", ref, err)
		}
	}
	for _, ref := range []string{"apps/app:2", "other:latest", "other@" + first.String(), "apps/none:1"} {
		if got, err := crane.Digest(host + "/" + ref); err == nil {
			t.Errorf("crane digest %s = %s, want an error", ref, got)
		}
	}
	if got := strings.Join(value(crane.ListTags(host+"/apps/app"))(t), " "); got != "1 latest "+sig {
		t.Errorf("tags %s", got)
	}
	if got := strings.Join(value(crane.Catalog(host))(t), " "); got != "apps/app charm/db other" {
		t.Errorf("catalog %s", got)
	}
	// containerd names the registry that a mirror stands for.
	answer := value(http.Head("http://" + host + "/v2/apps/app/manifests/1?ns=docker.io"))(t)
	answer.Body.Close()
	if got := answer.Header.Get("Docker-Content-Digest"); got != first.String() {
		t.Errorf("a mirror of docker.io gives %s", got)
	}
	// Another registry gets them, too, unless charms are named.
	plan := value(registry.NewPlan(t.Context(), f.blobs.Storage(), f.cat))(t)
	var names []string
	for _, i := range plan.Images {
		names = append(names, i.Name)
	}
	want := []string{"charm/db:1", "apps/app@" + pinned.String(), "apps/app:1", "apps/app:latest", "other@" + pinned.String()}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Errorf("the plan of a push has %q, want %q", names, want)
	}
	if plan := value(registry.NewPlan(t.Context(), f.blobs.Storage(), f.cat, "db"))(t); len(plan.Images) != 1 {
		t.Errorf("the plan for one charm has %d images", len(plan.Images))
	}
}
