// Package snapdaemon runs the real snapd daemon and its snap command in tests.
//
// There are two sets of [Binaries]. [Stock] is Debian's own build, which trusts
// Canonical's root only: it shows the operator's true procedure, on genuine
// assertions. [BuildWithRoot] is the same version built from Debian's source
// package, and trusts whatever Options.TrustedRoot says besides: it downloads,
// installs, refreshes and reverts snaps that a test signed. Both come from the
// machine's apt archive and are kept in the user's cache folder, so that a
// machine fetches and builds them once. snapd is GPLv3: it is run, never linked,
// and none of it is in this repository.
//
// [Start] gives the daemon a root folder, a mount namespace, a network namespace
// with nothing but a loopback, and a PID namespace: it reaches neither this
// machine's snapd nor the internet, and when the test ends, however it ends,
// the kernel removes every process and mount. Root is needed, or user namespaces.
//
// The network namespace needs a store inside it. Options.Sites brings one there
// while it runs in the test process, and [Forward] one that listens on this
// machine; Options.Servers starts a program in the namespace.
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
// The store must have a snap named snapd, which the daemon installs before any
// other: [SnapdSnap] makes one. [MakeSnap] makes the others; with `base: none`
// and no apps they need nothing further.
//
// A store that makes its download URLs from the Host header of a request makes
// them with the name and port of the Site, since Forward hands the header on.
//
// What this version of snapd does, and tests should not take for a fault of the
// store: `snap download` ignores proxy.store (StoreURL is for it); `refresh
// --list` asks nothing while nothing is installed; `known --remote` prints
// nothing on a 404 and checks no trust; `debug connectivity` asks for the snap
// core; device registration ignores store-certs (Options.SystemCA is for it).
package snapdaemon
