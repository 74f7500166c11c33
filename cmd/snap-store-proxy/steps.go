package main

import "offlinestore/cmd/internal/cli"

// The steps whose errors get a hint of their own.
const (
	askingPassword     cli.Occasion = "asking for a password"
	checkingBlobs      cli.Occasion = "checking blobs"
	choosingRegistry   cli.Occasion = "choosing a registry"
	encryptingBackup   cli.Occasion = "encrypting a backup"
	parsingSettings    cli.Occasion = "parsing settings"
	readingAuthorities cli.Occasion = "reading authorities"
	readingBackup      cli.Occasion = "reading a backup"
	readingCertificate cli.Occasion = "reading a certificate"
	readingOriginal    cli.Occasion = "reading the original's settings"
	readingSecret      cli.Occasion = "reading a secret"
	readingSettings    cli.Occasion = "reading settings"
	savingBlobs        cli.Occasion = "saving blobs"
)
