package transfer

import "time"

// lingerTime is the time for which the connection of a refused request stays. A client that comes back at once would cost as much as before.
const lingerTime = 5 * time.Second

// linger keeps a connection whose request was refused, or was no HTTP. The client sees that it has ended. It counts among the client's
// connections until its place is needed, or its time is over. The connections of a balancer do not linger, since others use them.
func (c *conn) linger() {
	from := c.state.Load()
	isBad := c.isRefused.Load() || from == reading
	if !isBad || c.turn == nil || c.isBroken.Load() || c.CloseWrite() != nil || !c.change(from, lingering) {
		return
	}
	select {
	case <-c.gone:
	case <-c.l.closed:
	case <-time.After(lingerTime):
	}
}
