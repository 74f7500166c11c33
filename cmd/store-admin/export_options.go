package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"

	"filippo.io/age"
	"github.com/spf13/pflag"

	"offlinestore/account"
	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
	"offlinestore/cmd/internal/secrecy"
	"offlinestore/exporter"
	"offlinestore/hsm"
	"offlinestore/keyring"
	"offlinestore/upstream"
)

// errGaps ends a strict export with gaps.
var errGaps = errors.New("something that was asked for is missing, and --strict was given")

var (
	// errLeftOut ends an export that kept going.
	errLeftOut = errors.New("some of what was asked for is left out")
	// errNothingLeft means that no requested item can be exported.
	errNothingLeft = errors.New("nothing is left to export")
)

// exportOptions are the flags of all exports.
type exportOptions struct {
	archs                        []string
	exportDir, single, outputDir string
	// layout is the form of outputDir.
	layout                      string
	fromYAML, compression       string
	noIcons, strict, keepGoing  bool
	dryRun, json                bool
	jobs                        int
	storeURL, cacheDir, keyName string
	signKey                     string
	exporter                    string
	cacheSize                   string
	maxCache                    int64
	roots                       []string
	// withdrawn is the value of --withdrawn.
	withdrawn string

	// charmhubURL and withSnaps belong to exports of charms.
	charmhubURL string
	withSnaps   bool
	// archive is the name, without the time, of the one archive that an export of charms writes. An export of snaps writes
	// one archive for each snap, and archive is empty.
	archive string
	// stores is set for exports that ask the dashboard about stores, and needsLogin for the ones that fail without a login.
	stores, needsLogin bool
	// noLogin is set for exports from another store than the Snap Store, which must not see the login.
	noLogin bool
	// storeID is the store that an export is about, or empty. Its token goes into a file beside the bundle.
	storeID string
	// receiver are the flags about the site that the bundles are for.
	receiver receiverOptions
	// parts are the flags about parts.
	parts partOptions
	// wanted is the path of a wanted.yaml or wanted.lock, or empty. receivers are the sites that it names. lock is set if the content is to be
	// locked, and not exported.
	wanted    string
	receivers []string
	lock      func(io.Writer, *bundle.Content) error
	// recipients are the flags about encryption, and encryptTo the recipients.
	recipients secrecy.Recipients
	encryptTo  []age.Recipient
	// session is the login that the export uses, or nil.
	session *account.Session
}

// addFlags defines the flags.
func (o *exportOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.exportDir, "export-dir", defaultExportDir(), "`folder` for the bundles")
	f.StringVar(&o.single, "single", "", "put everything into this one `file`")
	f.StringVar(&o.outputDir, "output-dir", "", "write an OCI layout in place in this `folder` instead of archives")
	f.StringVar(&o.layout, "layout", layoutOCI, "`form` of --output-dir: oci, or files for inspection, in which each snap and charm has its own name")
	f.StringVar(&o.compression, "compression", string(bundle.Gzip), "gzip, zstd or none")
	f.BoolVar(&o.noIcons, "no-icons", false, "leave out the icons")
	f.BoolVar(&o.strict, "strict", false, "fail if a requested item has no release")
	f.StringVar(&o.withdrawn, "withdrawn", "", "if a snap or charm is gone, revoked or in closed channels only: `warn` and state it in the bundle, or error (default warn, and error if no name is known)")
	f.BoolVar(&o.keepGoing, "keep-going", false, "leave out what can't be exported, export the rest, and exit with 3")
	f.IntVar(&o.jobs, "jobs", 4, "downloads at once")
	f.BoolVar(&o.dryRun, "dry-run", false, "print the plan and fetch nothing")
	f.BoolVar(&o.json, "json", false, "print the result as JSON")
	f.StringVar(&o.storeURL, "snap-store-url", os.Getenv("STORE_ADMIN_SNAP_STORE_URL"), "`URL` of the Snap Store, for snaps and assertions (default "+upstream.DefaultOrigin+")")
	f.StringArrayVar(&o.roots, "trusted-root", nil, "`file` with an assertion root to trust besides Canonical's (tests, staging); repeatable")
	f.StringVar(&o.cacheDir, "cache-dir", "", "`folder` of the cache (default the user's)")
	f.StringVar(&o.cacheSize, "cache-size", "50GB", "largest `size` of the cache after an export")
	f.StringVar(&o.exporter, "exporter", "", "`name` of the exporter in the signed statement (default user@host, without a domain)")
	f.StringVar(&o.keyName, o.keyFlag(), defaultKey, "`name` of the key to sign with")
	o.receiver.addFlags(f)
	o.parts.addFlags(f)
	o.recipients.AddFlags(f)
	f.StringVar(&o.signKey, "sign-key", "", "the same, or the PKCS#11 `URI` of a key on a token ('pkcs11:token=…;object=…')")
}

// archiveOfStore begins the name of the archive of a store, as in the original.
const archiveOfStore = "store-export"

// keyFlag returns the name of the flag that names the signing key. In 'export store', --key names account-keys, as in the original.
func (o *exportOptions) keyFlag() string {
	if o.archive == archiveOfStore {
		return "signing-key"
	}
	return "key"
}

// defaultExportDir returns the original's folder inside a snap, and the current folder elsewhere.
func defaultExportDir() string {
	if dir := os.Getenv("SNAP_USER_COMMON"); dir != "" {
		return filepath.Join(dir, "export")
	}
	return "."
}

// validate reports wrong flags before the export sends a request or writes a file.
func (o *exportOptions) validate(given func(flag string) bool) (err error) {
	if err := errors.Join(o.validateKey(given), o.receiver.validate(o.wanted != ""), o.parts.validate(given)); err != nil {
		return err
	}
	for _, pair := range [][2]string{{"single", "output-dir"}, {"single", "export-dir"}, {"output-dir", "export-dir"}, {"output-dir", "compression"}, {"output-dir", "part-size"}, {"strict", "keep-going"}} {
		if given(pair[0]) && given(pair[1]) {
			return cli.Usagef("--%s and --%s exclude each other", pair[0], pair[1])
		}
	}
	for _, name := range []string{"single", "output-dir", "export-dir", "from-yaml", "cache-dir", o.keyFlag()} {
		if given(name) && o.value(name) == "" {
			return cli.Usagef("--%s: it is empty", name)
		}
	}
	for _, name := range []string{"single", "output-dir", "export-dir", "cache-dir"} {
		if err := cli.CheckOutput(name, o.value(name)); err != nil {
			return err
		}
	}
	if !slices.Contains([]string{"", layoutOCI, layoutFiles}, o.layout) {
		return cli.Usagef("--layout %.40q: want oci or files", o.layout)
	}
	if given("layout") && o.outputDir == "" {
		return cli.Usagef("--layout is for --output-dir")
	}
	if len(o.exporter) > maxExporter || cli.Clean(o.exporter) != o.exporter {
		return cli.Usagef("--exporter %.60q: want at most %d printable characters", o.exporter, maxExporter)
	}
	if err := bundle.Compression(o.compression).Validate(); err != nil {
		return cli.Usagef("--compression: %w", err)
	}
	if !slices.Contains([]exporter.WithdrawnMode{"", exporter.WithdrawnWarn, exporter.WithdrawnError}, exporter.WithdrawnMode(o.withdrawn)) {
		return cli.Usagef("--withdrawn %.40q: want warn or error", o.withdrawn)
	}
	if o.recipients.Given() && o.outputDir != "" {
		return cli.Usagef("--encrypt-to is for archives, and --output-dir writes a folder")
	}
	if o.encryptTo, err = o.recipients.Parse(); err != nil {
		return err
	}
	if o.jobs < 1 || o.jobs > 64 {
		return cli.Usagef("--jobs %d: want 1 to 64", o.jobs)
	}
	if o.maxCache, err = exporter.ParseSize(o.cacheSize); err != nil {
		return cli.Usagef("--cache-size: %w", err)
	}
	return nil
}

// validateKey validates the name or URI of the signing key, and joins the two flags that name one.
func (o *exportOptions) validateKey(given func(flag string) bool) error {
	flag := o.keyFlag()
	if given("sign-key") {
		if given(flag) {
			return cli.Usagef("--%s and --sign-key exclude each other", flag)
		}
		o.keyName, flag = o.signKey, "sign-key"
	}
	if hsm.IsURI(o.keyName) {
		_, err := parseTokenURI(o.keyName)
		return err
	}
	if err := keyring.ValidateName(o.keyName); err != nil {
		return cli.Usagef("--%s: %w", flag, err)
	}
	return nil
}

// inPlace reports whether the export downloads into a layout, without a cache.
func (o *exportOptions) inPlace() bool { return o.outputDir != "" && o.layout != layoutFiles }

func (o *exportOptions) value(flag string) string {
	return map[string]string{"single": o.single, "output-dir": o.outputDir, "export-dir": o.exportDir, "from-yaml": o.fromYAML,
		"cache-dir": o.cacheDir, o.keyFlag(): o.keyName}[flag]
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
