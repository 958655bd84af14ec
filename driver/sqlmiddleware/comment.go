package sqlmiddleware

import (
	"slices"
	"strings"
)

// maxComment bounds a comment in bytes: more is copied and parsed with every statement than it can be worth.
const maxComment = 2 << 10

// commentOf writes tags as sqlcommenter does, after a space that keeps the comment apart from the text:
// sorted pairs of key and quoted value, both percent-encoded. It is "" if there is no tag.
func commentOf(tags []Tag) string {
	pairs := pairsOf(tags)
	if len(pairs) == 0 {
		return ""
	}
	var b strings.Builder
	separator := " /*"
	for _, pair := range pairs {
		if b.Len()+len(separator)+len(pair)+len("*/") > maxComment {
			continue
		}
		b.WriteString(separator)
		b.WriteString(pair)
		separator = ","
	}
	if b.Len() == 0 {
		return ""
	}
	b.WriteString("*/")
	return b.String()
}

// pairsOf returns the pairs in order. Of tags with the same key the last one counts.
func pairsOf(tags []Tag) (pairs []string) {
	for i, tag := range tags {
		replaced := slices.ContainsFunc(tags[i+1:], func(later Tag) bool { return later.Key == tag.Key })
		if tag.Key != "" && !replaced && len(tag.Key)+len(tag.Value) < maxComment {
			pairs = append(pairs, encode(tag.Key)+"='"+encode(tag.Value)+"'")
		}
	}
	slices.Sort(pairs)
	return pairs
}

// encode percent-encodes everything but the unreserved characters of RFC 3986, so that nothing is left that
// ends a comment or a quoted value.
func encode(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteString(string([]byte{'%', hex[c>>4], hex[c&15]}))
		}
	}
	return b.String()
}
