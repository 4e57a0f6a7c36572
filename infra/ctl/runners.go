package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// runners prints the runners that were heard in the last month, by name.
func runners(ctx context.Context, op operator, args []string) error {
	f := op.flags("ctl runners")
	at := apiFlags(f)
	if err := parse(f, args); err != nil {
		return err
	}
	head := []string{"NAME", "STATE", "HEARD", "VERSION", "POOLS", "LANGUAGES", "CHECKERS", "LOST", "INFRA", "IN A ROW", "WHY"}
	return printPages[string](ctx, op, at, "/ops/runners", "runners", nil, head, func(r struct {
		Name, State string
		Present     bool
		LastHeard   float64
		Version     *string
		By, Why     *string
		Languages   []int
		Pools       []string
		Checkers    bool
		Health      struct{ BadEnds, LostLeases, InfraErrors int }
	},
	) []string {
		heard := "of late"
		if !r.Present {
			heard = moment(r.LastHeard)
		}
		why := orDash(r.Why)
		if r.By != nil {
			why = *r.By + ": " + why
		}
		languages := strings.Trim(strings.ReplaceAll(fmt.Sprint(r.Languages), " ", ","), "[]")
		return []string{
			r.Name, r.State, heard, orDash(r.Version), strings.Join(r.Pools, ","), languages, strconv.FormatBool(r.Checkers),
			strconv.Itoa(r.Health.LostLeases), strconv.Itoa(r.Health.InfraErrors), strconv.Itoa(r.Health.BadEnds), why,
		}
	})
}
