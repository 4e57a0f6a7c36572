// Package console tests the operator's page in a real Chromium, on the real embedded
// server with a real runner. Its tests need Chromium and have the build tag chromium:
//
//	make test-console
//
// They leave screenshots of every view below build/console. package.json pins axe-core,
// which looks for what people cannot perceive or reach.
package console
