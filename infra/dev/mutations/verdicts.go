package main

var verdict = command{pkg: "./shared/judge", tests: "^Test"}

// verdicts are made only of results that are legal and have the shape of their problem.
var verdicts = []source{
	{file: "shared/judge/parse.go", tests: []command{verdict}, guards: []guard{
		{name: "judge: as many as there are", keeps: "I4", from: `if n != want {`, to: `if n < want {`},
		{name: "judge: no fewer than there are", keeps: "I4", from: `if n != want {`, to: `if n > want {`},
		{name: "judge: a wrong number before what is wrong in them", keeps: "I4", from: "\t\tif n >= want || fault != nil {\n", to: "\t\tif fault != nil {\n\t\t\treturn fault\n\t\t}\n\t\tif n >= want {\n"},
		{name: "judge: what is too much is not read", keeps: "S", from: `if n >= want`, to: `if n > want`},
		{name: "judge: every field is there", keeps: "I4", from: `		if !is {
`, to: `		if false && is {
`},
		{name: "judge: null is no field", keeps: "I4", from: `p.Kind() != 'n'`, to: `true`},
		{name: "judge: known statuses", keeps: "I4", from: `case !known:`, to: `case false:`},
		{name: "judge: exit codes in range", keeps: "I4", from: `case exit < math.MinInt32 || exit > math.MaxUint32:`, to: `case false:`},
		{name: "judge: times are not negative", keeps: "I4", from: `case c.ExecTime < -1 || `, to: `case `},
		{name: "judge: memory is not negative", keeps: "I4", from: `case c.MemoryUsage < -1 || `, to: `case `},
	}},
	{file: "shared/jsoncursor/jsoncursor.go", tests: []command{verdict, bodies}, guards: []guard{
		{name: "json: nothing behind it", keeps: "S", from: `!c.broken &&`, to: `!c.broken || err == nil &&`},
		{name: "json: JSON to its end", keeps: "S", from: `!c.broken &&`, to: `err == nil ||`},
		{name: "json: integers have no fraction", keeps: "I4", from: ` || f != math.Trunc(f) || `, to: ` || `},
		{name: "json: integers are exact", keeps: "I4", from: ` || math.Abs(f) > 1<<53 {`, to: ` {`},
		{name: "json: texts are texts", keeps: "I4", from: "v := c.Value()\n\tif v.Kind() != '\"' {", to: "v := c.Value()\n\tif false {"},
	}},
	{file: "shared/judge/judge.go", tests: []command{verdict}, guards: []guard{
		{name: "judge: every task", keeps: "I4", from: `!= len(tasks`, to: `< len(tasks`},
		{name: "judge: every case", keeps: "I4", from: `cases[i]) !=`, to: `cases[i]) <`},
		{name: "judge: a task's score is for all of its cases", keeps: "I4", from: `if t.Status == AC {`, to: `if true {`},
		{name: "judge: a task's status is the worst of its cases", keeps: "I4", from: `t.Status = gravest(t.Status, c.Status)`, to: `t.Status = c.Status`},
		{name: "judge: severity is no number", keeps: "I4", from: `if b.severity() > a.severity() {`, to: `if b > a {`},
		{name: "judge: the status is the worst of the tasks", keeps: "I4", from: `v.Status = gravest(v.Status, t.Status)`, to: `v.Status = t.Status`},
		{name: "judge: the time is the longest", keeps: "I4", from: `v.ExecTime = max(v.ExecTime, t.ExecTime)`, to: `v.ExecTime = t.ExecTime`},
	}},
}
