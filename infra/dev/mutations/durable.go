package main

var (
	durableStore  = command{pkg: "./shared/durable", tests: "^Test(Store|HistoriesAgainstMemory)$"}
	durableFolder = command{pkg: "./shared/durable", tests: "^Test(Folders|Second|Backup|Messages|Clock|Old|AnObject|Writes|WhatANewer)"}
)

// folder is the adapter that keeps everything in a folder of one machine.
var folder = []source{
	{file: "shared/durable/store.go", tests: []command{durableStore, durableFolder}, guards: []guard{
		{name: "durable: create condition", keeps: "I6", from: `if taken := b.get(jobs, j.ID); taken != nil {`, to: `if taken := b.get(jobs, j.ID); taken != nil && j.ID == "" {`},
		{name: "durable: create, another's write id", keeps: "I6", from: `created = current.WriteID == j.WriteID`, to: `created = true`},
		{name: "durable: version condition", keeps: "I2", from: "before.Revision {\n\t\t\tsaved = current.WriteID == after.WriteID\n\t\t\treturn nil\n\t\t}\n\t\tb.putJob", to: "current.Revision {\n\t\t\tsaved = current.WriteID == after.WriteID\n\t\t\treturn nil\n\t\t}\n\t\tb.putJob"},
		{name: "durable: another's write id", keeps: "I2", from: "saved = current.WriteID == after.WriteID\n\t\t\treturn nil\n\t\t}\n\t\tb.putJob", to: "saved = true\n\t\t\treturn nil\n\t\t}\n\t\tb.putJob"},
		{name: "durable: a delete has a condition", keeps: "I2", from: `err != nil || current.Revision != j.Revision {`, to: `err != nil {`},
		{name: "durable: what a newer version wrote stays", keeps: "I6", from: `append(row, unknown...)`, to: `append(row, unknown[:0]...)`},
	}},
	{file: "shared/durable/commit.go", tests: []command{durableStore, durableFolder}, guards: []guard{
		{name: "durable: a batch sees its own writes", keeps: "I2", from: "if value, changed := b.changes[k]; changed {", to: "if value, changed := b.changes[k]; changed && value == nil {"},
		{name: "durable: a batch sees the journal", keeps: "I2", from: "if p, waits := b.db.pending[t][name]; waits {", to: "if p, waits := b.db.pending[t][name]; waits && p.value == nil {"},
		{name: "durable: nothing is sent after the end", keeps: "E", from: "if !db.closed {", to: "if true {"},
	}},
	{file: "shared/durable/files.go", tests: []command{durableFolder}, guards: []guard{
		{name: "durable: a removed object stays away", keeps: "E", from: "if err != nil || rows[0] == nil {", to: "if err != nil || rows == nil {"},
	}},
	{file: "shared/durable/open.go", tests: []command{durableFolder}, guards: []guard{
		{name: "durable: another's folder is refused", keeps: "S", from: `if e.Name() != "lost+found" {`, to: `if e.Name() == "" {`},
		{name: "durable: a file that was cut off is refused", keeps: "I4", from: "info.Size() < size {", to: "info.Size() < 0*size {"},
	}},
}
