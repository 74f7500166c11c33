package upstream_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"offlinestore/upstream"
)

func TestIcon(t *testing.T) {
	t.Parallel()
	png := "\x89PNG\x0d\x0a\x1a\x0a0000"
	svg := `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>`
	tests := []struct{ name, declared, body, want, wantErr string }{
		{"png", "image/png", png, "image/png", ""},
		{"png, misdeclared", "image/svg+xml", png, "image/png", ""},
		{"png, undeclared", "binary/octet-stream", png, "image/png", ""},
		{"svg", "image/svg+xml; charset=utf-8", svg, "image/svg+xml", ""},
		{"gif", "image/gif", "GIF89a0000", "image/gif", ""},
		{"jpeg", "image/jpeg", "\xff\xd8\xff\xe0", "image/jpeg", ""},
		{"webp", "image/webp", "RIFF0000WEBPVP8 ", "image/webp", ""},
		{"svg that is none", "image/svg+xml", "<html/>", "", "not an image"},
		{"html", "text/html", "<html><svg></html>", "", "not an image that devices show (declared as text/html)"},
		{"bmp", "image/bmp", "BM00000", "", "not an image"},
		{"html as png", "image/png", "<html></html>", "", "not an image"},
		{"empty", "image/png", "", "", "empty"},
		{"limit", "image/png", png + strings.Repeat("x", 300_000-len(png)), "image/png", ""},
		{"over the limit", "image/png", png + strings.Repeat("x", 300_001-len(png)), "", "over the limit of 300000 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, origin := newClient(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", tt.declared)
				fmt.Fprint(w, tt.body)
			}), upstream.Config{})
			data, got, err := c.Icon(t.Context(), origin)
			if tt.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
					t.Errorf("Icon: %v, want %q", err, tt.wantErr)
				}
				return
			}
			if err != nil || got != tt.want || string(data) != tt.body {
				t.Errorf("Icon = %d bytes of %q, %v, want %q", len(data), got, err, tt.want)
			}
		})
	}
	c, _ := newClient(t, http.NotFoundHandler(), upstream.Config{})
	for _, u := range []string{"file:///etc/passwd", "ftp://x/y", "x", "http://other.example/x.png", "//other.example/x.png", "http://u:secret@[", "http:///x"} {
		if _, _, err := c.Icon(t.Context(), u); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("Icon(%q) = %v, want an error without the secret", u, err)
		}
	}
}
