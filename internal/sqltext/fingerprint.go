package sqltext

// Fingerprint returns the fingerprint of a text; see the package comment for what it folds.
func Fingerprint(sql string) string {
	var buf [512]byte // longer than most statements
	return string(AppendFingerprint(buf[:0], sql))
}

// AppendFingerprint appends the fingerprint of sql to dst. It allocates only when dst has too little
// room; a fingerprint can be longer than its text, for "a=1" becomes "a = ?".
func AppendFingerprint(dst []byte, sql string) []byte {
	p := printer{sql: sql, dst: dst, start: len(dst), sign: -1}
	p.print()
	return p.dst
}

// Digest returns the 64-bit FNV-1a hash of a fingerprint. It is the same on every machine and in every
// release, so that digests can be stored. http://www.isthe.com/chongo/tech/comp/fnv
func Digest(fingerprint string) uint64 {
	const offset, prime = 0xcbf29ce484222325, 0x100000001b3
	h := uint64(offset)
	for i := range len(fingerprint) {
		h = (h ^ uint64(fingerprint[i])) * prime
	}
	return h
}

// item is a token as it was printed. The compiler keeps structs of up to four fields in registers;
// a fifth costs a quarter of the speed.
type item struct {
	kind Kind
	op   byte    // of an Op: the byte, opArrow or opLong
	kw   keyword // of a Word that is a keyword and not a name
	role role
}

const (
	opLong  = 0xff // an operator of two or three bytes
	opArrow = 0xfe // -> and ->>
)

// printer writes one fingerprint. It goes over the tokens once; only lists of literals are looked
// at ahead, and such a look stops at the first token that is no literal, so all of it stays linear.
type printer struct {
	sql   string
	dst   []byte
	start int // length of dst before the fingerprint

	prev, prev2 item // the last item printed and the one before
	semicolon   bool // a ";" is due before the next item, if there is one
	sign        int  // where in dst a chain of unary signs starts, or -1
	beforeSign  item

	b        boundary
	verbatim bool // the statement keeps its literals
	secret   bool // and its value is a key
	depth    int  // of parentheses
	levels   [maxDepth]level
}

func (p *printer) print() {
	for pos := 0; ; {
		t := Next(p.sql, pos)
		if t.Kind == EOF {
			return
		}
		kw, semicolon := wordOf(p.sql, t), isOp(p.sql, t, ';')
		ended := p.b.next(kw, semicolon)
		switch {
		case ended:
			p.endStatement()
		case semicolon:
			p.endLine()
		default:
			if p.b.tokens == p.b.verbAt+1 {
				p.verbatim = keepsLiterals(p.b.verb)
			}
			pos = p.token(t, kw)
			continue
		}
		pos = t.End
	}
}

func (p *printer) endStatement() {
	p.endLine()
	p.b, p.verbatim, p.secret = boundary{}, false, false
}

// endLine notes a ";" and forgets open parentheses.
func (p *printer) endLine() {
	p.depth, p.levels[0], p.sign = 0, level{}, -1
	if len(p.dst) > p.start {
		p.semicolon, p.prev, p.prev2 = true, item{kind: Op, op: ';'}, item{}
	}
}

// token prints one token and returns where the next one starts, which may be after a list.
func (p *printer) token(t Token, kw keyword) int {
	switch t.Kind {
	case Word:
		return p.word(t, kw)
	case Op:
		p.operator(t)
	case Number:
		p.number(t)
	case String:
		p.string(t)
	case Blob:
		p.blob(t)
	case Quoted:
		p.quoted(t)
	case Param:
		p.put("?", item{kind: Param})
	default:
		p.put("!", item{kind: Bad})
	}
	return t.End
}

// put prints text after the space that belongs before it.
func (p *printer) put(text string, it item) {
	dst := p.dst
	switch {
	case p.semicolon:
		dst, p.semicolon = append(dst, "; "...), false
	case len(dst) > p.start && !tight(p.prev, it):
		dst = append(dst, ' ')
	}
	if len(text) == 1 { // half of all tokens: no call to copy them
		p.dst = append(dst, text[0])
	} else {
		p.dst = append(dst, text...)
	}
	p.prev2, p.prev, p.sign = p.prev, it, -1
}

// tight reports whether b follows a without a space. It must never let two tokens become one: what
// touches is a name, a literal or a sign on one side and a parenthesis, comma or dot on the other.
func tight(a, b item) bool {
	if b.kind == Op {
		switch b.op {
		case ',', ')':
			return true
		case '(':
			return a.op == '(' || a.role == unary || a.kind == Quoted || a.kind == Word && (a.kw == 0 || a.kw == kwCast || a.kw == kwRaise)
		case '.':
			return isName(a)
		}
	}
	if a.kind != Op {
		return false
	}
	switch {
	case a.op == '(':
		return true
	case a.op == '.':
		return isName(b) || b.op == '*'
	case a.role == unary:
		return b.kind != Op && b.kind != Bad
	}
	return false
}

// isName reports whether a dot may touch the item; a string may be a name too.
func isName(it item) bool {
	return it.kind == Word && it.kw == 0 || it.kind == Quoted || it.kind == String
}
