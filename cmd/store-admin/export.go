package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/ui"
	"offlinestore/exporter"
	"offlinestore/upstream"
)

// errGaps ends a strict export of which something is missing.
var errGaps = errors.New("something that was asked for is missing, and --strict was given")

func newExport() *cobra.Command {
	c := &cobra.Command{
		Use:   "export",
		Short: "Export from the stores into signed bundles",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newExportSnaps())
	return c
}

// exportOptions are the flags of export snaps.
type exportOptions struct {
	channels, archs              []string
	exportDir, single, outputDir string
	fromYAML, compression        string
	noDeps, noIcons, strict      bool
	dryRun, json                 bool
	jobs                         int
	storeURL, cacheDir, keyName  string
	cacheSize                    string
	roots                        []string
}

func newExportSnaps() *cobra.Command {
	var o exportOptions
	c := &cobra.Command{
		Use:   "snaps NAME…",
		Short: "Export snaps, with all that they need to run",
		Long: `Export snaps and what they need (base, snapd, default content providers) into
signed bundles, one for each snap. Everything is verified before it is packed.
What was downloaded stays in a cache, so an interrupted export goes on where it
stopped and a repeated one fetches only what is new.
` + ui.ExitHelp,
		Example: `  store-admin export snaps jq
  store-admin export snaps jq hello --channel stable --channel edge --arch amd64 --arch arm64
  store-admin export snaps jq --single /media/usb/week47.tar.gz
  store-admin export snaps --from-yaml snaps.yaml --output-dir /media/usb/layout --strict`,
		RunE: func(c *cobra.Command, args []string) error {
			return runExportSnaps(c.Context(), c.OutOrStdout(), o, args)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&o.channels, "channel", []string{"stable"}, "`channel` to export; repeatable")
	f.StringArrayVar(&o.archs, "arch", []string{"amd64"}, "`architecture` to export for; repeatable")
	f.StringVar(&o.exportDir, "export-dir", defaultExportDir(), "`folder` for the bundles")
	f.StringVar(&o.fromYAML, "from-yaml", "", "read the packages from a YAML `file`: packages: [{name, revision, push_channel}]")
	f.StringVar(&o.single, "single", "", "put everything into this one `file`")
	f.StringVar(&o.outputDir, "output-dir", "", "write an OCI layout in place in this `folder` instead of archives")
	f.StringVar(&o.compression, "compression", string(bundle.Gzip), "gzip, zstd or none")
	f.BoolVar(&o.noDeps, "no-deps", false, "leave out what the snaps need")
	f.BoolVar(&o.noIcons, "no-icons", false, "leave out the icons")
	f.BoolVar(&o.strict, "strict", false, "fail if anything that was asked for has no release")
	f.IntVar(&o.jobs, "jobs", 4, "downloads at once")
	f.BoolVar(&o.dryRun, "dry-run", false, "print the plan and fetch nothing")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.StringVar(&o.storeURL, "snap-store-url", os.Getenv("STORE_ADMIN_SNAP_STORE_URL"), "`URL` of the store to export from (default "+upstream.DefaultBaseURL+")")
	f.StringArrayVar(&o.roots, "trusted-root", nil, "`file` with an assertion root to trust besides Canonical's (tests, staging); repeatable")
	f.StringVar(&o.cacheDir, "cache-dir", "", "`folder` of the cache (default the user's)")
	f.StringVar(&o.cacheSize, "cache-size", "50GB", "largest `size` of the cache after an export")
	f.StringVar(&o.keyName, "key", defaultKey, "`name` of the key to sign with")
	return c
}

// defaultExportDir is the original's inside a snap, else the current folder.
func defaultExportDir() string {
	if dir := os.Getenv("SNAP_USER_COMMON"); dir != "" {
		return filepath.Join(dir, "export")
	}
	return "."
}

func (o *exportOptions) request(names []string) (exporter.Request, error) {
	req := exporter.Request{Names: names, Channels: unique(o.channels), Architectures: unique(o.archs), NoDeps: o.noDeps, NoIcons: o.noIcons}
	if o.fromYAML != "" {
		text, err := readSmall(o.fromYAML, 4<<20)
		if err != nil {
			return req, err
		}
		var file struct {
			Packages []exporter.Package `yaml:"packages"`
		}
		if err := yaml.Unmarshal(text, &file); err != nil {
			return req, ui.Usagef("%s: %w", o.fromYAML, err)
		}
		req.Packages = file.Packages
	}
	switch {
	case o.single != "" && o.outputDir != "":
		return req, ui.Usagef("--single and --output-dir exclude each other")
	case bundle.Compression(o.compression).Validate() != nil:
		return req, ui.Usagef("%w", bundle.Compression(o.compression).Validate())
	case o.jobs < 1 || o.jobs > 64:
		return req, ui.Usagef("--jobs %d: want 1 to 64", o.jobs)
	}
	if err := req.Validate(); err != nil {
		return req, ui.Usagef("%w", err)
	}
	return req, nil
}

func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func runExportSnaps(ctx context.Context, w io.Writer, o exportOptions, names []string) error {
	req, err := o.request(names)
	if err != nil {
		return err
	}
	maxCache, err := exporter.ParseSize(o.cacheSize)
	if err != nil {
		return ui.Usagef("--cache-size: %w", err)
	}
	e, err := o.newExporter()
	if err != nil {
		return err
	}
	plan, err := e.Plan(ctx, req)
	if err != nil {
		return err
	}
	for _, g := range plan.Gaps {
		fmt.Fprintf(os.Stderr, "Warning: %s\n", ui.Clean(g.String()))
	}
	if o.strict && len(plan.Gaps) > 0 {
		return errGaps
	}
	if o.dryRun {
		return printPlan(w, plan, o.json)
	}
	out, err := o.newOutput(w, e)
	if err != nil {
		return err
	}
	progress := ui.NewProgress("Downloading", plan.Size())
	e.Progress = &exportProgress{progress, w, o.json}
	err = e.Fetch(ctx, plan)
	progress.Done()
	if err != nil {
		return err
	}
	if err := out.write(ctx, plan); err != nil {
		return err
	}
	if o.outputDir == "" {
		if _, err := e.Cache.Trim(maxCache); err != nil {
			return err
		}
	}
	return out.report(plan)
}

func (o *exportOptions) newExporter() (*exporter.Exporter, error) {
	trust, err := readRoots(o.roots)
	if err != nil {
		return nil, err
	}
	client, err := upstream.New(upstream.Config{
		BaseURL: o.storeURL, UserAgent: "store-admin/" + ui.Version(),
		Logf: func(format string, args ...any) { fmt.Fprintf(os.Stderr, "store-admin: "+format+"\n", args...) },
	})
	if err != nil {
		return nil, ui.Usagef("%w", err)
	}
	dir := o.cacheDir
	if o.outputDir != "" {
		dir = filepath.Join(o.outputDir, "blobs")
	} else if dir, err = cacheDir(dir); err != nil {
		return nil, err
	}
	cache, err := exporter.OpenCache(dir)
	if err != nil {
		return nil, err
	}
	return &exporter.Exporter{Client: client, Cache: cache, Trust: trust, Jobs: o.jobs}, nil
}

// exportProgress prints what is downloaded in the original's words.
type exportProgress struct {
	bar   *ui.Progress
	w     io.Writer
	quiet bool
}

func (p *exportProgress) Downloading(what string) {
	if !p.quiet {
		p.bar.Printf(p.w, "Downloading %s\n", ui.Clean(what))
	}
}

func (p *exportProgress) Add(n int64) { p.bar.Add(n) }

func (p *exportProgress) Warn(text string) {
	p.bar.Printf(os.Stderr, "Warning: %s\n", ui.Clean(text))
}

// signingKey loads the key, or makes the default one on the first export and says how to have it trusted.
func signingKey(name string) (crypto.Signer, *keyring, error) {
	k, err := openKeyring()
	if err != nil {
		return nil, nil, err
	}
	names, err := k.names()
	if err != nil {
		return nil, nil, err
	}
	if slices.Contains(names, name) || name != defaultKey {
		key, err := k.load(name)
		return key, k, ui.Hint(err, "make one with 'store-admin key generate %s'", name)
	}
	key, err := k.generate(name)
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprintf(os.Stderr, "Made a key to sign bundles with.\n%s", trustAdvice(name))
	return key, k, nil
}

// now is the time that bundles are signed at. SOURCE_DATE_EPOCH fixes it, for reproducible bundles.
func now() (t time.Time, fixed bool, err error) {
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		return time.Now().UTC().Truncate(time.Second), false, nil
	}
	n, err := strconv.ParseInt(epoch, 10, 40)
	if err != nil {
		return t, false, ui.Usagef("SOURCE_DATE_EPOCH %q: want seconds since 1970", epoch)
	}
	return time.Unix(n, 0).UTC(), true, nil
}

// printPlan prints what an export would do.
func printPlan(w io.Writer, p *exporter.Plan, asJSON bool) error {
	type row struct {
		Snap          string   `json:"snap"`
		Revision      int      `json:"revision"`
		Version       string   `json:"version"`
		Architectures []string `json:"architectures"`
		From          []string `json:"from"`
		Size          int64    `json:"size"`
		NeededBy      []string `json:"needed-by,omitempty"`
	}
	rows := []row{}
	for _, s := range p.Snaps {
		for _, r := range s.Revisions {
			rows = append(rows, row{s.Listing.Name, r.Revision.Revision, r.Version, r.Architectures, r.From, r.Download.Size, s.NeededBy})
		}
	}
	if asJSON {
		gaps := append([]exporter.Gap{}, p.Gaps...)
		return ui.PrintJSON(w, map[string]any{"plan": rows, "gaps": gaps, "size": p.Size()})
	}
	for _, r := range rows {
		needed := ""
		if len(r.NeededBy) > 0 {
			needed = ", needed by " + strings.Join(r.NeededBy, ", ")
		}
		fmt.Fprintf(w, "%s revision %d (%s): %s%s\n", r.Snap, r.Revision, strings.Join(r.From, ", "), ui.Bytes(r.Size), needed)
	}
	fmt.Fprintf(w, "%s to pack.\n", ui.Bytes(p.Size()))
	return nil
}
