//go:build unix

package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	"offlinestore/internal/upstreamtest"
)

// imageLayers is the number of layers that hold the payload of the charm's image.
const imageLayers = 4

// bulkRepository is the name of the image in each registry.
const bulkRepository = "charm/bulk/bulk-image"

// charmOutside is a simulated Charmhub with one charm, whose image is in a docker-registry.
type charmOutside struct {
	*outside
	registry, digest string
	yaml             string // the file to export
	layout           string // an OCI layout with the image, for skopeo
	largest          string // digest of a layer
}

// ref returns the name of the image in a registry.
func (o *charmOutside) ref(registry string) string {
	return registry + "/" + bulkRepository + "@" + o.digest
}

// newCharmOutside makes the image and puts it into a registry and a layout.
func (b *bench) newCharmOutside(name string, size int64) (*charmOutside, error) {
	base, err := b.newOutside(name, 0, 0)
	if err != nil {
		return nil, err
	}
	o := &charmOutside{outside: base, yaml: b.path(name, "charms.yaml"), layout: b.path(name, "layout")}
	var stop func()
	if stop, o.registry, err = b.dockerRegistry(b.path(name, "registry")); err != nil {
		return nil, err
	}
	b.later(stop)
	if err := o.makeImage(name, size); err != nil {
		return nil, err
	}
	if err := o.addCharm(); err != nil {
		return nil, err
	}
	return o, os.WriteFile(o.yaml, []byte("applications:\n  bulk:\n    charm: bulk\n"), 0o644)
}

// makeImage writes the layers to files and lets skopeo copy the image to the registry and the layout.
func (o *charmOutside) makeImage(name string, size int64) error {
	source := upstreamtest.NewRegistry(upstreamtest.RegistryOptions{})
	var layers []upstreamtest.Blob
	for i := range imageLayers {
		file := o.b.path(name, fmt.Sprint("layer", i))
		f, err := os.Create(file)
		if err != nil {
			return err
		}
		if err := errors.Join(upstreamtest.WriteLayer(f, file, size/imageLayers), f.Close()); err != nil {
			return err
		}
		layers = append(layers, upstreamtest.File(file))
	}
	var err error
	if o.digest, err = source.AddImage(bulkRepository, upstreamtest.Image{Layers: layers}); err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: source.Handler()}
	go srv.Serve(ln) // ends with Close
	defer srv.Close()
	from := "docker://" + o.ref(ln.Addr().String())
	if err := o.b.skopeo(from, "docker://"+o.registry+"/"+bulkRepository+":latest"); err != nil {
		return err
	}
	if err := o.b.skopeo(from, "oci:"+o.layout+":bulk"); err != nil {
		return err
	}
	o.largest = filepath.Base(glob(filepath.Join(o.layout, "blobs", "sha256"), "*"))
	for i := range imageLayers {
		if err := os.Remove(o.b.path(name, fmt.Sprint("layer", i))); err != nil {
			return err
		}
	}
	return nil
}

func (o *charmOutside) addCharm() error {
	s := o.store
	if err := s.AddCharm(upstreamtest.Charm{Name: "bulk"}); err != nil {
		return err
	}
	metadata := "name: bulk\nsummary: bulk\ndescription: bulk\nresources:\n  bulk-image:\n    type: oci-image\n    description: bulk\n"
	if err := s.AddCharmRevision("bulk", upstreamtest.CharmRev{Revision: 1, CharmFiles: upstreamtest.CharmFiles{Metadata: metadata}}); err != nil {
		return err
	}
	image := &upstreamtest.ImageBlob{Ref: o.ref(o.registry)}
	if err := s.AddCharmResource("bulk", upstreamtest.CharmResource{Name: "bulk-image", Revision: 1, Image: image}); err != nil {
		return err
	}
	return s.ReleaseCharm("bulk", "stable", upstreamtest.Ubuntu("22.04", "amd64"), 1, map[string]int{"bulk-image": 1})
}

// exportCharms exports the charm into a layout, which is also the format that crane pull writes.
func (o *charmOutside) exportCharms(dir, cache string) (peak int64, err error) {
	c := exec.CommandContext(o.b.ctx, filepath.Join(o.b.bin, "store-admin"), "export", "charms", o.yaml, "--trusted-root", o.root, "--cache-dir", cache, "--output-dir", dir)
	c.Env = o.env
	return o.b.execute(c)
}

// charms compares the export, the import and the downloads of images with other tools on the same images.
func (b *bench) charms() error {
	o, err := b.newCharmOutside("charms", b.size)
	if err != nil {
		return err
	}
	defer b.stopServers()
	defer o.close()
	for _, part := range []func(*charmOutside) error{b.exportImages, b.pushImages, b.layers} {
		if err := part(o); err != nil {
			return err
		}
	}
	return nil
}

// out returns the output folder of a round of one kind.
func (o *charmOutside) out(kind string, round int) string {
	return o.b.path("charms", fmt.Sprint(kind, round))
}

func (o *charmOutside) remove(round int, kinds ...string) error {
	var errs []error
	for _, kind := range kinds {
		errs = append(errs, os.RemoveAll(o.out(kind, round)))
	}
	return errors.Join(errs...)
}

func (b *bench) exportImages(o *charmOutside) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return b.compare(comparison{
		name: fmt.Sprintf("export %d MiB of images, against crane pull", b.size>>20), goal: "<= 1.0",
		prepare: func(round int) error { return o.remove(round-1, "export", "cache", "crane") },
		ours: func(round int) error {
			_, err := o.exportCharms(o.out("export", round), o.out("cache", round))
			return err
		},
		theirs: func(round int) error {
			_, err := b.execute(exec.CommandContext(b.ctx, self, "-crane-pull", o.ref(o.registry), o.out("crane", round)))
			return err
		},
	})
}

// pushImages pushes the output of the last round of exportImages.
func (b *bench) pushImages(o *charmOutside) error {
	data := func(round int) string { return o.out("data", round) }
	return b.compare(comparison{
		name: fmt.Sprintf("push %d MiB of images, against skopeo copy", b.size>>20), goal: "<= 0.35",
		prepare: func(round int) error {
			b.stopServers()
			return errors.Join(o.remove(round-1, "skopeo"), b.freshStore(o.outside, data, round))
		},
		ours: func(round int) error {
			_, err := b.proxy(data(round), "push-charms", o.out("export", b.rounds))
			return err
		},
		theirs: func(round int) error {
			return b.skopeo("oci:"+o.layout+":bulk", "oci:"+o.out("skopeo", round)+":bulk")
		},
	})
}

// charmMemory prints the peak memory of an export and a push of images at the size and at four times the size.
func (b *bench) charmMemory() error {
	for _, size := range []int64{b.size, 4 * b.size} {
		name := fmt.Sprint("charm-memory", size>>20)
		o, err := b.newCharmOutside(name, size)
		if err != nil {
			return err
		}
		export, err := o.exportCharms(b.path(name, "disk"), b.path(name, "cache"))
		b.stopServers()
		o.close()
		if err != nil {
			return err
		}
		if err := errors.Join(os.RemoveAll(b.path(name, "registry")), os.RemoveAll(o.layout)); err != nil {
			return err
		}
		data := b.path(name, "data")
		if err := o.trust(data); err != nil {
			return err
		}
		push, err := b.proxy(data, "push-charms", b.path(name, "disk"))
		if err != nil {
			return err
		}
		b.printMemory("export of images", size, export)
		b.printMemory("push of images", size, push)
		if err := os.RemoveAll(b.path(name)); err != nil {
			return err
		}
	}
	return nil
}

// layers compares the rates of downloading a layer from the store that pushImages left last.
func (b *bench) layers(o *charmOutside) error {
	stopTheirs, registry, err := b.dockerRegistry(b.path("charms", "registry"))
	if err != nil {
		return err
	}
	defer stopTheirs()
	stop, url, err := b.serveImages(o.out("data", b.rounds))
	if err != nil {
		return err
	}
	defer stop()
	blob := "/v2/" + bulkRepository + "/blobs/sha256:" + o.largest
	var ratios, a, c []float64
	for range b.rounds + 2 {
		t, err := get(b.ctx, "http://"+registry+blob, downloadsEach)
		if err != nil {
			return err
		}
		r, err := get(b.ctx, url+blob, downloadsEach)
		if err != nil {
			return err
		}
		ratios, a, c = append(ratios, r/t), append(a, r), append(c, t)
	}
	fmt.Printf("%-42s %6.2fGB/s %6.2fGB/s %7.2f %7s\n", "downloads of a layer, against docker-registry", median(a)/1e9, median(c)/1e9, median(ratios), ">= 1.0")
	return nil
}
