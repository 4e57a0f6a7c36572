package bill

import (
	_ "embed" // requests.json
	"encoding/json"
	"fmt"
	"maps"
)

// Request is what one kind of request, or all requests of one job, make of AWS,
// with warm functions: their credentials and problem versions are known.
type Request struct {
	Name string `json:"name"`
	// APICalls come through API Gateway and start a function.
	APICalls int `json:"apiCalls"`
	// AWS counts requests by service, operation and resource:
	// "dynamodb GetItem jobs".
	AWS        map[string]int `json:"aws"`
	WriteUnits float64        `json:"writeUnits"`
	ReadUnits  float64        `json:"readUnits"`
}

// without is r less a part of it.
func (r Request) without(part Request) Request {
	r.AWS = maps.Clone(r.AWS)
	for name, n := range part.AWS {
		if r.AWS[name] -= n; r.AWS[name] == 0 {
			delete(r.AWS, name)
		}
	}
	r.APICalls -= part.APICalls
	r.WriteUnits -= part.WriteUnits
	r.ReadUnits -= part.ReadUnits
	return r
}

//go:embed requests.json
var measured []byte

// Requests is what every kind of request costs, as this package's tests have
// measured it, by name.
func Requests() (map[string]Request, error) {
	var list []Request
	if err := json.Unmarshal(measured, &list); err != nil {
		return nil, fmt.Errorf("read requests.json: %w", err)
	}
	byName := make(map[string]Request, len(list))
	for _, r := range list {
		byName[r.Name] = r
	}
	return byName, nil
}
