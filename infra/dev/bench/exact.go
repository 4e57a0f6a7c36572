package main

import (
	"context"

	"runlease/shared/testkit/figure"
	"runlease/shared/testkit/fleet"
	"runlease/shared/testkit/measure"
)

// exact is what is the same on every machine. The tests hold the same figures
// to their budgets.
func exact() []part {
	return []part{
		{"what a job costs", measured(measure.JobFigures)},
		{"what a million jobs cost", measured(measure.DollarFigures)},
		{"what a ring costs", measured(measure.RingFigures)},
		{"what a look costs, by backlog", measured(measure.ShapeFigures)},
		{"how the index is spread", func(context.Context) ([]figure.Figure, error) { return measure.ShareFigures(), nil }},
		{"races", func(context.Context) ([]figure.Figure, error) { return fleet.RaceFigures() }},
		{"fairness", func(context.Context) ([]figure.Figure, error) { return fleet.FairnessFigures() }},
		{"rings on virtual time", func(context.Context) ([]figure.Figure, error) { return fleet.WaitFigures() }},
		{"rings and messages that are lost", func(context.Context) ([]figure.Figure, error) { return fleet.LossFigures() }},
		{"languages", func(context.Context) ([]figure.Figure, error) { return fleet.LanguageFigures() }},
		{"a fleet that comes and goes", func(context.Context) ([]figure.Figure, error) { return fleet.ScaleFigures() }},
		{"allocations of handlers", measured(func(t measure.T) []figure.Figure { return measure.AllocationFigures(t, measure.Handlers(t)) })},
		{"memory of a waiting job", measured(measure.HeapFigures)},
	}
}

func measured(figures func(measure.T) []figure.Figure) func(context.Context) ([]figure.Figure, error) {
	return func(ctx context.Context) (found []figure.Figure, err error) {
		err = measure.Outside(ctx, func(t measure.T) { found = figures(t) })
		return found, err
	}
}
