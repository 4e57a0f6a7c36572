package meter

import "runlease/shared/bill"

// Sum adds calls up.
func Sum(name string, apiCalls int, calls []Call) bill.Request {
	r := bill.Request{Name: name, APICalls: apiCalls, AWS: map[string]int{}}
	for _, c := range calls {
		r.AWS[c.Service+" "+c.Operation+" "+c.Resource] += c.Requests
		r.WriteUnits += c.WriteUnits
		r.ReadUnits += c.ReadUnits
	}
	return r
}
