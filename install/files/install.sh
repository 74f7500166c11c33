#!/bin/sh
# Installs the snap store on this host, or upgrades it in place. It may be run
# again at any time, and needs no network.
set -eu
# Not everybody's search path has the programs of administrators.
PATH=$PATH:/usr/sbin:/sbin
# The service's user has to get at what root installs, whatever root's own files are like.
umask 022

usage() {
	cat <<'END'
Usage: ./install.sh [--push] [--no-start] [--root DIR]

Install the air-gapped snap store on this host, or upgrade it in place.

  --push      import the bundles of this installer now, into the private
              PostgreSQL unless a connection string is set
  --no-start  leave the service as it is
  --root DIR  install into the tree at DIR: no user, no service, no packages
END
}

say() { printf '%s\n' "$*"; }
fail() { printf 'install.sh: %s\n' "$*" >&2; exit 1; }

root='' push=no start=yes
while [ $# -gt 0 ]; do
	case $1 in
	--push) push=yes ;;
	--no-start) start=no ;;
	--root)
		[ $# -ge 2 ] || fail '--root: which folder?'
		root=$2
		shift
		;;
	--root=*) root=${1#--root=} ;;
	-h | --help) usage && exit 0 ;;
	*) usage >&2 && exit 2 ;;
	esac
	shift
done

user=snap-store-proxy
if [ -n "$root" ]; then
	mkdir -p "$root"
	root=$(cd -- "$root" && pwd)
fi
# Everything else is named relative to this script.
cd -- "$(dirname -- "$0")"
programs=$root/opt/offlinestore/bin
links=$root/usr/local/bin
share=$root/usr/local/share
units=$root/etc/systemd/system
data=$root/var/lib/snap-store-proxy
proxy() { "$programs/snap-store-proxy" --data-dir "$data" "$@"; }
each_link() { # NAME:PROGRAM
	for pair in store-admin:store-admin snap-store-proxy:snap-store-proxy snap-proxy:snap-store-proxy enterprise-store:snap-store-proxy; do
		"$@" "${pair%%:*}" "${pair#*:}"
	done
}
systemd_runs() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

# --- What would stop the installation is found before anything is changed.

# refuse_writable reads lines of UID GID MODE NAME, and refuses a name that somebody else can replace or write to. A folder like /tmp is
# safe for what is in it. A group with the number of its user is that user's own.
refuse_writable() {
	bad=$(awk -v me="$(id -u)" -v sudo="${SUDO_UID:-0}" '
		{ name = $0; sub(/^[^ ]+ [^ ]+ [^ ]+ /, "", name); n = length($3)
		  special = n > 3 ? substr($3, n - 3, 1) : 0; group = substr($3, n - 1, 1); other = substr($3, n, 1)
		  sticky = special % 2 == 1 && $1 == 0 }
		$1 != 0 && $1 != me && $1 != sudo { print name " belongs to user " $1; exit }
		!sticky && other % 4 >= 2 { print name " can be written to by anybody"; exit }
		!sticky && group % 4 >= 2 && $2 != 0 && $2 != $1 { print name " can be written to by group " $2; exit }')
	[ -z "$bad" ] || fail "$bad: unpack the installer where only you can write, such as /root"
}
folder=$(pwd -P)
files=$(find "$folder" ! -type l -exec stat -c '%u %g %a %n' {} +) || fail "the modes of the files in $folder cannot be read"
while [ "$folder" != / ]; do
	folder=$(dirname "$folder")
	files="$files
$(stat -c '%u %g %a %n' "$folder")"
done
printf '%s\n' "$files" | refuse_writable
[ "$(uname -s)" = Linux ] || fail "this is $(uname -s), and the programs are for Linux"
wanted=$(cat arch)
case $(uname -m) in
x86_64) here=amd64 ;;
aarch64) here=arm64 ;;
armv7l | armv8l) here=armhf ;;
ppc64le) here=ppc64el ;;
s390x) here=s390x ;;
riscv64) here=riscv64 ;;
*) here=$(uname -m) ;;
esac
[ "$here" = "$wanted" ] || fail "the programs are for $wanted, and this host is $here: make the installer again with --arch $here"
[ -n "$root" ] || [ "$(id -u)" = 0 ] || fail 'run it as root: sudo ./install.sh'
free_link() {
	if [ -e "$links/$1" ] && [ "$(readlink "$links/$1" || true)" != "/opt/offlinestore/bin/$2" ]; then
		fail "$links/$1 is there already, and is not of this store: move it away"
	fi
}
each_link free_link

postgresql() {
	for file in /usr/lib/postgresql/*/bin/initdb /usr/pgsql-*/bin/initdb /usr/local/pgsql/bin/initdb; do
		if [ -x "$file" ]; then return; fi
	done
	command -v postgres >/dev/null
}
setting() { if [ -x "$programs/snap-store-proxy" ]; then proxy --quiet config "$1"; fi; }
# has_database: a connection string is set, or PostgreSQL is here to run a private cluster.
has_database() { [ -n "$(setting proxy.db.connection)" ] || postgresql; }

debs=$(find debs -name '*.deb' 2>/dev/null | sort)
if [ -n "$debs" ] && [ -z "$root" ] && ! postgresql; then
	say 'Installing the Debian packages that came along.'
	command -v dpkg >/dev/null || fail 'there is no dpkg here for the Debian packages in debs/'
	# The store runs a cluster of its own; that of the distribution would be one more.
	if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
		mkdir -p /etc/postgresql-common/createcluster.d
		say 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/offlinestore.conf
	fi
	find debs -name '*.deb' -exec env DEBIAN_FRONTEND=noninteractive dpkg --install {} +
fi
ready=yes
if ! has_database; then
	ready=no
	say 'PostgreSQL is missing here: install the package postgresql, or give this store a'
	say 'connection string once it is installed (see the end).'
fi

# --- Programs.

replace() { # FILE TARGET MODE: whole or not at all, and under a running server
	mkdir -p "$(dirname "$2")"
	cp "$1" "$2.new"
	chmod "$3" "$2.new"
	mv -f "$2.new" "$2"
}
for program in store-admin snap-store-proxy; do
	replace "bin/$program" "$programs/$program" 755
done
replace uninstall.sh "${programs%/bin}/uninstall.sh" 755
for file in alerts.yaml grafana.json; do
	replace "monitoring/$file" "${programs%/bin}/monitoring/$file" 644
done
mkdir -p "$links"
make_link() { ln -sfn "/opt/offlinestore/bin/$2" "$links/$1"; }
each_link make_link
complete() { # NAME PROGRAM: an alias completes as its program does
	if "$programs/$2" completion bash >"$tmp" 2>/dev/null; then
		[ "$1" = "$2" ] || say "complete -o default -F __start_$2 $1" >>"$tmp"
		replace "$tmp" "$share/bash-completion/completions/$1" 644
	fi
	[ "$1" = "$2" ] || return 0
	if "$programs/$2" completion zsh >"$tmp" 2>/dev/null; then replace "$tmp" "$share/zsh/site-functions/_$1" 644; fi
	if "$programs/$2" completion fish >"$tmp" 2>/dev/null; then replace "$tmp" "$share/fish/vendor_completions.d/$1.fish" 644; fi
}
describe() { # NAME PROGRAM
	if [ "$1" = "$2" ]; then
		mkdir -p "$share/man/man1"
		"$programs/$2" man "$share/man/man1" || say "The manual pages of $2 were not written."
	else
		say ".so man1/$2.1" >"$tmp"
		replace "$tmp" "$share/man/man1/$1.1" 644
	fi
}
tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
each_link complete
each_link describe
say "Installed $("$programs/snap-store-proxy" --version)."

# --- User and data folder.

nologin() { # its place differs between distributions
	for shell in /usr/sbin/nologin /sbin/nologin; do
		if [ -x "$shell" ]; then say "$shell" && return; fi
	done
	say /bin/false
}
if [ -z "$root" ]; then
	if ! getent passwd "$user" >/dev/null; then
		useradd --system --user-group --home-dir /var/lib/snap-store-proxy --no-create-home --shell "$(nologin)" "$user"
	fi
	if [ ! -d "$data" ]; then
		mkdir -p "$data"
		chown "$user:$user" "$data"
		chmod 750 "$data"
	fi
else
	mkdir -p "$data"
fi

# --- Trust, store assertion and settings. What the operator has changed since is kept.

for file in trust/*.pem; do
	if [ -f "$file" ]; then proxy trust add "$file"; fi
done
for file in trust/roots/*.assert; do
	if [ -f "$file" ]; then proxy trust root add "$file"; fi
done
brought() { sed -n "s/^$1: *\"\\(.*\\)\" *\$/\\1/p" settings.yaml; }
id=$(setting internal.store.id)
if [ -z "$id" ] || [ ! -e "$data/store.assert" ]; then
	proxy config --import-yaml <settings.yaml
	proxy config --import-store-assertion proxy.assert
elif [ "$id $(setting internal.store.url)" = "$(brought internal.store.id) $(brought internal.store.url)" ]; then
	# It is refused while the store is on its way to another name.
	cmp -s proxy.assert "$data/store.assert" || proxy config --import-store-assertion proxy.assert || say 'The store assertion stays as it is.'
else
	say "This store is $id at $(setting internal.store.url) and stays so. To make it the one of"
	say 'this installer:'
	say "    snap-store-proxy config proxy.domain=$(brought proxy.domain)"
	say '    snap-store-proxy reregister --store-assertion proxy.assert'
fi

# --- The service.

for unit in snap-store-proxy.service snap-store-proxy-ready.service snap-store-proxy-ready.path; do
	replace "systemd/$unit" "$units/$unit" 644
done
finished() { [ "$(setting proxy.airgap)" = true ]; }
if systemd_runs; then
	systemctl daemon-reload
	systemctl --quiet enable snap-store-proxy.service
	systemctl --quiet enable --now snap-store-proxy-ready.path
	if [ "$start" = yes ] && { finished || systemctl --quiet is-active snap-store-proxy.service; }; then
		if systemctl restart snap-store-proxy.service; then
			say 'The service runs.'
		else
			say 'The service does not run yet, and is started again every 5 seconds. This tells why:'
			say '    journalctl --unit snap-store-proxy --lines 10'
		fi
	fi
fi

# --- First bundles.

bundles=$(find bundles -type f 2>/dev/null | sort)
pushed=no
if [ -n "$bundles" ] && [ "$ready" = yes ] && { [ "$push" = yes ] || finished; }; then
	find bundles -type f -exec "$programs/snap-store-proxy" --data-dir "$data" push-snap {} +
	pushed=yes
fi

# --- What is left to do.

lacks_certificate() {
	case $(setting internal.store.url) in
	https://*) [ -z "$(setting proxy.tls.cert)" ] && [ "$(setting proxy.trust-forwarded-proto)" != true ] ;;
	*) return 1 ;;
	esac
}
left() {
	if [ "$ready" = no ]; then
		say "- Install PostgreSQL, or set a connection string, which is prompted for its password:"
		say "    snap-store-proxy config proxy.db.connection=postgresql://USER@HOST/DATABASE"
	fi
	if lacks_certificate; then
		say "- Serve HTTPS, which the store is registered for, by a certificate (or --selfsigned; behind"
		say "  a balancer that ends TLS, config proxy.trust-forwarded-proto=true instead):"
		say "    cat server.crt server.key | snap-store-proxy import-certificate"
	fi
	if ! finished; then
		say "- Make the secrets and prepare the database:"
		say "    snap-store-proxy enable-airgap-mode"
	fi
	if [ -n "$bundles" ] && [ "$pushed" = no ]; then
		say "- Import the bundles that came along, then:"
		say "    snap-store-proxy push-snap $(pwd)/bundles/*"
	fi
	if grep -q '^proxy\.key\.private:' settings.yaml; then
		say "- Delete this folder and its archive: the store's private key is in them."
	fi
	if [ -z "$root" ] && ! systemd_runs; then
		say "- Have the service run: there is no systemd here, so let yours run"
		say "    snap-store-proxy serve"
	fi
}
todo=$(left)
if [ -n "$todo" ]; then
	say 'What is left to do:'
	say "$todo"
fi
say "Then see how it is with: snap-store-proxy status"
