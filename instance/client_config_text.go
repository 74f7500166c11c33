package instance

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// certName is the name of the certificate in snapd's option store-certs.
const certName = "offlinestore"

// dropInPath is the unit file that points snapd at a store without an assertion.
const dropInPath = "/etc/systemd/system/snapd.service.d/offlinestore.conf"

func (c *ClientConfig) dropIn() string {
	return "[Service]\nEnvironment=SNAPPY_FORCE_API_URL=" + c.URL + "\n"
}

// Shell returns a script in POSIX sh for a device. Everything in it is signed or public, and only snapd itself needs the network.
func (c *ClientConfig) Shell() string {
	var b strings.Builder
	fmt.Fprintf(&b, "#!/bin/sh\n# Points this device's snapd at the store %s. Run it as root; it may be run again.\nset -e\n", c.URL)
	if c.CA != "" {
		// The authority comes first: without it, snapd rejects the answers of the store.
		fmt.Fprintf(&b, "snap set system store-certs.%s=\"$(cat <<'END-OF-CERTIFICATE'\n%sEND-OF-CERTIFICATE\n)\"\n", certName, lines(c.CA))
	}
	if c.StoreID == "" {
		fmt.Fprintf(&b, "mkdir -p %s\ncat > %s <<'END-OF-UNIT'\n%sEND-OF-UNIT\nsystemctl daemon-reload\nsystemctl restart snapd.service\n",
			dropInPath[:strings.LastIndexByte(dropInPath, '/')], dropInPath, c.dropIn())
		return b.String()
	}
	fmt.Fprintf(&b, "# The same as: curl -s %s/v2/auth/store/assertions | snap ack /dev/stdin\nsnap ack /dev/stdin <<'END-OF-ASSERTIONS'\n%sEND-OF-ASSERTIONS\n",
		c.URL, lines(c.Assertion))
	fmt.Fprintf(&b, "snap set system proxy.store=%s\n", c.StoreID)
	return b.String()
}

// lines returns text with a line feed at its end.
func lines(text string) string {
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text
}

// userData is the user data of cloud-init for a new machine.
type userData struct {
	CACerts    *caCerts    `yaml:"ca_certs,omitempty"`
	Snap       *userSnap   `yaml:"snap,omitempty"`
	WriteFiles []writeFile `yaml:"write_files,omitempty"`
	RunCmd     [][]string  `yaml:"runcmd,omitempty"`
}

type caCerts struct {
	Trusted []string `yaml:"trusted"`
}

type userSnap struct {
	Assertions map[string]string   `yaml:"assertions,omitempty"`
	Commands   map[string][]string `yaml:"commands,omitempty"`
}

type writeFile struct {
	Path    string `yaml:"path"`
	Content string `yaml:"content"`
}

// CloudInit returns user data for cloud-init. The whole system trusts the authority, because older snapds register their device with
// the authorities of the system.
func (c *ClientConfig) CloudInit() (string, error) {
	var u userData
	commands := make(map[string][]string)
	if c.CA != "" {
		u.CACerts = &caCerts{[]string{c.CA}}
		commands["00"] = []string{"snap", "set", "system", "store-certs." + certName + "=" + c.CA}
	}
	if c.StoreID != "" {
		commands["01"] = []string{"snap", "set", "system", "proxy.store=" + c.StoreID}
		u.Snap = &userSnap{map[string]string{"00": lines(c.Assertion)}, commands}
	} else {
		u.WriteFiles = []writeFile{{dropInPath, c.dropIn()}}
		u.RunCmd = [][]string{{"systemctl", "daemon-reload"}, {"systemctl", "restart", "snapd.service"}}
		if len(commands) > 0 {
			u.Snap = &userSnap{nil, commands}
		}
	}
	text, err := yaml.Marshal(u)
	return "#cloud-config\n" + string(text), err
}

// jujuModel is the configuration of a model. Juju compares the URL of the store with the one in the assertion, byte by byte.
type jujuModel struct {
	CharmhubURL  string `yaml:"charmhub-url"`
	SnapProxyURL string `yaml:"snap-store-proxy-url,omitempty"`
	UserData     string `yaml:"cloudinit-userdata,omitempty"`
}

// Juju returns the configuration of a Juju model.
func (c *ClientConfig) Juju() (string, error) {
	m := jujuModel{CharmhubURL: c.URL}
	if c.StoreID != "" {
		m.SnapProxyURL = c.URL
	}
	if c.CA != "" {
		// Every cloud-init on Juju's machines accepts this older name of the key, which Juju's documentation uses.
		text, err := yaml.Marshal(map[string]caCerts{"ca-certs": {[]string{c.CA}}})
		if err != nil {
			return "", err
		}
		m.UserData = string(text)
	}
	text, err := yaml.Marshal(m)
	return string(text), err
}
