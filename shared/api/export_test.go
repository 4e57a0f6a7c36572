package api

// CodeStatuses is the code table as the tests compare it.
func CodeStatuses() map[string]int {
	statuses := make(map[string]int, len(refusals))
	for code, r := range refusals {
		statuses[string(code)] = r.status
	}
	return statuses
}

// Callers is how many callers an API remembers.
func Callers(a *API) int {
	a.rates.mu.Lock()
	defer a.rates.mu.Unlock()
	return a.rates.callers.Len()
}
