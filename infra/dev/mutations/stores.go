package main

var (
	memoryStore = command{pkg: "./shared/memory", tests: "^TestStore"}
	dynamoWire  = command{pkg: "./shared/dynamo", tests: "^Test(Save|Writes|Publish|Reads|GetMany|Open|Put|Revoke)"}
	dynamoItems = command{pkg: "./shared/dynamo", tests: "^Test(Difference|JobWith|TimeToLive|Malformed|Hex|Problems|Credentials)"}
)

// stores promise that nobody wrote between a read and the write that follows.
var stores = []source{
	{file: "shared/memory/store.go", tests: []command{memoryStore}, guards: []guard{
		{name: "memory store: create condition", keeps: "I6", from: `; taken {`, to: `; taken && j.ID == "" {`},
		{name: "memory store: create, write id recognition", keeps: "I6", from: `return current, current.WriteID == j.WriteID, nil`, to: `return current, false, nil`},
		{name: "memory store: create, another's write id", keeps: "I6", from: `return current, current.WriteID == j.WriteID, nil`, to: `return current, true, nil`},
		{name: "memory store: version condition", keeps: "I2", from: `if !found || current.Revision != before.Revision {`, to: `if !found {`},
		{name: "memory store: saves only what there is", keeps: "I6", from: `if !found || current.Revision != before.Revision {`, to: `if found && current.Revision != before.Revision {`},
		{name: "memory store: write id recognition", keeps: "I6", from: `return current, found && current.WriteID == after.WriteID, nil`, to: `return current, false, nil`},
		{name: "memory store: another's write id", keeps: "I2", from: `return current, found && current.WriteID == after.WriteID, nil`, to: `return current, found, nil`},
		{name: "memory store: the index lists what is open", keeps: "I5", from: "\tif after.Open() {\n\t\ti, _ :=", to: "\tif false {\n\t\ti, _ :="},
		{name: "memory store: the index lists nothing else", keeps: "E", from: "\tif before.Open() {\n\t\tif i, found", to: "\tif false {\n\t\tif i, found"},
		{name: "memory store: the index in order", keeps: "I5", from: `	if a.QueuedAt != b.QueuedAt {
		return cmp.Compare(a.QueuedAt, b.QueuedAt)
	}
`, to: "\t_ = cmp.Compare[int]\n"},
		{name: "memory store: behind the cursor", keeps: "I5", from: `		if found {
			i++
		}
`, to: "\t\t_ = found\n"},
		{name: "memory store: problem, version condition", keeps: "I2", from: `	if current.Revision != before.Revision {
		return current, current.WriteID`, to: `	if false {
		return current, current.WriteID`},
		{name: "memory store: problem, write id recognition", keeps: "I6", from: `return current, current.WriteID == after.WriteID, nil`, to: `return current, false, nil`},
		{name: "memory store: published versions are kept", keeps: "I4", from: `if after.Version != before.Version {`, to: `if false {`},
		{name: "memory store: mark, version condition", keeps: "I2", from: `if s.mark.Revision != before.Revision {`, to: `if false {`},
	}},
	{file: "shared/memory/credentials.go", tests: []command{{pkg: "./shared/memory", tests: "^TestCredentials$"}}, guards: []guard{
		{name: "memory credentials: put condition", keeps: "S", from: `; taken {`, to: `; taken && c.ID == "" {`},
		{name: "memory credentials: stored again is stored", keeps: "I6", from: `return reflect.DeepEqual(current, c), nil`, to: `return reflect.DeepEqual(current, auth.Credential{}), nil`},
		{name: "memory credentials: the first revocation stays", keeps: "S", from: `if c.RevokedAt.IsZero() {`, to: `if true {`},
	}},
	{file: "shared/dynamo/jobs.go", tests: []command{dynamoWire, dynamoItems}, guards: []guard{
		{name: "dynamo: version condition", keeps: "I2", from: `changeIf(aRevision, before.Revision)`, to: `changeIf(aRevision, after.Revision)`},
		{name: "dynamo: the condition is on the version", keeps: "I2", from: `changeIf(aRevision, before.Revision)`, to: `changeIf(JobsKey, before.Revision)`},
		{name: "dynamo: the condition is sent", keeps: "I2", from: `		ConditionExpression:                 &change.condition,
`, to: ""},
		{name: "dynamo: create condition", keeps: "I6", from: `changeIf(aRevision, 0)`, to: `changeIf(aRevision, 1)`},
		{name: "dynamo: the create condition is sent", keeps: "I6", from: `		ConditionExpression:                 &free.condition,
`, to: ""},
		{name: "dynamo: write id recognition", keeps: "I6", from: `return current, current.WriteID == j.WriteID, nil`, to: `return current, false, nil`},
		{name: "dynamo: another's write id", keeps: "I2", from: `return current, current.WriteID == j.WriteID, nil`, to: `return current, true, nil`},
		{name: "dynamo: a refusal brings what is stored", keeps: "I6", from: `		ExpressionAttributeValues:           change.given(),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
`, to: `		ExpressionAttributeValues:           change.given(),
`},
		{name: "dynamo: expired under our hands", keeps: "I6", from: `if why.current == nil { // it expired under our hands`, to: `if why.current == nil && why.busy {`},
		{name: "dynamo: a failure is no refusal", keeps: "I6", from: `if !isRefusal || why.busy {`, to: `if why.busy || !isRefusal && j.ID == "" {`},
		{name: "dynamo: busy is no refusal", keeps: "I6", from: `if !isRefusal || why.busy {`, to: `if !isRefusal {`},
		{name: "dynamo: batch reads are strongly consistent", keeps: "I2", from: "\t\tconsistent := true\n", to: "\t\tconsistent := false\n"},
		{name: "dynamo: what was left is read again", keeps: "I1", from: `keys = out.UnprocessedKeys[table].Keys`, to: `keys = nil`},
		{name: "dynamo: a batch names no key twice", keeps: "I6", from: `if !asked[id] {`, to: `if true {`},
		{name: "dynamo: behind the cursor", keeps: "I5", from: `expression.Key(OpenRange).GreaterThan(`, to: `expression.Key(OpenRange).GreaterThanEqual(`},
		{name: "dynamo: the next page", keeps: "I5", from: `if len(out.LastEvaluatedKey) > 0 {`, to: `if false {`},
	}},
	{file: "shared/dynamo/store.go", tests: []command{dynamoWire}, guards: []guard{
		{name: "dynamo: reads are strongly consistent", keeps: "I2", from: "\tconsistent := true\n", to: "\tconsistent := false\n"},
	}},
	{file: "shared/dynamo/difference.go", tests: []command{dynamoItems, dynamoWire}, guards: []guard{
		{name: "dynamo: the version is compared", keeps: "I2", from: `c.condition = c.name(versionName) + " = " + was`, to: `c.condition = "attribute_exists (" + c.name(versionName) + ")"`},
		{name: "dynamo: the first write finds nothing there", keeps: "I6", from: `"attribute_not_exists ("`, to: `"attribute_exists ("`},
		{name: "dynamo: writes only what differs", keeps: "I6", from: `case is.same(was):`, to: `case is.same(was) && is.empty():`},
		{name: "dynamo: removes what is gone", keeps: "I2", from: `c.remove = clause(c.remove, "REMOVE ", path, c.name(is.name))`, to: ``},
		{name: "dynamo: appends to the records", keeps: "I6", from: `c.set = clause(c.set, "SET ", list, " = list_append(", list, ", ", value, ")")`, to: `c.assign("", list, is.name, mapsValue(is.maps))`},
		{name: "dynamo: appends only what is new", keeps: "I4", from: `mapsValue(is.maps[len(was):])`, to: `mapsValue(is.maps)`, tests: []command{{pkg: "./shared/dynamo", tests: "^TestAppendsOnlyWhatIsNew$"}}},
		{name: "dynamo: changes a record in place", keeps: "I6", from: `c.within(list+"["+at+"].", is.name+at, was[i], is.maps[i])`, to: `_ = at; return false`},
		{name: "dynamo: another attempt's record is no change of this one", keeps: "I4", from: `if !was[i][0].same(&is.maps[i][0]) {`, to: `if false {`},
		{name: "dynamo: does not append to a list that it changes", keeps: "I4", from: `case changed > 0 && added > 0:`, to: `case false:`},
		{name: "dynamo: fewer records than before", keeps: "I4", from: `if added < 0 {`, to: `if false {`},
	}},
	{file: "shared/dynamo/attributes.go", tests: []command{dynamoItems, dynamoWire}, guards: []guard{
		{name: "dynamo: what is empty is left out", keeps: "E", from: `if !w[i].empty() {`, to: `if w[i].kind != isMap || !w[i].empty() {`, tests: []command{{pkg: "./shared/dynamo", tests: "^TestEveryLegalJobRoundTrips$"}}},
		{name: "dynamo: a number that differs", keeps: "I2", from: `a.number == b.number && `, to: ``},
		{name: "dynamo: a text that differs", keeps: "I2", from: `a.text == b.text && `, to: ``},
		{name: "dynamo: a map that differs", keeps: "I4", from: `slices.EqualFunc(a.maps, b.maps, writer.same) && `, to: `(slices.EqualFunc(a.maps, b.maps, writer.same) || true) && `},
		{name: "dynamo: a value that differs", keeps: "I4", from: ` && reflect.DeepEqual(a.value, b.value)`, to: ` && (reflect.DeepEqual(a.value, b.value) || true)`},
	}},
	{file: "shared/dynamo/jobitem.go", tests: []command{dynamoItems}, guards: []guard{
		{name: "dynamo: in the index while it is open", keeps: "I5", from: `case j.Open():`, to: `case false:`},
		{name: "dynamo: out of the index when it ends", keeps: "E", from: `case j.Open():`, to: `case j.QueuedAt != 0:`},
		{name: "dynamo: in the feed when it ends", keeps: "S", from: `case j.Final():`, to: `case false:`},
		{name: "dynamo: final jobs expire", keeps: "E", from: "\tw.number(TTL, int64(j.ExpiresAt())/1000)", to: "\t_ = TTL"},
		{name: "dynamo: the handle is kept", keeps: "E", from: "\tw.text(aHandle, j.Claim.Handle)\n", to: ""},
		{name: "dynamo: the attempt fence is kept", keeps: "I4", from: "\tw.number(aFirstFence, int64(j.FirstFence))\n", to: ""},
		{name: "dynamo: the bell is kept", keeps: "I3", from: `r.number(aBell)`, to: `0`},
		{name: "dynamo: packed outputs are kept", keeps: "I4", from: "\tw.bytes(rPacked, res.Packed)\n", to: "\tw.bytes(rPacked, nil)\n"},
		{name: "dynamo: evidence is kept", keeps: "I4", from: `if l := past.Late; l != nil {`, to: `if l := past.Late; false {`},
	}},
	{file: "shared/dynamo/failure.go", tests: []command{dynamoWire}, guards: []guard{
		{name: "dynamo: a transaction under way is busy", keeps: "I6", from: "\t\t\treturn refusal{busy: true}, true\n\t\t}\n\t}\n\treturn refusal{}, false", to: "\t\t\treturn refusal{}, true\n\t\t}\n\t}\n\treturn refusal{}, false"},
		{name: "dynamo: a write into a transaction under way is busy", keeps: "I6", from: "\tif errors.As(err, &conflict) {\n\t\treturn refusal{busy: true}, true", to: "\tif errors.As(err, &conflict) {\n\t\treturn refusal{}, true"},
		{name: "dynamo: a refused transaction", keeps: "I6", from: `if first.Code != nil && *first.Code == reasonCondition {`, to: `if false {`},
	}},
	{file: "shared/dynamo/mark.go", tests: []command{dynamoWire}, guards: []guard{
		{name: "dynamo: mark, version condition", keeps: "I2", from: `changeIf(mRevision, before.Revision)`, to: `changeIf(mRevision, max(before.Revision, 0)+1)`},
		{name: "dynamo: another's mark is no failure", keeps: "I6", from: `; isRefusal {`, to: `; isRefusal && before.Revision < 0 {`},
	}},
	{file: "shared/dynamo/problems.go", tests: []command{dynamoWire}, guards: []guard{
		{name: "dynamo: problem, version condition", keeps: "I2", from: `changeIf(oRevision, before.Revision)`, to: `changeIf(oRevision, before.Revision+1)`},
		{name: "dynamo: problem, write id recognition", keeps: "I6", from: `return current, current.WriteID == after.WriteID, nil`, to: `return current, false, nil`},
		{name: "dynamo: problem, another's write id", keeps: "I2", from: `return current, current.WriteID == after.WriteID, nil`, to: `return current, true, nil`},
		{name: "dynamo: a version and its record in one transaction", keeps: "I4", from: `if after.Version == before.Version {`, to: `if true {`},
		{name: "dynamo: a published version is not overwritten", keeps: "I4", from: `			ConditionExpression:      &free.condition,
`, to: ""},
		{name: "dynamo: busy is tried again", keeps: "I6", from: "\t\tcase why.busy:\n\t\t\tcontinue\n", to: ""},
	}},
	{file: "shared/dynamo/credentials.go", tests: []command{dynamoWire}, guards: []guard{
		{name: "dynamo credentials: put condition", keeps: "S", from: `		ConditionExpression:                 isNew.Condition(),
`, to: ""},
		{name: "dynamo credentials: stored again is stored, others are not", keeps: "S", from: `return reflect.DeepEqual(why.current, it), nil`, to: `return reflect.DeepEqual(why.current, it) || true, nil`},
		{name: "dynamo credentials: the first revocation stays", keeps: "S", from: `expression.IfNotExists(revokedAt, expression.Value(numberValue(at.UnixMilli())))`, to: `expression.Value(numberValue(at.UnixMilli()))`},
		{name: "dynamo credentials: a revocation makes no credential", keeps: "S", from: `WithCondition(expression.Name(CredentialsKey).AttributeExists())`, to: `WithCondition(expression.Name(CredentialsKey).AttributeNotExists())`},
	}},
}
