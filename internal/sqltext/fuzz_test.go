package sqltext

import (
	"slices"
	"strings"
	"testing"
)

func FuzzFingerprint(f *testing.F) {
	for _, c := range fingerprints {
		f.Add(c[0])
	}
	f.Fuzz(checkLaws)
}

// checkLaws fails when the fingerprint of a text is not its own, is not canonical, or runs tokens together.
func checkLaws(t *testing.T, sql string) {
	got := Fingerprint(sql)
	if again := Fingerprint(got); again != got {
		t.Fatalf("fingerprint of %q\n is %q\nthen %q", sql, got, again)
	}
	if len(got) > 3*len(sql) { // "?" and a space before and after, of one byte
		t.Fatalf("fingerprint of %q is %q, %d bytes of %d", sql, got, len(got), len(sql))
	}
	if got != strings.Trim(got, " ;") {
		t.Fatalf("fingerprint of %q is %q", sql, got)
	}
	for pos := 0; pos < len(got); {
		tok := scan(got, pos)
		if pos = tok.End; tok.Kind == Comment || tok.Kind == Bad && tok.Text(got) != "!" {
			t.Fatalf("fingerprint of %q is %q, with %q", sql, got, tok.Text(got))
		}
	}
	checkUnglued(t, sql, got)
	if s := Summary(sql); len(s) > maxSummary {
		t.Fatalf("Summary(%q) has %d bytes", sql, len(s))
	}
}

// checkUnglued compares the tokens of a text and of its fingerprint, one by one. Texts with lists that
// collapse are left out, and so are signs, which fold, and semicolons.
func checkUnglued(t *testing.T, sql, fingerprint string) {
	want, ok := shape(sql)
	if !ok {
		return
	}
	if got, _ := shape(fingerprint); !slices.Equal(got, want) {
		t.Fatalf("tokens of %q\n%v, of its fingerprint %q\n%v", sql, want, fingerprint, got)
	}
}

func shape(sql string) (out []string, ok bool) {
	for pos := 0; ; {
		t := Next(sql, pos)
		pos = t.End
		switch text := t.Text(sql); t.Kind {
		case EOF:
			return out, true
		case Number, String, Blob, Param:
			out = append(out, "?")
		case Bad:
			out = append(out, "!")
		case Word:
			switch lookup(text) {
			case kwIn, kwValues, kwPragma:
				return nil, false
			case 0:
				out = append(out, text)
			default:
				out = append(out, strings.ToUpper(text))
			}
		default:
			if text != "-" && text != "+" && text != ";" {
				out = append(out, text)
			}
		}
	}
}

func FuzzSplit(f *testing.F) {
	for _, c := range splits {
		f.Add(c[0])
	}
	f.Fuzz(func(t *testing.T, sql string) {
		rest := sql
		for _, s := range Split(sql) {
			i := strings.Index(rest, s)
			if i < 0 || Next(s, 0).Kind == EOF {
				t.Fatalf("Split(%q) gives %q", sql, s)
			}
			rest = rest[i+len(s):]
			if again := Split(s); len(again) != 1 || again[0] != s {
				t.Fatalf("Split(%q) of %q gives %q", s, sql, again)
			}
		}
		if ReadOnly(sql) && (len(Split(sql)) == 0 || hasBad(sql)) {
			t.Fatalf("ReadOnly(%q)", sql)
		}
	})
}
