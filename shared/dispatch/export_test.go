package dispatch

// Present is how many runners a Dispatcher remembers.
func Present(d *Dispatcher) int {
	d.presence.mu.Lock()
	defer d.presence.mu.Unlock()
	if len(d.presence.byName) != d.presence.recent.Len() {
		return -1
	}
	return d.presence.recent.Len()
}
