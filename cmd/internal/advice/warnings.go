package advice

import (
	"fmt"
	"strings"
	"time"

	"offlinestore/cmd/internal/cli"
	"offlinestore/instance"
	"offlinestore/instance/settings"
)

// restartNews is the time for which a restart of the private PostgreSQL is worth a warning.
const restartNews = 7 * 24 * time.Hour

// unsignedNews is the time after which a row without a signature is worth a warning. A server signs once a minute.
const unsignedNews = 10 * time.Minute

// Warnings returns sentences about problems of the store in dir that an operator should solve.
func Warnings(dir instance.Dir, h *instance.Health) []string {
	list := []string{}
	add := func(when bool, format string, args ...any) {
		if when {
			list = append(list, fmt.Sprintf(format, args...))
		}
	}
	add(h.OwnURL != "", "%s", urlWarning(h))
	add(h.NoStoreAssertion, "the store's id is set and its assertion is missing, so that devices can't join: 'config --import-store-assertion FILE' takes it")
	add(h.Damaged > 0, "%s in quarantine: push the bundles that contain them again; 'gc --all' removes them", cli.Count(h.Damaged, "damaged blob"))
	add(h.ReadOnly, "the file system of %s is read-only, as after an error of the disk: nothing can be pushed (see the kernel's log)", dir)
	add(h.FreeBytes < instance.LowSpace, "only %s are free in %s", cli.Bytes(h.FreeBytes), dir)
	add(h.OpenSettings, "others can read %s, which has secrets in it: chmod 600 %[1]s", dir.SettingsPath())
	if r := h.DatabaseRestarts; r != nil {
		add(time.Since(r.Last) < restartNews, "the private PostgreSQL ended and was started again: %s, last at %s; postgresql/log in the data folder may have the reason",
			cli.Count(r.Count, "time"), r.Last.Format(time.RFC3339))
	}
	if a := h.Audit; a != nil && a.UnsignedSince != nil {
		add(time.Since(*a.UnsignedSince) > unsignedNews, "rows of the audit trail are not signed since %s: 'audit export' tells why, and 'serve' in its log",
			a.UnsignedSince.UTC().Format(time.RFC3339))
	}
	list = append(list, serverWarnings(h)...)
	add(h.Signers == 0, "no signer of bundles is trusted: nothing can be pushed ('trust add')")
	list = append(list, certificateWarnings(h)...)
	add(h.Missing > 0 && h.InS3, "%s missing in S3: run 'migrate-blobs s3' if the data folder has them, or push the bundles that have them again", cli.Count(h.Missing, "blob"))
	add(h.Missing > 0 && !h.InS3, "%s missing on the disk, and not served: push the bundles that have them again", cli.Count(h.Missing, "blob"))
	list = append(list, cli.GapReport(h.Gaps)...)
	add(!h.HasDatabase(), "the database is not available: nothing can be pushed, and serve knows only what it has loaded")
	return list
}

// urlWarning returns the warning for a store whose settings make another URL than the one that devices use.
func urlWarning(h *instance.Health) string {
	if name, ok := strings.CutPrefix(h.URL, "https://"); ok && "http://"+name == h.OwnURL {
		return fmt.Sprintf("devices look for %s, and there is no certificate: 'import-certificate', or behind a balancer that ends TLS set %s", h.URL, settings.TrustForwardedProto)
	}
	return fmt.Sprintf("the store assertion is for %s, and the settings make it %s: set %s, or reregister", h.URL, h.OwnURL, settings.Domain)
}

// serverWarnings returns the warnings about the processes that serve the store.
func serverWarnings(h *instance.Health) (list []string) {
	for _, s := range h.Servers {
		switch {
		case !s.Alive:
			list = append(list, fmt.Sprintf("the server on %s has said nothing for %s: see whether it runs, and reaches the database", s.Host, time.Duration(s.Silent)*time.Second))
		case len(s.Differing) > 0:
			list = append(list, fmt.Sprintf("the server on %s has other values than this host for %s: all servers of a store need the same ('config --export-yaml' here, 'config --import-yaml' there)",
				s.Host, strings.Join(s.Differing, ", ")))
		}
	}
	return list
}

func certificateWarnings(h *instance.Health) (list []string) {
	if err := h.Faults.Certificate; err != nil {
		return []string{"the certificate can't be used: " + err.Error()}
	}
	if h.Certificate == nil {
		return nil
	}
	if h.CertificateName != nil {
		list = append(list, h.CertificateName.Error())
	}
	if h.CertificateDates != nil {
		list = append(list, h.CertificateDates.Error()+": devices refuse it ('import-certificate')")
	} else if days := h.Certificate.DaysLeft(time.Now()); days < instance.ExpiresSoon {
		list = append(list, fmt.Sprintf("the certificate expires in %s: import another one ('import-certificate')", cli.Count(days, "day")))
	}
	return list
}
