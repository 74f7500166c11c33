package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// copyBlock is the number of bytes written at once: large enough for few calls, small enough for many concurrent downloads.
const copyBlock = 256 << 10

// progressStep is the number of bytes after whose arrival the count of tries starts over. A long download over a poor link may break any
// number of times, as long as it makes progress.
const progressStep = 1 << 20

// Download opens the blob at rawURL, from offset on if the server can. resumed reports whether the body begins at offset instead of the
// beginning of the blob. total is the size of the whole blob, or -1 if the server doesn't give it. The body fails if no byte comes for too
// long. The caller closes it. Download doesn't repeat requests, but Fetch does.
func (c *Client) Download(ctx context.Context, rawURL string, offset int64) (body io.ReadCloser, total int64, resumed bool, err error) {
	return c.DownloadAs(ctx, nil, rawURL, offset)
}

// DownloadAs works as Download, and sends further headers, such as the credentials of a device. They don't follow a redirect to another host.
func (c *Client) DownloadAs(ctx context.Context, header http.Header, rawURL string, offset int64) (body io.ReadCloser, total int64, resumed bool, err error) {
	if offset > 0 {
		b, err := c.openBlob(ctx, header, rawURL, offset)
		switch {
		case err != nil:
			return nil, 0, false, err
		case b.StatusCode == http.StatusOK:
			return b, b.ContentLength, false, nil
		case b.StatusCode == http.StatusPartialContent:
			if total, ok := contentRange(b.Header.Get("Content-Range"), offset, b.ContentLength); ok {
				return b, total, true, nil
			}
		}
		// The answer is a 416, or another part than the requested one.
		b.Close()
	}
	b, err := c.openBlob(ctx, header, rawURL, 0)
	if err != nil {
		return nil, 0, false, err
	}
	return b, b.ContentLength, false, nil
}

// openBlob sends one GET, and returns the answers that Download can use.
func (c *Client) openBlob(ctx context.Context, header http.Header, rawURL string, offset int64) (*timedResponse, error) {
	w := &timedResponse{stall: c.stall}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(c.stall, func() { w.cancel(errStalled) })
	if err := w.send(c, header, rawURL, offset); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// timedResponse is a response whose body ends with errStalled if no byte comes for too long.
type timedResponse struct {
	*http.Response
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	stall  time.Duration
}

func (w *timedResponse) send(c *Client, header http.Header, rawURL string, offset int64) error {
	req, err := c.newRequest(w.ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	// Otherwise sizes and offsets would be those in the compressed form.
	req.Header.Set("Accept-Encoding", "identity")
	if offset > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(offset, 10)+"-")
	}
	if w.Response, err = c.do(req); err != nil {
		return err
	}
	switch s := w.StatusCode; {
	case s != http.StatusOK && offset == 0,
		s != http.StatusOK && s != http.StatusPartialContent && s != http.StatusRequestedRangeNotSatisfiable:
		return c.statusError(w.Response)
	}
	w.timer.Stop()
	if e := w.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return fmt.Errorf("%s: the answer is encoded as %.20q, which was not asked for", safe(w.Request.URL), e)
	}
	return nil
}

func (w *timedResponse) Read(p []byte) (int, error) {
	// Only the time spent waiting for the network counts, not the caller's.
	w.timer.Reset(w.stall)
	n, err := w.Body.Read(p)
	w.timer.Stop()
	if err != nil && err != io.EOF {
		err = &transportError{url: safe(w.Request.URL), err: cause(w.ctx, err)}
	}
	return n, err
}

func (w *timedResponse) Close() error {
	w.timer.Stop()
	w.cancel(context.Canceled)
	if w.Response == nil {
		return nil
	}
	return w.Body.Close()
}

var validRange = regexp.MustCompile(`^bytes (\d{1,18})-(\d{1,18})/(\d{1,18})$`)

// contentRange returns the total size in a Content-Range header. It returns false unless the range and the length run from offset to the end.
func contentRange(header string, offset, length int64) (total int64, ok bool) {
	m := validRange.FindStringSubmatch(header)
	if m == nil {
		return 0, false
	}
	var n [3]int64
	for i := range n {
		n[i], _ = strconv.ParseInt(m[i+1], 10, 64) // 18 digits always fit
	}
	first, last, total := n[0], n[1], n[2]
	return total, first == offset && last == total-1 && first <= last && (length < 0 || length == total-first)
}

// Blob describes a blob for Fetch.
type Blob struct {
	// Name is for errors and logs: "jq revision 6".
	Name string
	URL  string
	// Size is the size of the whole blob in bytes. If the server states another size, Fetch fails before it writes anything.
	Size int64
	// Offset is the number of bytes that the caller already holds.
	Offset int64
	// Restart drops everything held and written so far. It is called when a server cannot resume; if Restart is nil, Fetch fails then.
	Restart func() error
}

// Fetch writes b to w, from b.Offset on. It resumes interrupted downloads as long as they make progress, and otherwise gives up. It ends at
// once with an error of w or Restart. Another Fetch can then continue after the bytes that were written. The caller must hash the bytes,
// because Fetch doesn't verify them.
func (c *Client) Fetch(ctx context.Context, b Blob, w io.Writer) error {
	what := "download " + b.Name
	if b.Size <= 0 || b.Offset < 0 {
		return fmt.Errorf("%s: size %d, offset %d: out of range", what, b.Size, b.Offset)
	}
	f := &blobFetch{Blob: b, w: w}
	if b.Offset > b.Size {
		if err := f.restart(); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	best := f.Offset
	for n := 1; f.Offset < f.Size; n++ {
		err := c.pace.wait(ctx)
		if err == nil {
			err = f.fetchOnce(ctx, c)
		}
		if err == nil {
			return nil
		}
		if f.Offset >= best+progressStep {
			best, n = f.Offset, 1
		}
		if err := c.pause(ctx, what, n, err); err != nil {
			return err
		}
	}
	return nil
}

// blobFetch is a Blob that is being fetched. Its Offset grows with the bytes written.
type blobFetch struct {
	Blob
	w io.Writer
}

func (f *blobFetch) restart() error {
	if f.Restart == nil {
		return errors.New("the server cannot resume it, and the caller cannot start over")
	}
	if err := f.Restart(); err != nil {
		return fmt.Errorf("start over: %w", err)
	}
	f.Offset = 0
	return nil
}

func (f *blobFetch) fetchOnce(ctx context.Context, c *Client) error {
	body, total, resumed, err := c.Download(ctx, f.URL, f.Offset)
	if err != nil {
		return err
	}
	defer body.Close()
	if total != f.Size { // a blob that has its announced size may be a page
		if err := c.validateBlob(body, total); err != nil {
			return err
		}
	}
	if total >= 0 && total != f.Size {
		return fmt.Errorf("%s: the server holds %d bytes, the store announced %d", safeURL(f.URL), total, f.Size)
	}
	if !resumed && f.Offset > 0 {
		if err := f.restart(); err != nil {
			return err
		}
	}
	if err := f.copy(body); err != nil {
		return err
	}
	if f.Offset < f.Size {
		return &transportError{url: safeURL(f.URL), err: io.ErrUnexpectedEOF}
	}
	// A body without an announced length may be longer.
	if n, _ := io.ReadFull(body, make([]byte, 1)); n > 0 {
		return fmt.Errorf("%s: the server sent more than the %d bytes that the store announced", safeURL(f.URL), f.Size)
	}
	return nil
}

// validateBlob returns an error if a response that has not the blob's size is a web page of a portal. It reads the beginning of the body only if
// the response cannot be the blob.
func (c *Client) validateBlob(body io.Reader, total int64) error {
	r, ok := body.(*timedResponse)
	if !ok {
		return nil
	}
	var start [512]byte
	n := 0
	if total >= 0 {
		n, _ = io.ReadFull(r, start[:])
	}
	if isPage(r.Header, start[:n]) {
		return c.pageError(r.Response)
	}
	return nil
}

// copy writes the body, up to the blob's size.
func (f *blobFetch) copy(body io.Reader) error {
	buf := make([]byte, copyBlock)
	for f.Offset < f.Size {
		n, err := body.Read(buf[:min(int64(len(buf)), f.Size-f.Offset)])
		if n > 0 {
			m, werr := f.w.Write(buf[:n])
			f.Offset += int64(m)
			if werr != nil {
				return werr
			}
			if m < n {
				return io.ErrShortWrite
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}
