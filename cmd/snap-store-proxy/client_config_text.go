package main

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// certName is what snapd keeps the certificate under, in store-certs.
const certName = "offlinestore"

// dropInPath is a unit file that points snapd here where no store assertion can.
const dropInPath = "/etc/systemd/system/snapd.service.d/offlinestore.conf"

func (cc *clientConfig) dropIn() string {
	return "[Service]\nEnvironment=SNAPPY_FORCE_API_URL=" + cc.URL + "\n"
}

// shell is a script in POSIX sh. What it carries is signed or public, so it needs no network but for snapd's own.
func (cc *clientConfig) shell() string {
	var b strings.Builder
	fmt.Fprintf(&b, "#!/bin/sh\n# Points this device's snapd at the store %s. Run it as root; it may be run again.\nset -e\n", cc.URL)
	if cc.CA != "" {
		// Without the authority, snapd would believe nothing of what follows.
		fmt.Fprintf(&b, "snap set system store-certs.%s=\"$(cat <<'END-OF-CERTIFICATE'\n%sEND-OF-CERTIFICATE\n)\"\n", certName, lines(cc.CA))
	}
	if cc.StoreID == "" {
		fmt.Fprintf(&b, "mkdir -p %s\ncat > %s <<'END-OF-UNIT'\n%sEND-OF-UNIT\nsystemctl daemon-reload\nsystemctl restart snapd.service\n",
			dropInPath[:strings.LastIndexByte(dropInPath, '/')], dropInPath, cc.dropIn())
		return b.String()
	}
	fmt.Fprintf(&b, "# The same as: curl -s %s/v2/auth/store/assertions | snap ack /dev/stdin\nsnap ack /dev/stdin <<'END-OF-ASSERTIONS'\n%sEND-OF-ASSERTIONS\n",
		cc.URL, lines(cc.Assertion))
	fmt.Fprintf(&b, "snap set system proxy.store=%s\n", cc.StoreID)
	return b.String()
}

// lines ends text with a line feed.
func lines(text string) string {
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text
}

// userData is what cloud-init does with a new machine.
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

// cloudInit trusts the authority in the system, too: older snapds register their device with nothing else.
func (cc *clientConfig) cloudInit() (string, error) {
	var u userData
	commands := make(map[string][]string)
	if cc.CA != "" {
		u.CACerts = &caCerts{[]string{cc.CA}}
		commands["00"] = []string{"snap", "set", "system", "store-certs." + certName + "=" + cc.CA}
	}
	if cc.StoreID != "" {
		commands["01"] = []string{"snap", "set", "system", "proxy.store=" + cc.StoreID}
		u.Snap = &userSnap{map[string]string{"00": lines(cc.Assertion)}, commands}
	} else {
		u.WriteFiles = []writeFile{{dropInPath, cc.dropIn()}}
		u.RunCmd = [][]string{{"systemctl", "daemon-reload"}, {"systemctl", "restart", "snapd.service"}}
		if len(commands) > 0 {
			u.Snap = &userSnap{nil, commands}
		}
	}
	text, err := yaml.Marshal(u)
	return "#cloud-config\n" + string(text), err
}

// jujuModel is the configuration of a model. Juju wants the URL of the store as the assertion has it, to the letter.
type jujuModel struct {
	CharmhubURL  string `yaml:"charmhub-url"`
	SnapProxyURL string `yaml:"snap-store-proxy-url,omitempty"`
	UserData     string `yaml:"cloudinit-userdata,omitempty"`
}

func (cc *clientConfig) juju() (string, error) {
	m := jujuModel{CharmhubURL: cc.URL}
	if cc.StoreID != "" {
		m.SnapProxyURL = cc.URL
	}
	if cc.CA != "" {
		// Juju's own documentation has the older name of the key, which each cloud-init of its machines takes.
		text, err := yaml.Marshal(map[string]caCerts{"ca-certs": {[]string{cc.CA}}})
		if err != nil {
			return "", err
		}
		m.UserData = string(text)
	}
	text, err := yaml.Marshal(m)
	return string(text), err
}
