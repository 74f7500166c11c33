//go:build linux

package e2e_test

import (
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"offlinestore/snap"
)

// load are devices that ask all the time.
type load struct {
	t                           *testing.T
	url                         string
	client                      *http.Client
	end                         chan struct{}
	devices                     sync.WaitGroup
	answers, downloads, resumed atomic.Int64
}

// startLoad starts devices that refresh, and others that also download the snap.
func (s *site) startLoad() *load {
	l := &load{t: s.t, url: s.url, client: &http.Client{Timeout: 30 * time.Second}, end: make(chan struct{})}
	for i := range 8 {
		l.devices.Go(func() {
			for {
				select {
				case <-l.end:
					return
				case <-time.After(10 * time.Millisecond):
				}
				if err := l.ask(i < 2); err != nil {
					s.t.Errorf("a device: %v", err)
					return
				}
			}
		})
	}
	return l
}

func (l *load) stop() {
	close(l.end)
	l.devices.Wait()
}

// ask asks for the snap as a device does, and perhaps downloads it.
func (l *load) ask(download bool) error {
	const body = `{"context":[],"actions":[{"action":"install","instance-key":"1","name":"greeter","channel":"stable"}],"fields":["revision","download"]}`
	req, err := http.NewRequest("POST", l.url+"/v2/snaps/refresh", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Snap-Device-Architecture", "amd64")
	req.Header.Set("Snap-Device-Series", "16")
	resp, err := l.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct{ Results []snap.Result }
	text, err := io.ReadAll(resp.Body)
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil || resp.StatusCode != http.StatusOK || len(answer.Results) != 1 || answer.Results[0].Snap == nil {
		return fmt.Errorf("%s: %v: %.300s", resp.Status, err, text)
	}
	l.answers.Add(1)
	if !download {
		return nil
	}
	return l.download(answer.Results[0].Snap.Download)
}

// download downloads a blob. Like snapd, it goes on where a download was cut off.
func (l *load) download(d snap.Download) error {
	hash, have := sha3.New384(), int64(0)
	for try := 0; have < d.Size; try++ {
		if try == 10 {
			return fmt.Errorf("%s was cut off %d times", d.URL, try)
		}
		if try > 0 {
			l.resumed.Add(1)
			time.Sleep(100 * time.Millisecond)
		}
		req, err := http.NewRequest("GET", d.URL, nil)
		if err != nil {
			return err
		}
		want := http.StatusOK
		if have > 0 {
			req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
			want = http.StatusPartialContent
		}
		resp, err := l.client.Do(req)
		if err != nil {
			return err
		}
		if resp.StatusCode != want {
			text, _ := io.ReadAll(io.LimitReader(resp.Body, 300))
			resp.Body.Close()
			return fmt.Errorf("%s: %s: %s", d.URL, resp.Status, text)
		}
		n, _ := io.Copy(hash, resp.Body) // the size tells whether it is whole
		resp.Body.Close()
		have += n
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != d.SHA3384 {
		return fmt.Errorf("%s has the digest %s, want %s", d.URL, got, d.SHA3384)
	}
	l.downloads.Add(1)
	return nil
}

// pushes are an operator who pushes one revision after the other, now on one host and now on the other.
type pushes struct {
	s       *site
	end     chan struct{}
	ended   chan struct{}
	pushed  atomic.Int64
	lastOne int
}

func (s *site) startPushes() *pushes {
	p := &pushes{s: s, end: make(chan struct{}), ended: make(chan struct{}), lastOne: 1}
	go func() {
		defer close(p.ended)
		for revision := 2; ; revision++ {
			select {
			case <-p.end:
				return
			default:
			}
			file := s.bundle(revision)
			s.push(revision%2, file)
			if s.t.Failed() {
				return
			}
			os.Remove(file)
			p.lastOne = revision
			p.pushed.Add(1)
		}
	}()
	return p
}

func (p *pushes) done() int { return int(p.pushed.Load()) }

// await waits until that many pushes were acknowledged.
func (p *pushes) await(n int) {
	p.s.t.Helper()
	for end := time.Now().Add(2 * time.Minute); p.done() < n; time.Sleep(20 * time.Millisecond) {
		if p.s.t.Failed() || time.Now().After(end) {
			p.s.t.Fatalf("%d pushes were acknowledged, want %d", p.done(), n)
		}
	}
}

// stop ends the pushes, and returns the last revision that was acknowledged.
func (p *pushes) stop() int {
	close(p.end)
	<-p.ended
	return p.lastOne
}
