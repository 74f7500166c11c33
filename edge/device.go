package edge

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"net/http"
	"sync"

	"offlinestore/assertion"
)

// maxDevices bounds the devices that are noted until the next TakeDevices.
const maxDevices = 1 << 16

// DeviceID is the keyed digest of a device's identity, from which nobody learns its serial.
type DeviceID [sha256.Size]byte

// deviceMemory notes the devices that got a session.
type deviceMemory struct {
	mu  sync.Mutex
	ids map[DeviceID]bool
}

// TakeDevices returns the devices that got a session since the last call. Devices get one each day.
func (e *Edge) TakeDevices() []DeviceID {
	e.devices.mu.Lock()
	defer e.devices.mu.Unlock()
	ids := e.devices.ids
	e.devices.ids = nil
	list := make([]DeviceID, 0, len(ids))
	for id := range maps.Keys(ids) {
		list = append(list, id)
	}
	return list
}

func (m *deviceMemory) note(id DeviceID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ids == nil {
		m.ids = make(map[DeviceID]bool)
	}
	if len(m.ids) < maxDevices {
		m.ids[id] = true
	}
}

// session passes a device's request for a session. A device that upstream accepts is counted.
func (e *Edge) session(w http.ResponseWriter, r *http.Request) {
	st := e.state.Load()
	body, ok := readRequest(w, r)
	if !ok {
		return
	}
	setBody(r, body)
	change := func(resp *http.Response, answer []byte) ([]byte, error) {
		if id, ok := identify(body, st.Secret); ok && resp.StatusCode == http.StatusOK {
			e.devices.note(id)
		}
		return answer, nil
	}
	e.passJSON(w, r, &exchange{state: st, to: st.upstream, change: change})
}

// identify returns the identity of the device in a request for a session.
func identify(body []byte, secret string) (id DeviceID, ok bool) {
	var q struct {
		Serial string `json:"serial-assertion"`
	}
	if json.Unmarshal(body, &q) != nil || q.Serial == "" {
		return id, false
	}
	serial, err := assertion.Decode([]byte(q.Serial))
	if err != nil || serial.Type() != "serial" {
		return id, false
	}
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte("offlinestore edge device\x00" + serial.Ref().Key()))
	copy(id[:], h.Sum(nil))
	return id, true
}
