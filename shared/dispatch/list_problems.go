package dispatch

import "context"

// ListProblems lists up to limit problems by id, those with an id above after,
// and reports whether there are more.
func (d *Dispatcher) ListProblems(ctx context.Context, after, limit int) (page []ListedProblem, more bool, err error) {
	page, err = d.Store.Problems(ctx, after, limit+1)
	page, more = cut(page, limit)
	return page, more, err
}

// ListVersions lists up to limit versions of a problem by number, those with a
// number above after, and reports whether there are more. Refused with
// ProblemNotFound.
func (d *Dispatcher) ListVersions(ctx context.Context, id, after, limit int) (page []PublishedVersion, more bool, answer Answer, err error) {
	page, err = d.Store.ProblemVersions(ctx, id, after, limit+1)
	if err != nil {
		return nil, false, Answer{}, err
	}
	if len(page) == 0 {
		_, answer, err = d.Problem(ctx, id)
		return nil, false, answer, err
	}
	page, more = cut(page, limit)
	return page, more, granted, nil
}

// cut takes what is above a limit off a page, and reports whether there was any.
func cut[T any](page []T, limit int) ([]T, bool) {
	return page[:min(limit, len(page))], len(page) > limit
}
