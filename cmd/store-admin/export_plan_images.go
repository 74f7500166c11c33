package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"offlinestore/cmd/internal/cli"
	"offlinestore/exporter"
)

// plannedImage is an image that belongs to no charm and that an export would fetch.
type plannedImage struct {
	// Image is the name inside, and Source the name upstream.
	Image     string   `json:"image"`
	Source    string   `json:"source"`
	Digest    string   `json:"digest"`
	Platforms []string `json:"platforms"`
	Manifests int      `json:"manifests"`
	Referrers int      `json:"referrers,omitempty"`
	// Size is the size of the configs and layers in bytes.
	Size int64 `json:"size"`
}

func plannedImages(p *exporter.Plan) (out []plannedImage) {
	for _, r := range p.Repositories {
		for _, i := range r.Images {
			row := plannedImage{Image: r.Name + "@" + i.Digest(), Source: i.Source, Digest: i.Digest(), Platforms: append([]string{}, i.Platforms...)}
			if i.Tag != "" {
				row.Image = r.Name + ":" + i.Tag
			}
			row.Size, row.Manifests, row.Referrers = i.Size()
			out = append(out, row)
		}
	}
	return out
}

func (i *plannedImage) print(w io.Writer) {
	with := ""
	if i.Referrers > 0 {
		with = ", with " + cli.Count(i.Referrers, "referrer")
	}
	fmt.Fprintf(w, "image %s (%s): %s, %s in %s%s\n", i.Image, cli.Clean(i.Source), cli.Bytes(i.Size),
		cmp.Or(strings.Join(i.Platforms, ", "), "no platform"), cli.Count(i.Manifests, "manifest"), with)
}
