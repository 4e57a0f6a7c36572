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
	s := &scanner{
		in:      jsontext.NewDecoder(bytes.NewBuffer(payload), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)),
		payload: string(payload),
	}
	e := &event{header: make(http.Header, 16)}
	values := make([]string, 0, 16)
	s.object(func(name string) {
		switch name {
		case "headers":
			s.object(func(name string) {
				key := http.CanonicalHeaderKey(name)
				values = append(values, s.text())
				// The lists of the other format say the same and more, whichever comes first.
				if e.header[key] == nil {
					e.header[key] = values[len(values)-1 : len(values) : len(values)]
				}
			})
		case "multiValueHeaders":
			s.object(func(name string) {
				key := http.CanonicalHeaderKey(name)
				e.header[key] = s.texts()
			})
		case "pathParameters":
			e.pathParameters = map[string]string{}
			s.object(func(name string) {
				e.pathParameters[name] = s.text()
			})
		case "body":
			e.body = s.text()
		case "isBase64Encoded":
			e.isBase64Encoded = s.flag()
		case "requestContext":
			s.object(func(name string) { s.requestContext(e, name) })
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
			s.object(func(name string) {
				e.query[name] = s.texts()
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

func (s *scanner) requestContext(e *event, name string) {
	switch name {
	case "requestId":
		e.requestID = s.text()
	case "stage":
		e.stage = s.text()
	case "http":
		s.object(func(name string) {
			if name == "method" {
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
	in      *jsontext.Decoder
	payload string // what it reads; most texts are parts of it
	wrong   bool   // a value was not, or this is no JSON
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

func (s *scanner) text() string {
	v := s.value('"')
	if v == nil {
		return ""
	}
	if bytes.IndexByte(v, '\\') < 0 && utf8.Valid(v) {
		end := s.in.InputOffset()
		return s.payload[end-int64(len(v))+1 : end-1]
	}
	text, _ := jsontext.AppendUnquote(nil, v)
	return string(text)
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

// more says whether there is another member; if not, it leaves.
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

// object reads an object. For each member read has to read the value.
func (s *scanner) object(read func(name string)) {
	if !s.enter('{') {
		return
	}
	for s.more('}') {
		read(s.text())
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
