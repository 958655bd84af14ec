package sqltext

import (
	"strings"
	"testing"
)

var kindNames = map[Kind]string{
	EOF: "eof", Space: "space", Comment: "comment", Word: "w", Quoted: "q", String: "s", Blob: "b",
	Number: "n", Param: "p", Op: "o", Bad: "bad",
}

// tokens renders the tokens of a text as "kind:text", separated by spaces.
func tokens(sql string) string {
	var out []string
	for pos := 0; ; {
		t := Next(sql, pos)
		if t.Kind == EOF {
			return strings.Join(out, " ")
		}
		out = append(out, kindNames[t.Kind]+":"+t.Text(sql))
		pos = t.End
	}
}

func TestNext(t *testing.T) {
	for _, c := range [][2]string{
		{"", ""}, {" ", ""}, {" \t\n\f\r", ""}, {"\ufeffa", "w:a"}, {"a\ufeff", "w:a\ufeff"}, {"\v", "bad:\v"}, {" \v", ""},
		{"a", "w:a"}, {"_a1$", "w:_a1$"}, {"é", "w:é"}, {"\xff", "w:\xff"}, {"\xef", "w:\xef"}, {"\xef\xbb", "w:\xef\xbb"},
		{"x", "w:x"}, {"X", "w:X"}, {"xy", "w:xy"}, {"x y", "w:x w:y"}, {"a.b", "w:a o:. w:b"}, {"a .b", "w:a o:. w:b"},
		{`"a"`, `q:"a"`}, {`"a""b"`, `q:"a""b"`}, {`""`, `q:""`}, {`"a`, `bad:"a`}, {`"a""`, `bad:"a""`}, {"`a`", "q:`a`"},
		{"`a``b`", "q:`a``b`"}, {"`a", "bad:`a"}, {"[a]", "q:[a]"}, {"[a b]c", "q:[a b] w:c"}, {"[a]]", "q:[a] bad:]"}, {"[]", "q:[]"},
		{"[a", "bad:[a"}, {"]", "bad:]"}, {"'a'", "s:'a'"}, {"''", "s:''"}, {"'a''b'", "s:'a''b'"}, {"'a' 'b'", "s:'a' s:'b'"},
		{"'a", "bad:'a"}, {"'a''", "bad:'a''"}, {"'", "bad:'"}, {"'a\nb'", "s:'a\nb'"}, {"'a\x00b'", "s:'a\x00b'"}, {"'--'", "s:'--'"},
		{"x''", "b:x''"}, {"X'0aF9'", "b:X'0aF9'"}, {"x'0'", "bad:x'0'"}, {"x'zz' a", "bad:x'zz' w:a"}, {"x'00", "bad:x'00"}, {"x'0 0'", "bad:x'0 0'"},
		{"1", "n:1"}, {"1.", "n:1."}, {".5", "n:.5"}, {"1.5", "n:1.5"}, {"1e3", "n:1e3"}, {"1E+3", "n:1E+3"}, {"1e-3", "n:1e-3"},
		{"1.e3", "n:1.e3"}, {".5e3", "n:.5e3"}, {"1e", "bad:1e"}, {"1e+", "bad:1e o:+"}, {"1_000", "n:1_000"}, {"1__0", "n:1__0"},
		{"1_", "n:1_"}, {"1.5_5e1_0", "n:1.5_5e1_0"}, {"0xff", "n:0xff"}, {"0XfF_0", "n:0XfF_0"}, {"0x", "bad:0x"}, {"0xg", "bad:0xg"},
		{"0xfg", "bad:0xfg"}, {"1a", "bad:1a"}, {"1$", "bad:1$"}, {"1.a", "bad:1.a"}, {"1é", "bad:1é"}, {"1.2.3", "n:1.2 n:.3"}, {"1..2", "n:1. n:.2"},
		{".", "o:."}, {"..", "o:. o:."}, {"a.5", "w:a n:.5"}, {"-1", "o:- n:1"}, {"1-1", "n:1 o:- n:1"}, {"1--1", "n:1"},
		{"?", "p:?"}, {"?1", "p:?1"}, {"?12a", "p:?12 w:a"}, {"??", "p:? p:?"}, {":a", "p::a"}, {"@a", "p:@a"}, {"$a", "p:$a"}, {"$1", "p:$1"},
		{":1", "p::1"}, {":", "bad::"}, {"@", "bad:@"}, {"$a::b", "p:$a::b"}, {"$a::b(c)", "p:$a::b(c)"}, {"$a(c d)", "bad:$a(c w:d o:)"},
		{"$a(", "bad:$a("}, {"@(a)", "bad:@ o:( w:a o:)"}, {"$a:b", "p:$a p::b"}, {":a:b", "p::a p::b"}, {"::a", "bad:: p::a"},
		{"#1", "bad:# n:1"}, {"a:b", "w:a p::b"}, {"a@b", "w:a p:@b"},
		{"+", "o:+"}, {"-", "o:-"}, {"*", "o:*"}, {"/", "o:/"}, {"%", "o:%"}, {"&", "o:&"}, {"~", "o:~"}, {"|", "o:|"}, {"||", "o:||"},
		{"|||", "o:|| o:|"}, {"->", "o:->"}, {"->>", "o:->>"}, {"->>>", "o:->> o:>"}, {"- >", "o:- o:>"}, {"<", "o:<"}, {"<=", "o:<="},
		{"<>", "o:<>"}, {"<<", "o:<<"}, {"<<=", "o:<< o:="}, {">", "o:>"}, {">=", "o:>="}, {">>", "o:>>"}, {"=", "o:="}, {"==", "o:=="},
		{"===", "o:== o:="}, {"!=", "o:!="}, {"!", "bad:!"}, {"!!=", "bad:! o:!="}, {"^", "bad:^"}, {"\\", "bad:\\"}, {"{", "bad:{"}, {"\x00", "bad:\x00"}, {"a\x00b", "w:a bad:\x00 w:b"}, {"\x7f", "bad:\x7f"},
		{";", "o:;"}, {"(),", "o:( o:) o:,"}, {"a;b", "w:a o:; w:b"},
		{"--", ""}, {"-- a", ""}, {"-- a\nb", "w:b"}, {"a--b", "w:a"}, {"--\r\na", "w:a"}, {"/**/", ""}, {"/**/a", "w:a"}, {"/* a", ""},
		{"/*/", ""}, {"/*/a*/b", "w:b"}, {"/***/a", "w:a"}, {"/* /* */ */", "o:* o:/"}, {"a/**/b", "w:a w:b"}, {"/*", "o:/ o:*"}, {"/ *", "o:/ o:*"}, {"/", "o:/"},
		{"'a'/*'*/'b'", "s:'a' s:'b'"}, {"SELECT*FROM t", "w:SELECT o:* w:FROM w:t"}, {"a<-1", "w:a o:< o:- n:1"}, {"a->'$.b'", "w:a o:-> s:'$.b'"},
	} {
		if got := tokens(c[0]); got != c[1] {
			t.Errorf("tokens(%q)\n got %s\nwant %s", c[0], got, c[1])
		}
	}
}

// TestNextDollar keeps apart what reads alike: a lone "$" is no parameter.
func TestNextDollar(t *testing.T) {
	for sql, want := range map[string]string{
		"$": "bad:$", "$(a)": "bad:$ o:( w:a o:)", ":::": "bad::::", "$a$b": "p:$a$b", "a$b": "w:a$b", "$ a": "bad:$ w:a",
	} {
		if got := tokens(sql); got != want {
			t.Errorf("tokens(%q) = %s, want %s", sql, got, want)
		}
	}
}

func TestNextAnywhere(t *testing.T) {
	for _, pos := range []int{-1, 0, 3, 4, 99} {
		if tok := Next("abc", pos); tok.Start < 0 || tok.End > 3 || tok.Start > tok.End {
			t.Errorf("Next(abc, %d) = %v", pos, tok)
		}
	}
}

func TestName(t *testing.T) {
	for _, c := range [][2]string{
		{"a", "a"}, {"A", "A"}, {"", ""}, {`"`, `"`}, {`""`, ""}, {`"a"`, "a"}, {`"a""b"`, `a"b`}, {`""""`, `"`}, {`"a""""b"`, `a""b`},
		{"`a`", "a"}, {"`a``b`", "a`b"}, {"[a]", "a"}, {"[a b]", "a b"}, {"[a[b]", "a[b"}, {"[]", ""}, {"'a'", "a"}, {"'a''b'", "a'b"},
		{`"a`, `"a`}, {"[a", "[a"}, {"select", "select"}, {`"a'b"`, "a'b"}, {"`a\"\"b`", `a""b`}, {"é", "é"}, {"[\"a\"]", `"a"`},
	} {
		if got := Name(c[0]); got != c[1] {
			t.Errorf("Name(%q) = %q, want %q", c[0], got, c[1])
		}
	}
}

func FuzzNext(f *testing.F) {
	for _, s := range []string{
		"", "select 1", "'a''b", "x'00' x'0", "$a::b(c) :a @b ?1", "/*/ */ -- x\n", "1.5e-3 0xf_f .5 1e", "[a]]", "a->>'$.b' || c",
		"\xef\xbb\xbfselect\v\x00", "!= ! <> << >> >= ==", "\"a\"\"b\" `c``d`",
	} {
		f.Add(s, 0)
	}
	f.Fuzz(func(t *testing.T, sql string, pos int) {
		for pos := 0; pos < len(sql); { // the raw tokens cover the text
			tok := scan(sql, pos)
			if tok.Start != pos || tok.End <= pos || tok.End > len(sql) || tok.Kind == EOF {
				t.Fatalf("scan(%q, %d) = %v", sql, pos, tok)
			}
			pos = tok.End
		}
		for {
			tok := Next(sql, pos)
			if tok.Start < min(pos, len(sql)) || tok.End > len(sql) || tok.Kind == Space || tok.Kind == Comment {
				t.Fatalf("Next(%q, %d) = %v", sql, pos, tok)
			}
			if tok.Kind == EOF {
				if tok.Start != len(sql) {
					t.Fatalf("Next(%q, %d) ends at %d", sql, pos, tok.Start)
				}
				return
			}
			if tok.End <= max(pos, 0) {
				t.Fatalf("Next(%q, %d) = %v does not advance", sql, pos, tok)
			}
			Name(tok.Text(sql))
			pos = tok.End
		}
	})
}
