package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

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
		Use:     "export",
		Short:   "Export from the stores into signed bundles",
		Long:    "Export from the stores into signed bundles, for 'snap-store-proxy push-snap'.\n" + ui.ExitHelp,
		Example: "  store-admin export snaps jq",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
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
	maxCache                     int64
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
			if err := o.check(c.Flags().Changed); err != nil {
				return err
			}
			return runExportSnaps(c.Context(), c.OutOrStdout(), &o, args)
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

// check says what is wrong with the flags, before anything is asked or made.
func (o *exportOptions) check(given func(flag string) bool) (err error) {
	for _, pair := range [][2]string{{"single", "output-dir"}, {"single", "export-dir"}, {"output-dir", "export-dir"}, {"output-dir", "compression"}} {
		if given(pair[0]) && given(pair[1]) {
			return ui.Usagef("--%s and --%s exclude each other", pair[0], pair[1])
		}
	}
	for _, name := range []string{"single", "output-dir", "export-dir", "from-yaml", "cache-dir", "key"} {
		if given(name) && o.value(name) == "" {
			return ui.Usagef("--%s: it is empty", name)
		}
	}
	if err := bundle.Compression(o.compression).Validate(); err != nil {
		return ui.Usagef("--compression: %w", err)
	}
	if o.jobs < 1 || o.jobs > 64 {
		return ui.Usagef("--jobs %d: want 1 to 64", o.jobs)
	}
	if !validKeyName.MatchString(o.keyName) {
		return ui.Usagef("--key: %w", badKeyName(o.keyName))
	}
	if o.maxCache, err = exporter.ParseSize(o.cacheSize); err != nil {
		return ui.Usagef("--cache-size: %w", err)
	}
	return nil
}

func (o *exportOptions) value(flag string) string {
	return map[string]string{"single": o.single, "output-dir": o.outputDir, "export-dir": o.exportDir, "from-yaml": o.fromYAML,
		"cache-dir": o.cacheDir, "key": o.keyName}[flag]
}

func (o *exportOptions) request(names []string) (exporter.Request, error) {
	req := exporter.Request{Names: unique(names), Channels: unique(o.channels), Architectures: unique(o.archs), NoDeps: o.noDeps, NoIcons: o.noIcons}
	if o.fromYAML != "" {
		packages, err := readPackages(o.fromYAML)
		if err != nil {
			return req, err
		}
		req.Packages = packages
	}
	if err := req.Validate(); err != nil {
		return req, ui.Usagef("%w", err)
	}
	return req, nil
}

// readPackages reads a --from-yaml file. A key that isn't known is an error: a typing mistake in push_channel must not pass.
func readPackages(path string) ([]exporter.Package, error) {
	text, err := readSmall(path, 4<<20)
	if err != nil {
		return nil, ui.Usagef("--from-yaml: %w", err)
	}
	var file struct {
		Packages []exporter.Package `yaml:"packages"`
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, ui.Usagef("--from-yaml %s: %w", path, err)
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, ui.Usagef("--from-yaml %s: more than one document", path)
	}
	if len(file.Packages) == 0 {
		return nil, ui.Usagef("--from-yaml %s: no packages in it", path)
	}
	return unique(file.Packages), nil
}

func unique[T comparable](list []T) []T {
	var out []T
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
