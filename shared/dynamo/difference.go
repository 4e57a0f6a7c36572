package dynamo

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// change is an update of an item on a condition, in the form of DynamoDB's
// expressions. Every write of a job makes one, so it is made here and not by the
// SDK's builder, which takes several times as long. An attribute v is #v in
// them, since some names are reserved, and its value :v.
type change struct {
	set, remove []byte
	condition   string
	names       map[string]string
	values      map[string]types.AttributeValue
}

// changeIf begins a change of an item whose version, in the attribute of that
// name, must still be this; 0 if no item may have the key. The tables of jobs and
// of problems have a key of one name.
func changeIf(versionName string, version int64) *change {
	c := &change{names: make(map[string]string), values: make(map[string]types.AttributeValue)}
	if version == 0 {
		c.condition = "attribute_not_exists (" + c.name(JobsKey) + ")"
		return c
	}
	const was = ":was"
	c.condition = c.name(versionName) + " = " + was
	c.values[was] = numberValue(version)
	return c
}

// ifThere begins a change of an item that must exist, whatever is in it.
func ifThere() *change {
	c := changeIf(JobsKey, 0)
	c.condition = "attribute_exists (" + c.name(JobsKey) + ")"
	return c
}

// orAtMost lets the condition also hold where an attribute is no larger number.
func (c *change) orAtMost(name string, n int64) *change {
	const bound = ":bound"
	c.values[bound] = numberValue(n)
	c.condition += " OR " + c.name(name) + " <= " + bound
	return c
}

// given returns what the expressions' values are. It returns nil if they have
// none: DynamoDB refuses an empty map.
func (c *change) given() map[string]types.AttributeValue {
	if len(c.values) == 0 {
		return nil
	}
	return c.values
}

// name is what stands for an attribute.
func (c *change) name(name string) string {
	alias := "#" + name
	c.names[alias] = name
	return alias
}

// to adds the difference between two states of an item: SET what is new or
// different, REMOVE what is gone. Attributes that neither has are not touched.
func (c *change) to(before, after writer) *change {
	c.within("", "", before, after)
	return c
}

// within is to for an item, or for a map in it: path leads there in names, and
// values below it have the prefix. Attributes are paired by name. If only one of
// the states lists an attribute, it is new or gone.
func (c *change) within(path, prefix string, before, after writer) {
	for i := range before {
		if was := &before[i]; !was.empty() && after.named(i, was.name) == nil {
			c.remove = clause(c.remove, "REMOVE ", path, c.name(was.name))
		}
	}
	for i := range after {
		is := &after[i]
		was := before.named(i, is.name)
		if was == nil {
			was = &attribute{name: is.name, kind: is.kind}
		}
		switch {
		case is.same(was):
		case is.empty():
			c.remove = clause(c.remove, "REMOVE ", path, c.name(is.name))
		case is.kind == isMaps && len(was.maps) > 0 && c.inPlace(was.maps, is):
		default:
			c.assign(path, prefix, is.name, is.stored())
		}
	}
}

// assign sets what is at a path to a value.
func (c *change) assign(path, prefix, name string, v types.AttributeValue) {
	both := "#" + name + ":" + prefix + name // one string to allocate, for every attribute of every write
	at, value := both[:len("#")+len(name)], both[len("#")+len(name):]
	c.names[at], c.values[value] = name, v
	c.set = clause(c.set, "SET ", path, at, " = ", value)
}

// inPlace appends maps to a list, or changes some of them, so that the others
// stay as they are. It returns false if the list must be replaced: an update cannot
// change a list and append to it.
func (c *change) inPlace(was []writer, is *attribute) bool {
	added := len(is.maps) - len(was)
	if added < 0 {
		return false
	}
	changed := 0
	for i := range was {
		// The first attribute says which it is: the oldest may have been dropped.
		if !was[i][0].same(&is.maps[i][0]) {
			return false
		}
		if !was[i].same(is.maps[i]) {
			changed++
		}
	}
	list := c.name(is.name)
	switch {
	case changed > 0 && added > 0:
		return false
	case added > 0:
		value := ":" + is.name
		c.values[value] = mapsValue(is.maps[len(was):])
		c.set = clause(c.set, "SET ", list, " = list_append(", list, ", ", value, ")")
		return true
	}
	for i := range was {
		at := strconv.Itoa(i)
		c.within(list+"["+at+"].", is.name+at, was[i], is.maps[i])
	}
	return true
}

// clause adds a part, in pieces, to a clause of an update expression.
func clause(all []byte, verb string, pieces ...string) []byte {
	if all == nil {
		all = append(make([]byte, 0, 256), verb...)
	} else {
		all = append(all, ", "...)
	}
	for _, piece := range pieces {
		all = append(all, piece...)
	}
	return all
}

// update is the update expression.
func (c *change) update() *string {
	all := c.set
	if len(c.set) > 0 && len(c.remove) > 0 {
		all = append(all, '\n')
	}
	expression := string(append(all, c.remove...))
	return &expression
}
