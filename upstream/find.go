package upstream

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"offlinestore/snap"
)

// FindNames returns the names of the snaps that the store finds for some text, in the store's order. Names that no snap can have are left
// out.
func (c *Client) FindNames(ctx context.Context, text string) ([]string, error) {
	query := url.Values{"q": {text}, "fields": {"title"}}
	r := request{what: "find snaps", method: http.MethodGet, header: v2Header(""), url: c.endpoint(query, "v2", "snaps", "find")}
	var found snap.FindResponse
	if err := c.getJSON(ctx, r, &found); err != nil {
		return nil, err
	}
	var names []string
	for _, raw := range found.Results {
		var result struct {
			Name string `json:"name"`
		}
		if json.Unmarshal(raw, &result) == nil && snap.ValidateName(result.Name) == nil {
			names = append(names, result.Name)
		}
	}
	return names, nil
}
