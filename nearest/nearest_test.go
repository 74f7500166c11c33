package nearest_test

import (
	"testing"

	"offlinestore/nearest"
)

func TestWord(t *testing.T) {
	t.Parallel()
	flags := []string{"channel", "arch", "export-dir", "json", "plan", "push-channel-map", "yes", "all"}
	for word, want := range map[string]string{
		"chanel": "channel", "chnanel": "channel", "channels": "channel", "architecture": "arch", "exportdir": "export-dir", "jsno": "json",
		"JSON": "json", "push-channelmap": "push-channel-map", "no": "", "verify": "", "x": "", "": "", "channel-the-first-of-all": "channel",
	} {
		if got := nearest.Word(word, flags); got != want {
			t.Errorf("Word(%q) = %q, want %q", word, got, want)
		}
	}
}
