package cli

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// IsTerminal reports whether f is a terminal.
func IsTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// Progress shows the progress of a long copy: on a terminal a bar with rate and remaining time, elsewhere a plain line now
// and then. It is safe for use by several goroutines. A nil Progress shows nothing.
type Progress struct {
	mu       sync.Mutex
	w        io.Writer
	bar      *progressbar.ProgressBar
	what     string
	total    int64
	done     int64
	start    time.Time
	lastLine time.Time
}

// plainEvery is the time between two lines if there is no terminal.
const plainEvery = 10 * time.Second

// NewProgress starts to show the progress of total bytes on stderr. It returns nil for a quiet command.
func NewProgress(what string, total int64) *Progress {
	if IsQuiet() {
		return nil
	}
	p := &Progress{w: os.Stderr, what: what, total: total, start: time.Now(), lastLine: time.Now()}
	if IsTerminal(os.Stderr) && total > 0 {
		p.bar = progressbar.NewOptions64(total,
			progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription(what), progressbar.OptionShowBytes(true), progressbar.OptionShowCount(),
			progressbar.OptionSetTheme(progressbar.Theme{Saucer: "#", SaucerPadding: "-", BarStart: "[", BarEnd: "]"}),
			progressbar.OptionSetWidth(36), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetPredictTime(true),
			progressbar.OptionClearOnFinish())
	}
	return p
}

// Add counts n more bytes as done.
func (p *Progress) Add(n int64) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	if p.bar != nil {
		p.bar.Add64(n) // an error here is one of the terminal
		return
	}
	if now := time.Now(); now.Sub(p.lastLine) >= plainEvery && p.total > 0 {
		p.lastLine = now
		rate := float64(p.done) / now.Sub(p.start).Seconds()
		left := time.Duration(float64(p.total-p.done) / rate * float64(time.Second)).Round(time.Second)
		fmt.Fprintf(p.w, "%s: %d%% of %s, %s/s, %s left\n", p.what, p.done*100/p.total, Bytes(p.total), Bytes(int64(rate)), left)
	}
}

// Write counts p as done, so that a Progress can be part of an [io.MultiWriter].
func (p *Progress) Write(b []byte) (int, error) {
	p.Add(int64(len(b)))
	return len(b), nil
}

// Printf prints a line of text to w without breaking the bar.
func (p *Progress) Printf(w io.Writer, format string, args ...any) {
	if p == nil {
		fmt.Fprintf(w, format, args...)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Clear()
	}
	fmt.Fprintf(w, format, args...)
	if p.bar != nil {
		p.bar.RenderBlank()
	}
}

// Done removes the bar.
func (p *Progress) Done() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Finish()
	}
}

// Bytes formats a size for people: 12.3 MB.
func Bytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f, unit := float64(n), ""
	for _, unit = range []string{"kB", "MB", "GB", "TB", "PB"} {
		if f /= 1000; f < 999.95 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", f, unit)
}

// Count formats a number of things for people: "1 revision", "2 revisions".
func Count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
