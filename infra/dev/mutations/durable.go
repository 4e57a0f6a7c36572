package main

var (
	durableStore  = command{pkg: "./shared/durable", tests: "^Test(Store|HistoriesAgainstMemory)$"}
	durableFolder = command{pkg: "./shared/durable", tests: "^Test(Folders|Second|Backup|Messages|Clock|Old|AnObject|Writes|WhatANewer)"}
	folderJournal = command{pkg: "./shared/durable", tests: "^Test(Journal|AJournal|Format1|Backup|LettersSurvive)"}
	powerCut      = command{pkg: "./infra/local", tests: "^TestPowerCut$"}
)

var diskFails = []command{{pkg: "./shared/durable", tests: "^Test(ADiskThatFails|OneRecordForMany)$"}}

// folder is the adapter that keeps everything in a folder of one machine.
var folder = []source{
	{file: "shared/durable/store.go", tests: []command{durableStore, durableFolder}, guards: []guard{
		{name: "durable: create condition", keeps: "I6", from: `taken != nil {`, to: `taken != nil && j.ID == "" {`},
		{name: "durable: create, another's write id", keeps: "I6", from: `created = current.WriteID == j.WriteID`, to: `created = true`},
		{name: "durable: version condition", keeps: "I2", from: "before.Revision {\n\t\t\tsaved = current.WriteID == after.WriteID\n\t\t\treturn nil\n\t\t}\n\t\tb.putJob", to: "current.Revision {\n\t\t\tsaved = current.WriteID == after.WriteID\n\t\t\treturn nil\n\t\t}\n\t\tb.putJob"},
		{name: "durable: another's write id", keeps: "I2", from: "saved = current.WriteID == after.WriteID\n\t\t\treturn nil\n\t\t}\n\t\tb.putJob", to: "saved = true\n\t\t\treturn nil\n\t\t}\n\t\tb.putJob"},
		{name: "durable: a delete has a condition", keeps: "I2", from: `err != nil || current.Revision != j.Revision {`, to: `err != nil {`},
		{name: "durable: what a newer version wrote stays", keeps: "I6", from: `append(row, unknown...)`, to: `append(row, unknown[:0]...)`},
	}},
	{file: "shared/durable/commit.go", tests: []command{durableStore, durableFolder}, guards: []guard{
		{name: "durable: a batch sees its own writes", keeps: "I2", from: `b.changes[k]; changed {`, to: `b.changes[k]; changed && value == nil {`},
		{name: "durable: who writes hears that the disk refused", keeps: "I4", from: "done <- err\n\t}\n}\n\n// show", to: "_ = err\n\t\tdone <- nil\n\t}\n}\n\n// show", tests: diskFails},
		{name: "durable: no reader sees what is not on the disk", keeps: "I4", from: `if db.broken.Swap`, to: `if db.show(b); db.broken.Swap`, tests: diskFails},
		{name: "durable: what is owed goes with the next record that succeeds", keeps: "I1", from: `range db.owed`, to: `range db.owed[:0]`, tests: diskFails},
		{name: "durable: a full disk is waited for", keeps: "I1", from: "if db.broken.Load() == nil {", to: "if true {", tests: diskFails},
		{name: "durable: what comes during a sync shares the next", keeps: "E", from: "n < batchWrites && b.size < batchBytes", to: "n < 1", tests: diskFails},
		{name: "durable: a record is bounded", keeps: "E", from: "n < batchWrites && b.size < batchBytes", to: "n > 0", tests: diskFails},
		{name: "durable: nothing is sent after the end", keeps: "E", from: "if !db.closed {", to: "if true {"},
	}},
	{file: "shared/durable/read.go", tests: []command{durableStore}, guards: []guard{
		{name: "durable: a batch sees the journal", keeps: "I2", from: `db.pending[t][name]; waits[i] {`, to: `db.pending[t][name]; waits[i] && p.value == nil {`},
	}},
	{file: "shared/durable/journal.go", tests: []command{folderJournal}, guards: []guard{
		{name: "durable: what is answered is on the disk", keeps: "I4", from: `syncData(j.files[j.in]`, to: `error(nil`, tests: []command{powerCut}},
		{name: "durable: what is not settled is not written over", keeps: "I4", from: "j.last[1-j.in] <= settled && !j.torn", to: "!j.torn"},
		{name: "durable: what an append left is written over", keeps: "I4", from: " && !j.torn {", to: " {"},
		{name: "durable: no client makes a record", keeps: "S", from: "seed: crc32.ChecksumIEEE(secret)}", to: "seed: crc32.ChecksumIEEE(secret[:0])}"},
		{name: "durable: a journal is bounded", keeps: "E", from: "if j.at+int64(len(body)) > journalMost {", to: "if false {"},
		{name: "durable: a torn record is none", keeps: "I4", from: "sum == binary.BigEndian.Uint32(head[8:])", to: "sum != 0"},
		{name: "durable: an older record ends the chain", keeps: "I4", from: "if !ok || len(chain) > 0 && r.number != chain[len(chain)-1].number+1 {", to: "if !ok {"},
		{name: "durable: a damaged journal is refused", keeps: "I4", from: "ok && r.number > next {", to: "ok && r.number < 0*next {"},
	}},
	{file: "shared/durable/settle.go", tests: []command{folderJournal}, guards: []guard{
		{name: "durable: an object waits for its file", keeps: "E", from: "|| r.number > filed || len", to: "|| filed < 0 || len", tests: []command{powerCut}},
		{name: "durable: what is settled is noted", keeps: "I4", from: "return meta.Put(settledKey, numbered(s.last))", to: "return nil", tests: diskFails},
		{name: "durable: a newer row stays in the journal", keeps: "I2", from: "if db.pending[k.table][k.name].number == r.number {", to: "if true {", tests: []command{durableStore}},
	}},
	{file: "shared/durable/clock.go", tests: []command{{pkg: "./shared/durable", tests: "^TestClock$"}}, guards: []guard{
		{name: "durable: no start goes back in time", keeps: "I2", from: "kept.After(c.at) {", to: "kept.IsZero() {"},
		{name: "durable: the machine's clock moves no lease at once", keeps: "I2", from: "c.at.Add(min(behind, passed/slew))", to: "c.at.Add(behind)"},
		{name: "durable: a machine that is told the time follows", keeps: "I5", from: "case behind > farAhead:", to: "case false:"},
	}},
	{file: "shared/durable/queue.go", tests: []command{{pkg: "./shared/durable", tests: "^Test(Queue|Messages|ADiskThatFails)"}}, guards: []guard{
		{name: "durable: a bell that cannot be kept is not rung", keeps: "I1", from: "broken != nil {", to: "broken == nil && m.Job == \"\" {"},
		{name: "durable: a handle of an earlier start fits nothing", keeps: "I3", from: "db.starts<<startsShift+", to: "0<<startsShift+"},
		{name: "durable: messages are of their pool", keeps: "I1", from: `&& m.Pool == pool `, to: ``},
		{name: "durable: a pool with messages stays", keeps: "I1", from: `held(pools); err != nil`, to: `held(pools); err != nil && db == nil`},
	}},
	{file: "shared/durable/backup.go", tests: []command{folderJournal}, guards: []guard{
		{name: "durable: a backup has what was answered", keeps: "I4", from: `db.flush(ctx`, to: `ctx.Err(`},
	}},
	{file: "shared/durable/files.go", tests: []command{durableFolder}, guards: []guard{
		{name: "durable: a removed object stays away", keeps: "E", from: `|| rows[0] ==`, to: `|| rows ==`},
	}},
	{file: "shared/durable/open.go", tests: []command{durableFolder}, guards: []guard{
		{name: "durable: another's folder is refused", keeps: "S", from: `!= "lost+found"`, to: `== ""`},
		{name: "durable: others have no way into the folder", keeps: "S", from: "|| info.Mode().Perm()&0o027 == 0 {", to: "|| true {", tests: []command{{pkg: "./shared/durable", tests: "^TestOthersAreKeptOut$"}}},
		{name: "durable: a newer format is refused", keeps: "I6", from: "case stored > format:", to: "case false:"},
	}},
}
