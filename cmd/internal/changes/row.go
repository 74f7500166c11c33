package changes

import (
	"offlinestore/catalog"
	"offlinestore/importer"
)

// Row is a file's line in the JSON of the push commands.
type Row struct {
	File    string   `json:"file"`
	Bundle  string   `json:"bundle,omitempty"`
	Signer  string   `json:"signer,omitempty"`
	Snaps   []string `json:"snaps"`
	Charms  []string `json:"charms,omitempty"`
	Bundles []string `json:"bundles,omitempty"`
	Images  int      `json:"images,omitempty"`
	// Repositories are the names of images that belong to no charm.
	Repositories []string `json:"repository-images,omitempty"`
	Assertions   []string `json:"assertions,omitempty"`
	// Withdrawn are the names of snaps and charms that are withdrawn upstream.
	Withdrawn []string `json:"withdrawn,omitempty"`
	// Stores are the IDs of the stores of brands.
	Stores  []string        `json:"stores,omitempty"`
	Payload int64           `json:"payload-size"`
	Copy    int64           `json:"bytes-to-copy"`
	Plan    *catalog.Report `json:"plan,omitempty"`
	Result  *catalog.Report `json:"result,omitempty"`
	// Missing has a sentence about each thing that the file needs and the store will not have.
	Missing []string `json:"missing,omitempty"`
	Error   string   `json:"error,omitempty"`
	// PlanID names the plan of all files.
	PlanID string `json:"plan-id,omitempty"`
	// Part is there for a part of a divided bundle.
	Part *PartRow `json:"part,omitempty"`
}

// NewRow returns the line of a file. It has the plan only if the push is a plan.
func NewRow(f *importer.File, plan bool, missing []string) Row {
	r := Row{File: f.Name, Bundle: f.Digest.String(), Signer: f.Signer, Snaps: append([]string{}, f.Content.Snaps...), Charms: f.Content.Charms, Bundles: f.Content.Bundles,
		Images: f.Content.Images, Repositories: f.Content.Repositories, Withdrawn: f.Content.Withdrawn, Assertions: f.Content.Assertions, Payload: f.Payload, Copy: f.Missing, Missing: missing, Result: f.Done}
	for i := range f.Content.Stores {
		r.Stores = append(r.Stores, f.Content.Stores[i].ID)
	}
	if f.Part != nil {
		r.Part = &PartRow{Number: f.Part.Number, Count: f.Part.Count, Set: f.Part.Set.String(), Missing: catalog.MissingParts(f.Part.Files, f.Part.Missing)}
	}
	if plan {
		r.Plan = f.Planned
	}
	if f.Err != nil {
		r.Error = f.Err.Error()
	}
	return r
}
