// Package secrecy has the flags that encrypt and open bundles.
package secrecy

import (
	"bytes"
	"slices"

	"filippo.io/age"
	"github.com/spf13/pflag"

	"offlinestore/bundle"
	"offlinestore/cmd/internal/cli"
)

// maxFile bounds a file with keys of age, in bytes.
const maxFile = 64 << 10

// maxRecipients bounds the recipients of a bundle. age's header has to stay small.
const maxRecipients = 100

// Recipients are the flags that encrypt a bundle.
type Recipients struct{ keys, files []string }

// AddFlags defines the flags.
func (r *Recipients) AddFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&r.keys, "encrypt-to", nil, "encrypt to this `recipient` (age1…), which 'snap-store-proxy identity' prints; repeatable")
	f.StringArrayVar(&r.files, "encrypt-to-file", nil, "the same, with a `file` of recipients, one in a line; repeatable")
}

// Given reports whether there is a recipient.
func (r *Recipients) Given() bool { return len(r.keys)+len(r.files) > 0 }

// Parse returns the recipients.
func (r *Recipients) Parse() (list []age.Recipient, err error) {
	for _, k := range r.keys {
		one, err := age.ParseRecipients(bytes.NewReader([]byte(k)))
		if err != nil || len(one) != 1 {
			return nil, cli.Usagef("--encrypt-to %.80q: want a recipient of age, as 'snap-store-proxy identity' prints it: age1…", k)
		}
		list = append(list, one...)
	}
	for _, name := range r.files {
		text, err := cli.ReadFile(name, maxFile)
		if err != nil {
			return nil, err
		}
		more, err := age.ParseRecipients(bytes.NewReader(text))
		if err != nil {
			return nil, cli.Usagef("--encrypt-to-file %s: want recipients of age (age1…), one in a line", name)
		}
		list = append(list, more...)
	}
	if len(list) > maxRecipients {
		return nil, cli.Usagef("--encrypt-to: %d recipients, want at most %d", len(list), maxRecipients)
	}
	return list, mixed(list)
}

// mixed refuses recipients of which only some resist quantum computers, as age does.
func mixed(list []age.Recipient) error {
	isHybrid := func(r age.Recipient) bool { _, ok := r.(*age.HybridRecipient); return ok }
	if slices.ContainsFunc(list, isHybrid) && slices.ContainsFunc(list, func(r age.Recipient) bool { return !isHybrid(r) }) {
		return cli.Usagef("--encrypt-to: recipients age1pq1… cannot be mixed with others, which would weaken them")
	}
	return nil
}

// Files are the flags that open an encrypted bundle.
type Files []string

// AddFlags defines the flags.
func (f *Files) AddFlags(flags *pflag.FlagSet) {
	flags.StringArrayVar((*[]string)(f), "identity", nil, "`file` with an identity of age that opens encrypted bundles; repeatable")
}

// Read reads the identities.
func (f Files) Read() (list []age.Identity, err error) {
	for _, name := range f {
		text, err := cli.ReadFile(name, maxFile)
		if err != nil {
			return nil, err
		}
		more, err := age.ParseIdentities(bytes.NewReader(text))
		if err != nil || slices.ContainsFunc(more, func(i age.Identity) bool { return bundle.RecipientOf(i) == "" }) {
			return nil, cli.Usagef("--identity %s: want identities of age, as age-keygen writes them; its content is not shown", name)
		}
		list = append(list, more...)
	}
	return list, nil
}
