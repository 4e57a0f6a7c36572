package main

var (
	memoryStore = command{pkg: "./shared/memory", tests: "^TestStore"}
	dynamoWire  = command{pkg: "./shared/dynamo", tests: "^Test(Save|Writes|Publish|Reads|GetMany|Open|Put|Revoke)"}
	dynamoItems = command{pkg: "./shared/dynamo", tests: "^Test(Difference|JobWith|TimeToLive|Malformed|Hex|Problems|Credentials)"}
)

// stores promise that no other write came between a read and the write that follows.
var stores = []source{
	{file: "shared/memory/roster.go", tests: []command{memoryStore}, guards: []guard{
		{name: "memory roster: version condition", keeps: "I2", from: `if current.Revision != before.Revision {`, to: `if false {`},
		{name: "memory roster: write id recognition", keeps: "I6", from: "after)\n\treturn current, saved || current.WriteID == after.WriteID,", to: "after)\n\treturn current, saved,"},
		{name: "memory audit: no entry of what is not done", keeps: "S", from: "if saved {\n\t\ts.note(e)", to: "if true {\n\t\ts.note(e)"},
	}},
	{file: "shared/dynamo/acts.go", tests: []command{{pkg: "./shared/dynamo", tests: "^TestRosterConforms$"}}, guards: []guard{
		{name: "dynamo act: version condition", keeps: "I2", from: `changeIf(fRevision, before.Revision)`, to: `ifThere()`},
		{name: "dynamo act: with its entry", keeps: "S", from: `entryItem(*e`, to: `entryItem(roster.Entry{WriteID: e.WriteID}`},
		{name: "dynamo audit: newest first", keeps: "E", from: `, backwards: true}`, to: `}`},
	}},
	{file: "shared/memory/roster.go", tests: []command{memoryStore}, guards: []guard{
		{name: "memory audit: a pause with its entry", keeps: "S", from: "p\n\ts.note(e)", to: `p`},
		{name: "memory audit: a resume with its entry", keeps: "S", from: "p.Target)\n\ts.note(e)", to: `p.Target)`},
		{name: "memory act: of a pause, only as it was read", keeps: "I2", from: `!= p.WriteID`, to: `== ""`},
		{name: "memory act: a pause stays as it is", keeps: "I6", from: `; paused {`, to: `; paused && current.By == "" {`},
	}},
	{file: "shared/dynamo/acts.go", tests: []command{{pkg: "./shared/dynamo", tests: "^TestRosterConforms$"}}, guards: []guard{
		{name: "dynamo act: a pause stays as it is", keeps: "I6", from: "ConditionExpression:                 &free.condition,\n", to: "\n"},
		{name: "dynamo act: of a pause, only as it was read", keeps: "I2", from: `" = " + value`, to: `" = " + name + " OR " + name + " = " + value`},
	}},
	{file: "shared/memory/rejudges.go", tests: []command{memoryStore}, guards: []guard{
		{name: "memory rejudge: version condition", keeps: "I2", from: `if current.Revision != before.Revision {`, to: `if false {`},
		{name: "memory audit: a rejudge with its entry", keeps: "S", from: "if e != nil {", to: "if false {"},
		{name: "memory rejudge: one of a problem", keeps: "E", from: `any && before.Revision == 0`, to: `any && before.Revision < 0`},
	}},
	{file: "shared/durable/rejudges.go", tests: []command{{pkg: "./shared/durable", tests: "^TestStore$"}}, guards: []guard{
		{name: "durable rejudge: version condition", keeps: "I2", from: `if current.Revision != before.Revision {`, to: `if false {`},
		{name: "durable rejudge: one of a problem", keeps: "E", from: `before.Revision == 0 && running != nil {`, to: `false {`},
		{name: "durable rejudge: an ended one is in no way", keeps: "E", from: `case before.Running() && !after.Running():`, to: `case false:`},
	}},
	{file: "shared/dynamo/rejudges.go", tests: []command{{pkg: "./shared/dynamo", tests: "^TestRosterConforms$"}}, guards: []guard{
		{name: "dynamo rejudge: version condition", keeps: "I2", from: `changeIf(mmRevision, before.Revision)`, to: `ifThere()`},
		{name: "dynamo rejudge: write id recognition", keeps: "I6", from: `err == nil && current.WriteID == after.WriteID, err`, to: `false, err`},
		{name: "dynamo rejudge: one of a problem", keeps: "E", from: `mmRevision, 0)`, to: "mmRevision, 0)\n\tfree.condition += \" OR attribute_exists (\" + free.name(JobsKey) + \")\""},
		{name: "dynamo rejudge: an ended one is in no way", keeps: "E", from: `before.Running() && !after.Running(); {`, to: `false; {`},
	}},
	{file: "shared/dynamo/final.go", tests: []command{{pkg: "./shared/dynamo", tests: "^TestFinalConforms$"}}, guards: []guard{
		{name: "final: of its problem, the disputed ones too", keeps: "E", from: `which[:]...)`, to: `which[:finalShards]...)`},
		{name: "final: newest first", keeps: "E", from: `maxPage)), false`, to: `maxPage)), true`},
	}},
	{file: "shared/durable/final.go", tests: []command{{pkg: "./shared/durable", tests: "^TestStore$/^final"}}, guards: []guard{
		{name: "final: of equal times the higher id first", keeps: "E", from: `name = append(name, ^c)`, to: `name = append(name, c)`},
		{name: "final: of its problem alone", keeps: "E", from: `name, prefix`, to: `name, ""`},
	}},
	{file: "shared/dynamo/roster.go", tests: []command{{pkg: "./shared/dynamo", tests: "^TestRosterConforms$"}}, guards: []guard{
		{name: "dynamo roster: a record that an act has is written again", keeps: "E", from: `return whileBusy(ctx, attempted, func() error {`, to: "busy := true\n\treturn whileBusy(ctx, attempted, func() error {\n\t\tif busy = !busy; busy {\n\t\t\treturn errBusy\n\t\t}", tests: []command{{pkg: "./shared/dynamo", tests: "^TestRecordsOfTheFleet"}}},
		{name: "dynamo roster: version condition", keeps: "I2", from: `changeIf(fRevision, before.Revision)`, to: `ifThere()`},
		{name: "dynamo roster: write id recognition", keeps: "I6", from: `err == nil && current.WriteID == after.WriteID, err`, to: `false, err`},
	}},
	{file: "shared/durable/roster.go", tests: []command{{pkg: "./shared/durable", tests: "^TestStore$"}}, guards: []guard{
		{name: "durable roster: version condition", keeps: "I2", from: `if current.Revision != before.Revision {`, to: `if false {`},
		{name: "durable audit: an act with its entry", keeps: "S", from: "func(b *batch) { b.put(audit, e.Key(), encode(entryFields, &e)) })", to: "func(*batch) { _ = e })"},
		{name: "durable audit: a pause with its entry", keeps: "S", from: "encode(pauseFields, &p))\n\t\tb.put(audit, e.Key(), encode(entryFields, &e))\n", to: "encode(pauseFields, &p))\n"},
		{name: "durable audit: a resume with its entry", keeps: "S", from: "b.put(paused, p.Target, nil)\n\t\t\tb.put(audit, e.Key(), encode(entryFields, &e))\n", to: "b.put(paused, p.Target, nil)\n"},
		{name: "durable act: of a pause, only as it was read", keeps: "I2", from: `&& current.WriteID == p.WriteID`, to: `&& current.WriteID != ""`},
		{name: "durable act: a pause stays as it is", keeps: "I6", from: `row != nil {`, to: `row != nil && p.By == "" {`},
		{name: "durable roster: write id recognition", keeps: "I6", from: `saved = current.WriteID == after.WriteID`, to: `saved = false`},
	}},
	{file: "shared/memory/store.go", tests: []command{memoryStore}, guards: []guard{
		{name: "memory store: create condition", keeps: "I6", from: `; taken {`, to: `; taken && j.ID == "" {`},
		{name: "memory store: create, write id recognition", keeps: "I6", from: `current.WriteID == j.WriteID,`, to: `false,`},
		{name: "memory store: create, another's write id", keeps: "I6", from: `current.WriteID == j.WriteID,`, to: `true,`},
		{name: "memory store: version condition", keeps: "I2", from: `if !found || current.Revision != before.Revision {`, to: `if !found {`},
		{name: "memory store: saves only what there is", keeps: "I6", from: `if !found || current.Revision != before.Revision {`, to: `if found && current.Revision != before.Revision {`},
		{name: "memory store: write id recognition", keeps: "I6", from: `found && current.WriteID == after.WriteID,`, to: `false,`},
		{name: "memory store: another's write id", keeps: "I2", from: `found && current.WriteID == after.WriteID,`, to: `found,`},
		{name: "memory store: the index in order", keeps: "I5", from: `	if a.QueuedAt != b.QueuedAt {
		return cmp.Compare(a.QueuedAt, b.QueuedAt)
	}
`, to: "\t_ = cmp.Compare[int]\n"},
		{name: "memory store: problem, version condition", keeps: "I2", from: `if current.Revision != before.Revision`, to: `if false`},
		{name: "memory store: problem, write id recognition", keeps: "I6", from: `return current, current.WriteID == after.WriteID, nil`, to: `return current, false, nil`},
		{name: "memory store: published versions are kept", keeps: "I4", from: `if after.Version != before.Version {`, to: `if false {`},
		{name: "memory store: mark, version condition", keeps: "I2", from: `if s.mark.Revision != before.Revision {`, to: `if false {`},
	}},
	{file: "shared/memory/index.go", tests: []command{memoryStore}, guards: []guard{
		{name: "memory index: it lists what is there", keeps: "I5", from: "\tif has {\n", to: "\tif false {\n"},
		{name: "memory index: it lists nothing else", keeps: "E", from: "\tif had {\n", to: "\tif false {\n"},
		{name: "memory index: behind the cursor", keeps: "I5", from: `x.order(entry, *after) == 0 || take(entry)`, to: `take(entry)`},
		{name: "memory index: before the cursor", keeps: "E", from: `x.order(entry, *end) == 0 || take(entry)`, to: `take(entry)`},
	}},
	{file: "shared/memory/credentials.go", tests: []command{{pkg: "./shared/memory", tests: "^TestCredentials$"}}, guards: []guard{
		{name: "memory credentials: put condition", keeps: "S", from: `; taken {`, to: `; taken && c.ID == "" {`},
		{name: "memory credentials: stored again is stored", keeps: "I6", from: `current, c),`, to: `current, auth.Credential{}),`},
		{name: "memory credentials: the first revocation stays", keeps: "S", from: `found && c.RevokedAt.IsZero()`, to: `found`},
	}},
	{file: "shared/dynamo/jobs.go", tests: []command{dynamoWire, dynamoItems}, guards: []guard{
		{name: "dynamo: version condition", keeps: "I2", from: `before.Revision`, to: `after.Revision`},
		{name: "dynamo: the condition is on the version", keeps: "I2", from: `changeIf(aRevision, before.Revision)`, to: `changeIf(JobsKey, before.Revision)`},
		{name: "dynamo: the condition is sent", keeps: "I2", from: `		ConditionExpression:                 &change.condition,
`, to: ""},
		{name: "dynamo: create condition", keeps: "I6", from: `changeIf(aRevision, 0)`, to: `changeIf(aRevision, 1)`},
		{name: "dynamo: the create condition is sent", keeps: "I6", from: `		ConditionExpression:                 &free.condition,
`, to: ""},
		{name: "dynamo: write id recognition", keeps: "I6", from: `current.WriteID == j.WriteID,`, to: `false,`},
		{name: "dynamo: another's write id", keeps: "I2", from: `current.WriteID == j.WriteID,`, to: `true,`},
		{name: "dynamo: a refusal brings what is stored", keeps: "I6", from: `		ExpressionAttributeValues:           change.given(),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
`, to: `		ExpressionAttributeValues:           change.given(),
`},
		{name: "dynamo: expired under our hands", keeps: "I6", from: `{ // it expired under our hands`, to: `&& why.busy {`},
		{name: "dynamo: a failure is no refusal", keeps: "I6", from: `if !isRefusal || why.busy {`, to: `if why.busy || !isRefusal && j.ID == "" {`},
		{name: "dynamo: busy is no refusal", keeps: "I6", from: `|| why.busy `, to: ``},
		{name: "dynamo: batch reads are strongly consistent", keeps: "I2", from: "\t\tconsistent := true\n", to: "\t\tconsistent := false\n"},
		{name: "dynamo: what was left is read again", keeps: "I1", from: `keys = out.UnprocessedKeys[table].Keys`, to: `keys = nil`},
		{name: "dynamo: a batch names no key twice", keeps: "I6", from: `if !asked[id] {`, to: `if true {`},
		{name: "dynamo: behind the cursor", keeps: "I5", from: `OpenRange).GreaterThan`, to: `OpenRange).GreaterThanEqual`},
		{name: "dynamo: the next page", keeps: "I5", from: `if len(out.LastEvaluatedKey) > 0 {`, to: `if false {`},
	}},
	{file: "shared/dynamo/store.go", tests: []command{dynamoWire}, guards: []guard{
		{name: "dynamo: reads are strongly consistent", keeps: "I2", from: "\tconsistent := true\n", to: "\tconsistent := false\n"},
	}},
	{file: "shared/dynamo/difference.go", tests: []command{dynamoItems, dynamoWire}, guards: []guard{
		{name: "dynamo: the version is compared", keeps: "I2", from: `c.name(versionName) + " = " + was`, to: `"attribute_exists (" + c.name(versionName) + ")"`},
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
		{name: "dynamo: a transaction under way is busy", keeps: "I6", from: "refusal{busy: true}, true\n\t\t}", to: "refusal{}, true\n\t\t}"},
		{name: "dynamo: a write into a transaction under way is busy", keeps: "I6", from: "{\n\t\treturn refusal{busy: true},", to: "{\n\t\treturn refusal{},"},
		{name: "dynamo: a refused transaction", keeps: "I6", from: `if first.Code != nil && *first.Code == reasonCondition {`, to: `if false {`},
	}},
	{file: "shared/dynamo/mark.go", tests: []command{dynamoWire}, guards: []guard{
		{name: "dynamo: mark, version condition", keeps: "I2", from: `before.Revision`, to: `max(before.Revision, 0)+1`},
		{name: "dynamo: another's mark is no failure", keeps: "I6", from: `; isRefusal {`, to: `; isRefusal && before.Revision < 0 {`},
	}},
	{file: "shared/dynamo/problems.go", tests: []command{dynamoWire}, guards: []guard{
		{name: "dynamo: problem, version condition", keeps: "I2", from: `before.Revision`, to: `before.Revision+1`},
		{name: "dynamo: problem, write id recognition", keeps: "I6", from: `current.WriteID == after.WriteID,`, to: `false,`},
		{name: "dynamo: problem, another's write id", keeps: "I2", from: `current.WriteID == after.WriteID,`, to: `true,`},
		{name: "dynamo: a version and its record in one transaction", keeps: "I4", from: `if after.Version == before.Version {`, to: `if true {`},
		{name: "dynamo: a published version is not overwritten", keeps: "I4", from: `			ConditionExpression:      &free.condition,
`, to: ""},
	}},
	{file: "shared/dynamo/busy.go", tests: []command{dynamoWire}, guards: []guard{
		{name: "dynamo: busy is tried again", keeps: "I6", from: "case !why.busy:", to: "default:"},
	}},
	{file: "shared/dynamo/credentials.go", tests: []command{dynamoWire}, guards: []guard{
		{name: "dynamo credentials: put condition", keeps: "S", from: `		ConditionExpression:                 isNew.Condition(),
`, to: ""},
		{name: "dynamo credentials: stored again is stored, others are not", keeps: "S", from: `why.current, it),`, to: `why.current, it) || true,`},
		{name: "dynamo credentials: the first revocation stays", keeps: "S", from: `expression.IfNotExists(revokedAt, expression.Value(numberValue(at.UnixMilli())))`, to: `expression.Value(numberValue(at.UnixMilli()))`},
		{name: "dynamo credentials: a revocation makes no credential", keeps: "S", from: `CredentialsKey).AttributeExists`, to: `CredentialsKey).AttributeNotExists`},
	}},
}
