package main

var announcing = command{pkg: "./shared/announce", tests: "."}

// webhooks are what is announced, to whom, and where it may go.
var webhooks = []source{
	{file: "shared/announce/announce.go", tests: []command{announcing}, guards: []guard{
		{name: "announce: evidence is no step", keeps: "S", from: `!before.Final() && `, to: ``},
	}},
	{file: "shared/announce/policy.go", tests: []command{announcing}, guards: []guard{
		{name: "webhooks: the address is checked when it is called", keeps: "S", from: "	if check {\n", to: "	if false {\n"},
		{name: "webhooks: redirects are not followed", keeps: "S", from: `return http.ErrUseLastResponse`, to: `return nil`},
		{name: "webhooks: a deadline", keeps: "S", from: "		Timeout:       deliveryTimeout,\n", to: ""},
		{name: "webhooks: private networks", keeps: "S", from: ` && !addr.IsPrivate()`, to: ``},
		{name: "webhooks: special networks", keeps: "S", from: `return net.Contains(addr)`, to: `return false`},
		{name: "webhooks: https", keeps: "S", from: `case u.Scheme != "https":`, to: `case false:`},
		{name: "webhooks: no password in the URL", keeps: "S", from: `case u.User != nil || `, to: `case `},
	}},
	{file: "shared/announce/endpoint.go", tests: []command{announcing}, guards: []guard{
		{name: "webhooks: a signature is of its message", keeps: "S", from: `w.Sign(m.id, now, m.body)`, to: `w.Sign(m.id, now, m.body[:0])`},
		{name: "webhooks: and of its id", keeps: "S", from: `w.Sign(m.id, now, m.body)`, to: `w.Sign("", now, m.body)`},
		{name: "webhooks: and of its time", keeps: "S", from: `w.Sign(m.id, now, m.body)`, to: `w.Sign(m.id, now.Add(-time.Hour), m.body)`},
		{name: "webhooks: a former secret ends", keeps: "S", from: ` && now.Before(e.FormerEnd) {`, to: ` {`},
		{name: "webhooks: a damaged secret is not told", keeps: "S", from: `base64: rotate it"`, to: `base64: rotate it: " + secret`},
		{name: "webhooks: the former secret signs beside the new one", keeps: "S", from: `secrets = append(secrets, e.Former)`, to: `_ = e.Former`},
	}},
	{file: "shared/announce/outbox.go", tests: []command{announcing}, guards: []guard{
		{name: "webhooks: three days", keeps: "E", from: `return rest, !now.Add(rest).After(l.Since.Add(Lifetime))`, to: `return rest, true`},
	}},
	{file: "shared/announce/deliver.go", tests: []command{announcing}, guards: []guard{
		{name: "webhooks: a slow endpoint is parked", keeps: "S", from: `tooLate || a.isParked(e.ID) || `, to: `tooLate || `},
		{name: "webhooks: a batch ends in time", keeps: "S", from: `if tooLate || `, to: `if tooLate && false || `},
		{name: "webhooks: a slow endpoint has its own share", keeps: "S", from: `side.SetLimit(perEndpoint)`, to: `side.SetLimit(len(messages))`},
		{name: "webhooks: a kept connection may have died", keeps: "E", from: `r.Header["Idempotency-Key"] = nil`, to: `_ = r.Header`},
		{name: "webhooks: what is not so any more is dropped", keeps: "S", from: `case !found || !j.Final() || j.Generation != h.Generation:`, to: `case !found:`},
		{name: "webhooks: an endpoint that was just added is waited for", keeps: "S", from: `case !known && a.Now().Sub(h.Since) < unknownFor:`, to: `case false:`},
		{name: "webhooks: an error does not tell the URL", keeps: "S", from: `return of.Err`, to: `return err`},
		{name: "webhooks: a letter that is given up is dead, not gone", keeps: "S", from: `a.Outbox.Bury`, to: `a.Outbox.Remove`},
		{name: "webhooks: gone is gone", keeps: "E", from: `more && !errors.Is(err, errGone)`, to: `more`},
		{name: "webhooks: a reply is not read to its end", keeps: "S", from: `io.CopyN(io.Discard, reply.Body, replyBytes)`, to: `io.Copy(io.Discard, reply.Body)`},
		{name: "webhooks: what was not delivered is kept", keeps: "S", from: `return a.Outbox.Add(context.WithoutCancel(ctx), left)`, to: `return nil`},
	}},
	{file: "shared/memory/webhooks.go", tests: []command{{pkg: "./shared/memory", tests: "^TestAReceiverThatIsAway$"}}, guards: []guard{
		{name: "webhooks: what waits is bounded", keeps: "S", from: `if w.waiting[e.ID] >= MostWaiting {`, to: `if false {`},
		{name: "webhooks: so are dead letters", keeps: "S", from: `case w.dead[h.Endpoint] >= MostDead:`, to: `case false:`},
		{name: "webhooks: a delivered letter makes room", keeps: "S", from: "\tw.count(w.letters[name], -1)\n\tdelete(", to: "\tdelete("},
		{name: "webhooks: nothing is woken when there is no endpoint", keeps: "E", from: ` && len(w.endpoints) > 0 {`, to: ` {`},
	}},
	{file: "infra/local/webhooks.go", tests: []command{{pkg: "./infra/local", tests: "^TestWebhooksOutliveARestart$"}}, guards: []guard{
		{name: "webhooks: a dead endpoint delays no other", keeps: "S", from: `side.SetLimit(deliveries)`, to: `side.SetLimit(4)`},
	}},
	{file: "shared/durable/store.go", tests: []command{{pkg: "./shared/durable", tests: "^TestLettersSurviveAKill$"}}, guards: []guard{
		{name: "durable: a job's letters are in its transaction", keeps: "S", from: `b.put(letters, memory.LetterName(l.Letter), encode(letterFields, &l))`, to: `_ = l`},
	}},
}
