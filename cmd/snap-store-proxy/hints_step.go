package main

import (
	"fmt"

	"offlinestore/certificate"
	"offlinestore/cmd/internal/cli"
	"offlinestore/instance/settings"
)

// stepHints returns the rows about errors that arise at a certain step of a command.
func stepHints() cli.Table {
	at := func(o cli.Occasion, hint string) cli.Row { return cli.Advice(cli.Arose(o), hint) }
	return cli.Table{
		at(askingPassword, "give the password on standard input with --password-stdin, or have a --token made"),
		at(checkingBlobs, "push the bundles that brought them again: only the missing blobs are copied"),
		at(choosingRegistry, fmt.Sprintf("give --to REGISTRY, or set %s", settings.RegistryDomain)),
		at(encryptingBackup, "give --passphrase-file FILE, or --recipient age1…"),
		at(parsingSettings, "nothing was changed; 'snap-store-proxy config' lists the settings"),
		at(readingAuthorities, "give the certificates of authorities as PEM on standard input: snap-store-proxy use-ca-certs < ca.pem"),
		at(readingBackup, "give --passphrase-file FILE, or --identity FILE"),
		cli.Advice(cli.All(cli.Arose(readingCertificate), cli.Is(certificate.ErrEncrypted)), "decrypt it first: openssl pkey -in KEY, which asks for the passphrase"),
		cli.Advice(cli.All(cli.Arose(readingCertificate), cli.Is(certificate.ErrMismatch)), "compare what 'openssl x509 -in CERTIFICATE -noout -pubkey' and 'openssl pkey -in KEY -pubout' print"),
		at(readingCertificate, "give one certificate, its key and the intermediates as PEM on standard input: cat server.crt server.key | snap-store-proxy import-certificate"),
		at(readingOriginal, "give the output of the original's 'enterprise-store config --export-yaml'"),
		at(readingSecret, "give the secret alone, as in: snap-store-proxy config KEY=- <FILE"),
		at(readingSettings, "give a file: snap-store-proxy config --import-yaml <store-config.yaml"),
		at(savingBlobs, "push the bundles that have them again; 'snap-store-proxy check --blobs' names them"),
		cli.OnType(cli.Gaps, func(e *gapsError) string {
			if command := cli.ExportSnaps(e.gaps); command != "" {
				return "export the missing snaps: " + command
			}
			return "each line describes how to fill the gap"
		}),
	}
}
