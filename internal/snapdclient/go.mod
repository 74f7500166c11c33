module offlinestore/internal/snapdclient

go 1.26.0

require (
	github.com/snapcore/go-gettext v0.0.0-20191107141714-82bbea49e785
	github.com/snapcore/snapd v0.0.0-20201005140838-501d14ac146e
	golang.org/x/crypto v0.23.0
	gopkg.in/macaroon.v1 v1.0.0
)

require (
	github.com/juju/ratelimit v1.0.2 // indirect
	golang.org/x/sys v0.20.0 // indirect
	golang.org/x/term v0.20.0 // indirect
	golang.org/x/xerrors v0.0.0-20240903120638-7835f813f4da // indirect
	gopkg.in/retry.v1 v1.0.3 // indirect
	gopkg.in/tomb.v2 v2.0.0-20161208151619-d5d1b5820637 // indirect
	gopkg.in/yaml.v2 v2.4.0 // indirect
)
