package apigw

import (
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json/jsontext"

	"runlease/shared/jsoncursor"
)

// parse reads an event in one pass. What is null is as if it were not there,
// and what is not used is passed over.
func parse(payload []byte) (*event, error) {
	s := &scanner{Cursor: jsoncursor.New(payload)}
	defer s.Close()
	e := &event{header: make(http.Header, 16)}
	s.object(func(name []byte) {
		switch string(name) {
		case "headers":
			s.headers(e.header)
		case "multiValueHeaders":
			s.object(func(name []byte) {
				key := http.CanonicalHeaderKey(string(name))
				e.header[key] = s.texts()
			})
		case "pathParameters":
			e.pathParameters = map[string]string{}
			s.object(func(name []byte) {
				key := string(name)
				e.pathParameters[key] = s.text()
			})
		case "body":
			e.body = s.text()
		case "isBase64Encoded":
			e.isBase64Encoded = s.flag()
		case "requestContext":
			s.object(func(name []byte) { s.requestContext(e, name) })
		case "routeKey":
			e.routeKey = s.text()
		case "rawPath":
			e.rawPath = s.text()
		case "rawQueryString":
			e.rawQueryString = s.text()
		case "httpMethod":
			e.httpMethod = s.text()
		case "resource":
			e.resource = s.text()
		case "path":
			e.path = s.text()
		case "multiValueQueryStringParameters":
			e.query = url.Values{}
			s.object(func(name []byte) {
				key := string(name)
				e.query[key] = s.texts()
			})
		default:
			s.Skip()
		}
	})
	if !s.End() || s.wrong || e.httpMethod == "" && e.routeKey == "" {
		return nil, errFormat
	}
	return e, nil
}

// headers reads headers of one value each into h, all values in one string. The
// lists of the other format say the same and more, whichever comes first.
func (s *scanner) headers(h http.Header) {
	type part struct{ name, value, end int } // where they begin, and where it ends
	all, parts := make([]byte, 0, 512), make([]part, 0, 16)
	s.object(func(name []byte) {
		p := part{name: len(all)}
		all = append(all, name...)
		p.value = len(all)
		all = append(all, s.bytes()...)
		p.end = len(all)
		parts = append(parts, p)
	})
	text, values := string(all), make([]string, len(parts))
	for i, p := range parts {
		values[i] = text[p.value:p.end]
		if key := http.CanonicalHeaderKey(text[p.name:p.value]); h[key] == nil {
			h[key] = values[i : i+1 : i+1]
		}
	}
}

func (s *scanner) requestContext(e *event, name []byte) {
	switch string(name) {
	case "requestId":
		e.requestID = s.text()
	case "stage":
		e.stage = s.text()
	case "http":
		s.object(func(name []byte) {
			if string(name) == "method" {
				e.method = s.text()
			} else {
				s.Skip()
			}
		})
	default:
		s.Skip()
	}
}

// scanner reads values that must be of the type that is asked for, or null.
type scanner struct {
	*jsoncursor.Cursor
	wrong bool // one was not
}

// is reports whether the next value is of a kind; null is passed over.
func (s *scanner) is(kind jsontext.Kind) bool {
	switch s.Kind() {
	case kind:
		return true
	case 'n':
	default:
		s.wrong = true
	}
	s.Skip()
	return false
}

// text is a copy: a text that is kept for long must not keep a payload of
// megabytes with it.
func (s *scanner) text() string { return string(s.bytes()) }

// bytes is a text, good until the next one is read.
func (s *scanner) bytes() []byte {
	if !s.is('"') {
		return nil
	}
	text, _ := s.Text()
	return text
}

func (s *scanner) flag() bool {
	if s.Kind() == 'f' {
		s.Skip()
		return false
	}
	set := s.is('t')
	if set {
		s.Skip()
	}
	return set
}

// object reads an object. For each member read has to read the value, and has to
// copy the name before that if it needs it after.
func (s *scanner) object(read func(name []byte)) {
	if !s.is('{') || !s.Enter('{') {
		return
	}
	for !s.wrong && s.More() {
		name, _ := s.Text()
		read(name)
	}
}

func (s *scanner) texts() []string {
	if !s.is('[') || !s.Enter('[') {
		return nil
	}
	var all []string
	for !s.wrong && s.More() {
		all = append(all, s.text())
	}
	return all
}
