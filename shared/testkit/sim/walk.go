package sim

import "slices"

// Explored is what an exploration found.
type Explored struct {
	Scope       string
	States      int
	Transitions int
	Ends        int      // different states at which what must come of them was checked
	Fault       string   // the promise that was broken; empty: none
	Trace       []string // the shortest way there
}

// Failed reports whether a promise was broken.
func (e Explored) Failed() bool { return e.Fault != "" }

// maze is what an exploration goes through: states S and the moves M between them.
type maze[S, M any] interface {
	first() *S
	key(s *S) digest
	movesFrom(s *S) []M
	// apply makes a move in a copy of a state, and describes it if it is told.
	apply(from *S, m M) (*S, string, *broken)
	// check tells what is broken in a state that is new.
	check(s *S) *broken
	// tell asks for descriptions.
	tell()
	close()
}

// path is a move that is still to be made. All moves from a state share it.
type path[S, M any] struct {
	from *S
	at   int
	move M
}

// walk goes through every state that can be reached.
//
// It goes depth first, since the states that are still to go on from are then few
// at any time: breadth first they are most of all, and gigabytes. When it meets a
// fault it starts again breadth first, since then the first fault has the
// shortest history.
func walk[S, M any](enter func() maze[S, M]) Explored {
	found := deep(enter())
	if !found.Failed() {
		return found
	}
	return walked(enter(), func(open []path[S, M]) (path[S, M], []path[S, M]) {
		first := open[0]
		open[0].from = nil
		return first, open[1:]
	})
}

// deep goes through every state depth first.
func deep[S, M any](x maze[S, M]) Explored {
	return walked(x, func(open []path[S, M]) (path[S, M], []path[S, M]) {
		last := len(open) - 1
		return open[last], open[:last]
	})
}

// walked makes moves in the order in which they are taken.
func walked[S, M any](x maze[S, M], take func(open []path[S, M]) (path[S, M], []path[S, M])) (report Explored) {
	defer x.close()
	seen := make(map[digest]struct{})
	var parents []int32
	var moves []M
	var open []path[S, M]
	add := func(s *S, parent int, m M) *broken {
		key := x.key(s)
		if _, known := seen[key]; known {
			return nil
		}
		seen[key] = struct{}{}
		at := len(parents)
		parents, moves = append(parents, int32(parent)), append(moves, m)
		for _, next := range x.movesFrom(s) {
			open = append(open, path[S, M]{s, at, next})
		}
		return x.check(s)
	}
	var none M
	_ = add(x.first(), -1, none) // nothing has happened yet that could break
	for len(open) > 0 {
		var p path[S, M]
		p, open = take(open)
		report.Transitions++
		next, _, b := x.apply(p.from, p.move)
		if b == nil {
			b = add(next, p.at, p.move)
		}
		if b != nil {
			x.tell()
			report.Fault = b.Error()
			report.Trace = append(history(x, parents, moves, p), "BROKEN "+b.Error())
			break
		}
	}
	report.States = len(seen)
	return report
}

// history describes the way to a state, and one move more.
func history[S, M any](x maze[S, M], parents []int32, moves []M, last path[S, M]) (lines []string) {
	var back []int
	for at := last.at; at > 0; at = int(parents[at]) {
		back = append(back, at)
	}
	slices.Reverse(back)
	s := x.first()
	for _, i := range back {
		next, what, _ := x.apply(s, moves[i])
		lines = append(lines, what)
		s = next
	}
	_, what, _ := x.apply(s, last.move)
	return append(lines, what)
}
