package saved

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"runlease/shared/auth"
)

var rejudgeID = regexp.MustCompile(`^[0-9]{13}-[0-9a-f]{16}$`)

// matchers stand in a .want.json for values that differ from run to run.
var matchers = map[string]func(any) bool{
	// A presigned URL.
	"<url>": func(v any) bool {
		s, isText := v.(string)
		u, err := url.Parse(s)
		if !isText || err != nil || u.Host == "" {
			return false
		}
		return u.Query().Has("X-Amz-Signature") || u.Query().Has("signature")
	},
	// The token of a claim.
	"<token>": func(v any) bool {
		s, isText := v.(string)
		return isText && auth.WellFormed(auth.Claim, s)
	},
	// A place in the feed of final jobs.
	"<cursor>": func(v any) bool {
		if id, isNumber := v.(float64); isNumber { // of a list by ids
			return id > 0
		}
		s, isText := v.(string)
		return isText && strings.HasPrefix(s, "1-")
	},
	// The id of a rejudge of many.
	"<rejudge>": func(v any) bool {
		s, isText := v.(string)
		return isText && rejudgeID.MatchString(s)
	},
	// A point in time, epoch seconds, not far from now.
	"<time>": func(v any) bool {
		n, isNumber := v.(float64)
		return isNumber && time.Since(time.UnixMilli(int64(n*1000))).Abs() < 30*24*time.Hour
	},
}

// Compare says what about a function's reply is not as wanted, a line for each
// difference. Every field counts, also an unwanted one.
func (w Want) Compare(reply []byte) []string {
	got, err := Decode(reply)
	if err != nil {
		return []string{err.Error()}
	}
	return compare("reply", w.Reply, got)
}

// Decode reads a reply as a Want has it.
func Decode(reply []byte) (any, error) {
	var got any
	if err := json.Unmarshal(reply, &got); err != nil {
		return nil, fmt.Errorf("the reply is not JSON: %w", err)
	}
	if fields, isObject := got.(map[string]any); isObject {
		if text, isText := fields["body"].(string); isText {
			var body any
			if json.Unmarshal([]byte(text), &body) == nil {
				fields["body"] = body
			}
		}
	}
	return got, nil
}

// CompareJob says what GET /jobs/{id} (its data) does not show as wanted.
func (t Then) CompareJob(data map[string]any) []string {
	var differences []string
	for _, name := range sorted(t.Job) {
		differences = append(differences, compare("job."+name, t.Job[name], data[name])...)
	}
	return differences
}

// CompareListed says which ids a list should have given out.
func (t Then) CompareListed(ids []any) []string { return compare("listed", t.Listed, ids) }

func compare(path string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		fields, isObject := got.(map[string]any)
		if !isObject {
			break
		}
		var differences []string
		for _, name := range sorted(want) {
			if _, has := fields[name]; !has {
				differences = append(differences, fmt.Sprintf("%s.%s: missing, want %s", path, name, show(want[name])))
				continue
			}
			differences = append(differences, compare(path+"."+name, want[name], fields[name])...)
		}
		for _, name := range sorted(fields) {
			if _, has := want[name]; !has {
				differences = append(differences, fmt.Sprintf("%s.%s: got %s, want none", path, name, show(fields[name])))
			}
		}
		return differences
	case []any:
		list, isList := got.([]any)
		if !isList || len(list) != len(want) {
			break
		}
		var differences []string
		for i := range want {
			differences = append(differences, compare(fmt.Sprintf("%s[%d]", path, i), want[i], list[i])...)
		}
		return differences
	case string:
		if matches, isMatcher := matchers[want]; isMatcher {
			if matches(got) {
				return nil
			}
			break
		}
		if got == want {
			return nil
		}
	default: // numbers, booleans, null
		if _, isObject := got.(map[string]any); isObject {
			break
		}
		if _, isList := got.([]any); isList {
			break
		}
		if got == want {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: got %s, want %s", path, show(got), show(want))}
}

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	// A long text says enough by its beginning; a token is never shown whole.
	if s := string(text); len(s) > 300 {
		return s[:300] + "..."
	}
	return strings.TrimSpace(string(text))
}

func sorted(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
