package canned

import (
	"cmp"
	"maps"
	"math"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"runlease/shared/dynamo"
	"runlease/shared/testkit/meter"
	"runlease/shared/testkit/tables"
)

// Item is what a table keeps under a key.
type Item = map[string]types.AttributeValue

type table struct {
	schema  tables.Schema
	items   map[string]Item
	indexes map[string]map[string][]entry // by index and its hash key; each sorted
	// Items that are made when they are read, by key.
	lazy map[string]int
	at   func(i int) Item
}

// entry is an item's place in an index.
type entry struct{ sort, key string }

func (e entry) compare(other entry) int {
	return cmp.Or(cmp.Compare(e.sort, other.sort), cmp.Compare(e.key, other.key))
}

// AddTables makes the project's tables that have a name, empty.
func (b *Backend) AddTables(names dynamo.Tables) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, s := range tables.Schemas(names) {
		t := &table{schema: s, items: map[string]Item{}, indexes: map[string]map[string][]entry{}, lazy: map[string]int{}}
		for _, index := range s.Indexes {
			t.indexes[index.Name] = map[string][]entry{}
		}
		b.tables[name] = t
	}
}

// FillTable adds n items. Of each, only its place in the indexes is kept, which
// keys says; at makes it when it is read. Both must give the same for the same i.
func (b *Backend) FillTable(name string, n int, keys, at func(i int) Item) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.tables[name]
	t.at = at
	t.lazy = make(map[string]int, n)
	for i := range n {
		it := keys(i)
		key := t.key(it)
		t.lazy[key] = i
		for _, index := range t.schema.Indexes {
			if has(index, it) {
				t.insert(index, it, key)
			}
		}
	}
}

// Item is what a table holds under a hash key that is a string; nil: nothing.
func (b *Backend) Item(name, hash string) Item {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.tables[name]
	return t.get(t.key(Item{t.schema.Hash: &types.AttributeValueMemberS{Value: hash}}))
}

func text(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	}
	return ""
}

func (t *table) key(it Item) string {
	if t.schema.Range == "" {
		return text(it[t.schema.Hash])
	}
	return text(it[t.schema.Hash]) + "|" + text(it[t.schema.Range])
}

func (t *table) get(key string) Item {
	if it, found := t.items[key]; found {
		return it
	}
	if i, found := t.lazy[key]; found {
		return t.at(i)
	}
	return nil
}

// put stores an item in place of what is there, and returns the write units of
// the table and of its indexes.
func (t *table) put(key string, after Item) (own, indexes float64) {
	before := t.get(key)
	for _, index := range t.schema.Indexes {
		was, is := project(index, t.schema, before), project(index, t.schema, after)
		same := was != nil && is != nil &&
			reflect.DeepEqual(was[index.Hash], is[index.Hash]) && reflect.DeepEqual(was[index.Range], is[index.Range])
		indexes += meter.IndexUnits(size(was), size(is), same, !reflect.DeepEqual(was, is))
		if was != nil && !same {
			t.remove(index, before, key)
		}
		if is != nil && !same {
			t.insert(index, after, key)
		}
	}
	t.items[key] = after
	return meter.WriteUnits(size(before), size(after)), indexes
}

func size(it Item) int {
	if it == nil {
		return meter.Absent
	}
	return dynamo.ItemSize(it)
}

func has(x tables.Index, it Item) bool { return it[x.Hash] != nil && it[x.Range] != nil }

// project is an item's entry in an index, or nil if there is none.
func project(x tables.Index, s tables.Schema, it Item) Item {
	switch {
	case !has(x, it):
		return nil
	case x.Only == nil:
		return it
	}
	kept := Item{}
	for _, name := range append([]string{x.Hash, x.Range, s.Hash, s.Range}, x.Only...) {
		if v := it[name]; v != nil {
			kept[name] = v
		}
	}
	return kept
}

func (t *table) insert(x tables.Index, it Item, key string) {
	byHash := t.indexes[x.Name]
	list := byHash[text(it[x.Hash])]
	e := entry{sortable(it[x.Range]), key}
	i, _ := slices.BinarySearchFunc(list, e, entry.compare)
	byHash[text(it[x.Hash])] = slices.Insert(list, i, e)
}

func (t *table) remove(x tables.Index, it Item, key string) {
	byHash := t.indexes[x.Name]
	list := byHash[text(it[x.Hash])]
	if i, found := slices.BinarySearchFunc(list, entry{sortable(it[x.Range]), key}, entry.compare); found {
		byHash[text(it[x.Hash])] = slices.Delete(list, i, i+1)
	}
}

// sortable is text such that numbers that are not negative sort as numbers.
func sortable(v types.AttributeValue) string {
	if n, is := v.(*types.AttributeValueMemberN); is {
		return "00000000000000000000"[min(len(n.Value), 20):] + n.Value
	}
	return text(v)
}

// rows are the items of the table itself with a hash key, sorted.
func (t *table) rows(hash string) (rows []entry) {
	for key, it := range t.items {
		if it != nil && text(it[t.schema.Hash]) == hash {
			rows = append(rows, entry{sortable(it[t.schema.Range]), key})
		}
	}
	slices.SortFunc(rows, entry.compare)
	return rows
}

// span is the sort keys from one on and below another.
type span struct {
	from, below string
	open        bool // below does not matter
}

// spanOf is what the operator of a key condition takes.
func spanOf(operator, sort, other string) span {
	const next = "\x00" // nothing is between a key and the same with this behind it
	switch operator {
	case "=":
		return span{sort, sort + next, false}
	case ">":
		return span{sort + next, "", true}
	case "<":
		return span{"", sort, false}
	case "BETWEEN":
		return span{sort, other + next, false}
	}
	return span{open: true}
}

// query lists up to limit items of an index, or of the table, with a hash key and a sort
// key within a span, and reports whether there are more.
func (t *table) query(x tables.Index, hash string, within span, backwards bool, limit int) (found []Item, more bool) {
	list := t.indexes[x.Name][hash]
	if x.Name == "" {
		list = t.rows(hash)
	}
	if limit == 0 { // DynamoDB's own is 1 MB, which nothing here gets to
		limit = math.MaxInt
	}
	at := func(sort string) int {
		i, _ := slices.BinarySearchFunc(list, sort, func(e entry, sort string) int { return cmp.Compare(e.sort, sort) })
		return i
	}
	if !within.open {
		list = list[:at(within.below)]
	}
	list = list[min(at(within.from), len(list)):]
	for i := range min(limit, len(list)) {
		if backwards {
			i = len(list) - 1 - i
		}
		found = append(found, project(x, t.schema, t.get(list[i].key)))
	}
	// DynamoDB stops at the limit and does not look whether anything follows.
	return found, len(found) == limit
}

func clone(it Item) Item {
	if it == nil {
		return Item{}
	}
	it = maps.Clone(it)
	for name, v := range it {
		if m, isMap := v.(*types.AttributeValueMemberM); isMap { // whose attributes an update may change
			it[name] = &types.AttributeValueMemberM{Value: maps.Clone(m.Value)}
		}
	}
	return it
}
