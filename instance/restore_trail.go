package instance

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"offlinestore/audit"
	"offlinestore/blob"
	"offlinestore/instance/backup"
)

// continueTrail adds the restore to the acts that wait, after the ones that waited in the backup and in the former content of the data folder. It also
// keeps the former last row, so that the next command records the rows that the database has lost.
func (r *restoration) continueTrail() error {
	files := Dir(r.dir.path(restoringFolder, "files"))
	text, err := blob.ReadFile(files.path(waitingFile), maxWaiting+2*maxLine)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if former := r.former(); former != "" {
		old, err := blob.ReadFile(former.path(waitingFile), maxWaiting+2*maxLine)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		text = append(wholeLines(text), wholeLines(old)...)
		if tip := former.lastTip(); tip.Rows > 0 {
			if err := files.keepTip(context.Background(), files.lastTip(), tip); err != nil {
				return err
			}
		}
	}
	line, err := r.restoreLine()
	if err != nil {
		return err
	}
	text = append(append(wholeLines(text), line...), '\n')
	if len(text) > maxWaiting+2*maxLine {
		return ErrManyWaiting
	}
	return blob.WriteFile(files.path(waitingFile), text, blob.WriteOptions{Mode: 0o600})
}

// wholeLines cuts off a line that has no end.
func wholeLines(text []byte) []byte { return text[:bytes.LastIndexByte(text, '\n')+1] }

// restoreLine returns the act of the restore.
func (r *restoration) restoreLine() ([]byte, error) {
	h := r.contents.Header
	after, err := json.Marshal(map[string]any{"created": audit.Time(h.Created), "domain": h.Domain, "program": h.Program, "blobs": h.Blobs})
	if err != nil {
		return nil, err
	}
	who := HostActor()
	return json.Marshal(waiting{ID: rand.Text(), State: actDone, At: audit.Time(time.Now()), Who: who.Who, From: who.From, What: "restore",
		Subject: filepath.Base(r.file.Name()), After: after})
}

// former returns the folder with the former content of the data folder, or "".
func (r *restoration) former() Dir {
	// The pattern has no error.
	aside, _ := filepath.Glob(r.dir.path(backup.Aside + "*"))
	slices.Sort(aside)
	if len(aside) == 0 {
		return ""
	}
	return Dir(aside[len(aside)-1])
}
