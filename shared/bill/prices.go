package bill

import (
	"bytes"
	_ "embed" // prices.json
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Prices is a dated list.
type Prices struct {
	Region string           `json:"region"`
	Date   string           `json:"date"` // of the list that it was taken from
	Note   string           `json:"note"`
	Of     map[string]Price `json:"prices"`
}

// Price is the price of a number of units.
type Price struct {
	Dollars *float64 `json:"dollars"` // 0 costs nothing; nil is forgotten, which no list that was read has
	Per     float64  `json:"per"`
	Unit    string   `json:"unit"`
	Source  string   `json:"source"`
}

//go:embed prices.json
var listed []byte

// ListPrices is the list that the project comes with.
func ListPrices() (Prices, error) { return ReadPrices(listed) }

// ReadPrices reads another list, in the form of prices.json. It must price
// everything that is counted.
func ReadPrices(text []byte) (Prices, error) {
	var p Prices
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return Prices{}, fmt.Errorf("read prices: %w", err)
	}
	var missing []string
	for _, name := range counted {
		price := p.Of[name]
		if price.Dollars == nil {
			missing = append(missing, name)
			continue
		}
		if !(price.Per > 0) || !(*price.Dollars >= 0) || math.IsInf(*price.Dollars, 0) {
			return Prices{}, fmt.Errorf("read prices: %s: want dollars of 0 or more, per more than 0", name)
		}
	}
	if len(missing) > 0 {
		return Prices{}, fmt.Errorf("read prices: no price of %s", strings.Join(missing, ", "))
	}
	for name := range p.Of {
		if !slices.Contains(counted, name) {
			return Prices{}, fmt.Errorf("read prices: nothing counts %q", name)
		}
	}
	return p, nil
}

// dollars is the price of units.
func (p Prices) dollars(name string, units float64) float64 {
	return units / p.Of[name].Per * *p.Of[name].Dollars
}

// counted is everything that has a price, in the order of a bill.
var counted = []string{
	"api.http", "api.rest", "api.messages", "api.connections",
	"lambda.requests", "lambda.gb-seconds",
	"dynamodb.writes", "dynamodb.reads", "dynamodb.storage", "dynamodb.index",
	"sqs.requests",
	"s3.puts", "s3.gets", "s3.storage",
	"logs.ingest", "logs.storage",
	"data.out",
	"cloudwatch.alarms", "cloudwatch.metrics", "cloudwatch.dashboards",
	"eventbridge.schedule",
}
