package dispatch

// Present is how many runners a Dispatcher remembers.
func Present(d *Dispatcher) int {
	d.fleet.mu.Lock()
	defer d.fleet.mu.Unlock()
	if len(d.fleet.byName) != d.fleet.recent.Len() {
		return -1
	}
	return d.fleet.recent.Len()
}
