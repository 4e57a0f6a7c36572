package apigw

import (
	"bytes"
	"net/http"
	"net/url"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// parse reads an event in one pass. What is null is as if it were not there,
// and what is not used is passed over.
func parse(payload []byte) (*event, error) {
	// What is in its texts is their readers' business.
	s := &scanner{in: jsontext.NewDecoder(bytes.NewBuffer(payload), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))}
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
			s.skip()
		}
	})
	if s.wrong || len(bytes.TrimSpace(payload[s.in.InputOffset():])) > 0 || e.httpMethod == "" && e.routeKey == "" {
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
				s.skip()
			}
		})
	default:
		s.skip()
	}
}

// scanner reads values that must be of the type that is asked for, or null.
type scanner struct {
	in    *jsontext.Decoder
	wrong bool // one was not, or this is no JSON
}

// value is the next value, good until the next one is read; nil: it is null.
func (s *scanner) value(kind jsontext.Kind) jsontext.Value {
	v, err := s.in.ReadValue()
	if err != nil || v.Kind() != kind && v.Kind() != 'n' {
		s.wrong = true
		return nil
	}
	if v.Kind() == 'n' {
		return nil
	}
	return v
}

// text is a copy: a text that is kept for long must not keep a payload of
// megabytes with it.
func (s *scanner) text() string { return string(s.bytes()) }

// bytes is a text, good until the next one is read.
func (s *scanner) bytes() []byte {
	v := s.value('"')
	if v == nil {
		return nil
	}
	if bytes.IndexByte(v, '\\') < 0 && utf8.Valid(v) {
		return v[1 : len(v)-1]
	}
	text, _ := jsontext.AppendUnquote(nil, v)
	return text
}

func (s *scanner) flag() bool {
	v, err := s.in.ReadToken()
	if err != nil || v.Kind() != 't' && v.Kind() != 'f' && v.Kind() != 'n' {
		s.wrong = true
		return false
	}
	return v.Kind() == 't'
}

func (s *scanner) skip() {
	if s.in.SkipValue() != nil {
		s.wrong = true
	}
}

// enter goes into an object or a list; false: there is null.
func (s *scanner) enter(open jsontext.Kind) bool {
	t, err := s.in.ReadToken()
	s.wrong = s.wrong || err != nil || t.Kind() != open && t.Kind() != 'n'
	return !s.wrong && t.Kind() == open
}

// more reports whether there is another member; if not, it leaves.
func (s *scanner) more(end jsontext.Kind) bool {
	if s.wrong {
		return false
	}
	if s.in.PeekKind() != end {
		return true
	}
	_, err := s.in.ReadToken()
	s.wrong = err != nil
	return false
}

// object reads an object. For each member read has to read the value, and has to
// copy the name before that if it needs it after.
func (s *scanner) object(read func(name []byte)) {
	if !s.enter('{') {
		return
	}
	for s.more('}') {
		read(s.bytes())
	}
}

func (s *scanner) texts() []string {
	if !s.enter('[') {
		return nil
	}
	var all []string
	for s.more(']') {
		all = append(all, s.text())
	}
	return all
}
