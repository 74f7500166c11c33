package main

import (
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"strings"

	"offlinestore/cmd/internal/cli"
	"offlinestore/registry"
)

// pushedImage is an image in the result, with the error if it could not be copied.
type pushedImage struct {
	registry.PlannedImage
	Error string `json:"error,omitempty"`
}

// imagesPush is a running push of images and its result.
type imagesPush struct {
	o        pushImagesOptions
	w        io.Writer
	progress *cli.Progress

	Registry string        `json:"registry"`
	DryRun   bool          `json:"dry-run,omitempty"`
	Images   []pushedImage `json:"images"`
	registry.PushSummary
}

// pushImagesOptions are the flags of push-images.
type pushImagesOptions struct {
	to, username, password  string
	plainHTTP, json, dryRun bool
	jobs                    int
	login                   *login         // nil means the registry login of the settings
	roots                   *x509.CertPool // nil means the system's roots
}

// login is a user name and a password.
type login struct{ username, password string }

// announce prints the images that can't be copied before the copy begins.
func (p *imagesPush) announce(plan *registry.Plan) {
	for _, i := range plan.Images {
		switch {
		case i.Absent:
			fmt.Fprintf(os.Stderr, "snap-store-proxy: image %s of charm %s is not here: it was exported without images\n", cli.Clean(i.Name), i.Charm)
		case len(i.Missing) > 0:
			fmt.Fprintf(os.Stderr, "snap-store-proxy: image %s is here without %s\n", cli.Clean(i.Name), cli.Clean(strings.Join(i.Missing, ", ")))
		}
		if i.Absent || p.o.dryRun {
			p.Images = append(p.Images, pushedImage{PlannedImage: i})
		}
	}
}

// done records the result of each image.
func (p *imagesPush) done(i registry.PlannedImage, err error) {
	image := pushedImage{PlannedImage: i}
	if err != nil {
		image.Error = err.Error()
		p.progress.Printf(os.Stderr, "snap-store-proxy: push image %s: %s\n", cli.Clean(i.Name), cli.Clean(image.Error))
	} else if !p.o.json {
		p.progress.Printf(p.w, "Pushed %s (%s)\n", cli.Clean(i.Name), cli.Bytes(i.Size))
	}
	p.Images = append(p.Images, image)
}

func (p *imagesPush) print(plan *registry.Plan, err error) error {
	if p.o.json {
		if err != nil && len(p.Images) == 0 {
			return nil // the result contains the error
		}
		return cli.PrintJSON(p.w, p)
	}
	if p.o.dryRun {
		n := 0
		for _, i := range plan.Images {
			if !i.Absent {
				n++
				fmt.Fprintf(p.w, "Would push %s (%s)\n", cli.Clean(i.Name), cli.Bytes(i.Size))
			}
		}
		fmt.Fprintf(p.w, "%s for %s: %s, less what it has.\n", cli.Count(n, "image"), p.Registry, cli.Bytes(plan.Size))
		return nil
	}
	if err == nil || p.PushSummary.Images > 0 {
		fmt.Fprintf(p.w, "Pushed %s to %s: %s sent, %s there already.\n", cli.Count(p.PushSummary.Images, "image"), p.Registry, cli.Bytes(p.Sent), cli.Bytes(p.Present))
	}
	return nil
}
