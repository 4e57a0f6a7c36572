package job

import (
	"slices"
	"strings"

	"runlease/shared/ident"
)

// Pool is the name of a set of runners that jobs are bound to. The zero Pool is the
// default one: what was stored before there were others is in it.
type Pool string

// PoolOf returns the Pool of a name.
func PoolOf(name string) Pool {
	if name == ident.DefaultPool {
		return ""
	}
	return Pool(name)
}

// Name is what people and other programs call p.
func (p Pool) Name() string {
	if p == "" {
		return ident.DefaultPool
	}
	return string(p)
}

// Pools are the pools that a runner serves, the preferred one first. The zero Pools is
// the default pool alone.
type Pools struct{ names string }

// PoolsOf returns the Pools of names in their order; of a name that is there twice
// the first counts.
func PoolsOf(names ...string) Pools {
	var kept []string
	for _, name := range names {
		if !slices.Contains(kept, name) {
			kept = append(kept, name)
		}
	}
	if len(kept) == 1 && kept[0] == ident.DefaultPool {
		return Pools{}
	}
	return Pools{strings.Join(kept, ",")}
}

// Text is what a store keeps of p, which PoolsIn reads; "" of the zero Pools.
func (p Pools) Text() string { return p.names }

// PoolsIn returns the Pools of Text.
func PoolsIn(text string) Pools { return Pools{text} }

// Names lists the names in their order.
func (p Pools) Names() []string { return strings.Split(p.String(), ",") }

// String is the names in their order, with commas between.
func (p Pools) String() string {
	if p.names == "" {
		return ident.DefaultPool
	}
	return p.names
}

// List lists the pools in their order.
func (p Pools) List() []Pool {
	var list []Pool
	for _, name := range p.Names() {
		list = append(list, PoolOf(name))
	}
	return list
}

// Has reports whether a pool is among p.
func (p Pools) Has(pool Pool) bool {
	if p.names == "" {
		return pool == ""
	}
	return slices.Contains(p.List(), pool)
}
