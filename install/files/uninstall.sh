#!/bin/sh
# Removes what install.sh installed on this host. The data stays, unless --purge
# is given. It may be run again at any time.
set -eu
PATH=$PATH:/usr/sbin:/sbin

usage() {
	cat <<'END'
Usage: uninstall.sh [--purge] [--yes] [--root DIR]

Remove the programs, the links, the manual pages, the completions and the units
that install.sh installed. The data folder and the user of the store stay: an
installation finds them again.

  --purge     also delete the data folder with the store's keys and all blobs,
              the user, and the changes of the units; it asks first
  --yes       do not ask
  --root DIR  remove from the tree at DIR: no user, no service
END
}

say() { printf '%s\n' "$*"; }
fail() { printf 'uninstall.sh: %s\n' "$*" >&2; exit 1; }

# The whole script is read before the folder that it may be in goes.
main() {
	root='' purge=no yes=no
	while [ $# -gt 0 ]; do
		case $1 in
		--purge) purge=yes ;;
		--yes) yes=yes ;;
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
	if [ -n "$root" ]; then root=$(cd -- "$root" && pwd); fi
	user=snap-store-proxy
	base=$root/opt/offlinestore
	links=$root/usr/local/bin
	share=$root/usr/local/share
	units=$root/etc/systemd/system
	data=$root/var/lib/snap-store-proxy
	cd /
	[ -n "$root" ] || [ "$(id -u)" = 0 ] || fail 'run it as root: sudo /opt/offlinestore/uninstall.sh'
	if [ "$purge" = yes ]; then ask; fi
	stop
	remove
	if [ "$purge" = yes ]; then purge; fi
	report
}

systemd_runs() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

ask() {
	[ ! -h "$data" ] || fail "$data is a symbolic link: delete what it leads to yourself"
	if [ ! -d "$data" ] || [ "$yes" = yes ]; then return; fi
	[ -t 0 ] || fail "--purge deletes $data: give --yes, too, if nobody can be asked"
	printf 'This deletes %s: the registration, the keys, the database and all blobs of the store.\nType purge to go on: ' "$data"
	read -r answer
	[ "$answer" = purge ] || fail 'nothing was removed'
}

stop() {
	if systemd_runs; then
		for unit in snap-store-proxy-ready.path snap-store-proxy-ready.service snap-store-proxy.service; do
			if [ -e "$units/$unit" ]; then systemctl --quiet disable --now "$unit" || true; fi
		done
	fi
	# Another supervisor may run the service, and a command may be at work.
	for file in "$data"/postgresql/*/postmaster.pid; do
		if [ -e "$file" ] && pid=$(head -n 1 "$file") && [ -n "$pid" ] && may_run_in "$pid" "${file%/*}"; then
			fail "the PostgreSQL of the store still runs (process $pid): stop what uses the store, and try again"
		fi
	done
}

# may_run_in fails if there is no such process, or if it surely works in another folder: after a power cut, another process may have the
# number. In a container, root may not read the folder of a process.
may_run_in() {
	kill -0 "$1" 2>/dev/null || [ -d "/proc/$1" ] || return 1
	cwd=$(readlink -f "/proc/$1/cwd") || return 0
	[ "$cwd" = "$(readlink -f "$2")" ]
}

remove() {
	for pair in store-admin:store-admin snap-store-proxy:snap-store-proxy snap-proxy:snap-store-proxy enterprise-store:snap-store-proxy; do
		name=${pair%%:*}
		# Somebody else's program of this name stays, with what belongs to it.
		if [ "$(readlink "$links/$name" || true)" = "/opt/offlinestore/bin/${pair#*:}" ]; then
			rm -f "$links/$name" "$share/bash-completion/completions/$name" "$share/zsh/site-functions/_$name" \
				"$share/fish/vendor_completions.d/$name.fish" "$share/man/man1/$name.1" "$share/man/man1/$name"-*.1
		fi
	done
	rm -f "$units/snap-store-proxy.service" "$units/snap-store-proxy-ready.service" "$units/snap-store-proxy-ready.path"
	if systemd_runs; then systemctl daemon-reload; fi
	rm -rf "$base"
}

purge() {
	rm -rf "$units/snap-store-proxy.service.d"
	if [ -d "$data" ]; then
		# The folder may be a file system of its own, which has a folder that nobody removes.
		find "$data" -xdev -mindepth 1 -maxdepth 1 ! -name lost+found -exec rm -rf {} +
		rmdir "$data" 2>/dev/null || say "$data is empty and stays: it is a file system of its own."
	fi
	if [ -z "$root" ] && getent passwd "$user" >/dev/null; then userdel "$user"; fi
}

report() {
	if [ "$purge" = yes ]; then
		say 'The store and its data are gone. Packages of PostgreSQL stay.'
	elif [ -d "$data" ]; then
		say "The store is removed. Its data stays in $data: install it again to go on, or give --purge."
	else
		say 'The store is removed.'
	fi
}

main "$@"
exit
