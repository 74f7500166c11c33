package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// rasterTypes are the image types that their first bytes identify.
var rasterTypes = []string{"image/png", "image/jpeg", "image/gif", "image/webp"}

// Icon returns the image at rawURL and its type: PNG, JPEG, GIF, WebP or SVG. It returns an error for any other type. It also rejects a URL
// without TLS that leads away from the store, because only their origin vouches for an icon's bytes.
func (c *Client) Icon(ctx context.Context, rawURL string) (data []byte, contentType string, err error) {
	u, err := c.origin.Parse(rawURL)
	switch {
	case err != nil:
		return nil, "", errors.New("icon: not a URL")
	case u.Scheme != "https" && u.Host != c.origin.Host:
		return nil, "", fmt.Errorf("icon: %s: neither https nor the store's own host", safe(u))
	}
	rawURL = u.String()
	a, err := c.call(ctx, request{what: "icon", method: http.MethodGet, url: rawURL, limit: maxIcon, pages: true})
	if err != nil {
		return nil, "", fileNotFound("icon", err)
	}
	sniffed := http.DetectContentType(a.body)
	switch declared := mediaType(a.header); {
	case len(a.body) == 0:
		return nil, "", fmt.Errorf("icon: the image is empty")
	case slices.Contains(rasterTypes, sniffed):
		// The store keeps some images under a wrong name, and so with a wrong type.
		return a.body, sniffed, nil
	case declared == "image/svg+xml" && bytes.Contains(a.body[:min(len(a.body), 4096)], []byte("<svg")):
		return a.body, declared, nil
	default:
		return nil, "", fmt.Errorf("icon: not an image that devices show (declared as %s)", clean(declared))
	}
}
