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

// copyBlock is how much is written at once: large enough for few calls, small enough for many downloads at a time.
const copyBlock = 256 << 10

// progressStep is how much has to arrive for the count of tries to start over: a long download over a poor link may break
// any number of times, as long as it gets on.
const progressStep = 1 << 20

// Download opens the blob at rawURL, from offset on if the server can: resumed says whether the body begins there or at
// the beginning of the blob. total is the size of the whole blob, -1 if the server doesn't say. The body fails when no
// byte comes for too long; the caller closes it. Nothing is tried twice here, see Fetch.
func (c *Client) Download(ctx context.Context, rawURL string, offset int64) (body io.ReadCloser, total int64, resumed bool, err error) {
	if offset > 0 {
		b, err := c.openBlob(ctx, rawURL, offset)
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
		// 416, or a part that wasn't asked for.
		b.Close()
	}
	b, err := c.openBlob(ctx, rawURL, 0)
	if err != nil {
		return nil, 0, false, err
	}
	return b, b.ContentLength, false, nil
}

// open sends one GET, and returns answers that Download has a use for.
func (c *Client) openBlob(ctx context.Context, rawURL string, offset int64) (*timedResponse, error) {
	w := &timedResponse{stall: c.stall}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(c.stall, func() { w.cancel(errStalled) })
	if err := w.send(c, rawURL, offset); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// watched is a response whose body ends with errStalled when no byte comes for too long.
type timedResponse struct {
	*http.Response
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	stall  time.Duration
}

func (w *timedResponse) send(c *Client, rawURL string, offset int64) error {
	req, err := c.newRequest(w.ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return err
	}
	// Anything else would make sizes and offsets those of the compressed form.
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
	// Only waiting for the network counts, not what the caller does in between.
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

// contentRange reads the size of the whole from a Content-Range, if that and the length are of all from offset on.
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

// Blob is what Fetch is to get.
type Blob struct {
	// Name is for errors and logs: "jq revision 6".
	Name string
	URL  string
	// Size is that of the whole blob, in bytes. A server that says otherwise is refused before anything is written.
	Size int64
	// Offset is how much of it the caller holds already.
	Offset int64
	// Restart drops everything held and written so far. It is called when a server cannot resume; nil is an error then.
	Restart func() error
}

// Fetch writes b to w, from b.Offset on. It takes up the download where it broke off, as often as it gets on, and gives
// up when it doesn't. Errors of w and Restart end it at once; what was written until then is a good start for another
// Fetch. The caller hashes what is written: nothing here knows whether the bytes are right.
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
		err := f.fetchOnce(ctx, c)
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

// fetch is a Blob on its way; Offset grows with what is written.
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
	// A body without an announced length may go on.
	if n, _ := io.ReadFull(body, make([]byte, 1)); n > 0 {
		return fmt.Errorf("%s: the server sent more than the %d bytes that the store announced", safeURL(f.URL), f.Size)
	}
	return nil
}

// copy moves what there is of body, and no more than is wanted.
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
