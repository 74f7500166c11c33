// Package snapdaemon runs the real snapd daemon and its snap command in tests.
//
// There are two sets of [Binaries]. [Stock] is Debian's own build, which trusts only Canonical's root. It shows the
// operator's true procedure, on genuine assertions. [BuildWithRoot] is the same version built from Debian's source
// package. It also trusts Options.TrustedRoot, so it downloads, installs, refreshes and reverts snaps that a test signed.
// Both come from the machine's apt archive. The user's cache folder keeps them, so that a machine fetches and builds them
// once. snapd is GPLv3: tests run it but never link it, and none of its code is in this repository.
//
// The variable OFFLINESTORE_TEST_SNAPD names a newer snapd that trusts Options.TrustedRoot. It replaces the program of [BuildWithRoot], so
// that the same tests try it. No package registry has one, so CI does without.
//
// [Start] gives the daemon a root folder, a mount namespace, a network namespace with only a loopback, and a PID
// namespace. The daemon can reach neither this machine's snapd nor the internet. However the test ends, the kernel then
// removes every process and mount. This requires root, or user namespaces.
//
// The network namespace needs a store inside it. Options.Sites puts a store of the test process there, and [Forward] a
// store that listens on this machine; Options.Servers starts a program in the namespace.
//
//	ca := snapdaemon.NewCA(t)
//	d := snapdaemon.Start(t, snapdaemon.Options{
//		Binaries: snapdaemon.Stock(t),
//		Hosts:    []string{"store.example"},
//		Sites: []snapdaemon.Site{
//			{Addr: "127.0.0.1:443", Handler: snapdaemon.Forward(t, storeURL), Certificate: ca.Issue(t, "store.example")},
//			{Addr: "127.0.0.1:80", Handler: snapdaemon.Forward(t, storeURL)},
//		},
//	})
//	d.MustSnap("ack", streamFile)
//	d.MustSnap("set", "system", "store-certs.mystore="+string(ca.PEM()))
//	d.MustSnap("set", "system", "proxy.store="+storeID)
//	d.MustSnap("info", "jq")
//
// With a root of its own and a store that listens on plain HTTP:
//
//	d := snapdaemon.Start(t, snapdaemon.Options{
//		Binaries:    snapdaemon.BuildWithRoot(t),
//		TrustedRoot: rootStream, // account and account-key
//		StoreURL:    "http://127.0.0.1:8080",
//		Sites:       []snapdaemon.Site{{Addr: "127.0.0.1:8080", Handler: snapdaemon.Forward(t, storeURL)}},
//	})
//	d.MustSnap("install", "hello")
//
// The store must have a snap named snapd, which the daemon installs before any other: [SnapdSnap] makes one. [MakeSnap]
// makes other snaps; with `base: none` and no apps they need nothing else.
//
// Forward keeps the Host header. So a store that makes its download URLs from that header uses the name and port of the
// Site.
//
// Some behaviour of this version of snapd looks like a fault of the store, but is not: `snap download` ignores proxy.store
// (use StoreURL); `refresh --list` sends no request while nothing is installed; `known --remote` prints nothing on a 404
// and verifies no trust; `debug connectivity` asks for the snap core; device registration ignores store-certs (use
// Options.SystemCA).
package snapdaemon
