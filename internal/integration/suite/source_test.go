package suite

import (
	"bytes"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	upstream = "modernc.org/sqlite"
	generate = "generated" // the name of the package that exists in the overlay only
	variable = "SQLITE_PERF_TEST_DRIVER"
)

// source is one of modernc's test files with the edits that make it ours to run.
type source struct {
	name  string
	text  []byte
	edits []edit
}

// edit replaces the bytes [from, to).
type edit struct {
	from, to int
	with     string
}

// upstreamDir is where the module cache has modernc.org/sqlite.
func upstreamDir(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(goTool(t, "list", "-m", "-f", "{{.Dir}}", upstream))
}

// goTool runs the go command in this module and returns what it prints.
func goTool(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", args[0], err, stderr.Bytes())
	}
	return string(out)
}

// read returns the test files at the top of dir that belong to this platform.
func read(t *testing.T, dir string) (list []*source) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	must(t, err)
	for _, name := range names {
		matches, err := build.Default.MatchFile(dir, filepath.Base(name))
		must(t, err)
		if !matches {
			continue
		}
		text, err := os.ReadFile(name)
		must(t, err)
		list = append(list, &source{name: filepath.Base(name), text: text})
	}
	return list
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rewrite moves the file out of modernc's package and points it at the driver to test.
func (s *source) rewrite(t *testing.T) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, s.name, s.text, parser.SkipObjectResolution)
	must(t, err)
	at := func(n ast.Node) (int, int) { return fset.Position(n.Pos()).Offset, fset.Position(n.End()).Offset }
	from, to := at(file.Name)
	clause := generate
	if !strings.HasSuffix(file.Name.Name, "_test") {
		clause += `; import . "` + upstream + `"`
		s.replace(len(s.text), len(s.text), "\nvar _ Driver // uses the import\n")
	}
	s.replace(from, to, clause)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			for _, change := range callChanges(n) {
				from, to := at(change.node)
				s.replace(from, to, change.with)
			}
		case *ast.FuncDecl:
			s.shorten(n, at)
		}
		return true
	})
	s.apply()
}

func (s *source) replace(from, to int, with string) { s.edits = append(s.edits, edit{from, to, with}) }

// apply carries out the edits, the last first, so that offsets stay true. An edit inside of
// another is lost with it.
func (s *source) apply() {
	edits := slices.DeleteFunc(slices.Clone(s.edits), func(e edit) bool {
		return slices.ContainsFunc(s.edits, func(outer edit) bool {
			return outer.from <= e.from && e.to <= outer.to && outer.to-outer.from > e.to-e.from
		})
	})
	slices.SortStableFunc(edits, func(a, b edit) int { return b.from - a.from })
	for _, e := range edits {
		s.text = slices.Concat(s.text[:e.from], []byte(e.with), s.text[e.to:])
	}
	s.edits = nil
}

// blank removes [from, to) and keeps the lines.
func (s *source) blank(from, to int) {
	s.replace(from, to, strings.Repeat("\n", bytes.Count(s.text[from:to], []byte("\n"))))
}

type change struct {
	node ast.Node
	with string
}

// standIns are functions of the shim for functions of modernc's package. sqlite.Limit asserts
// modernc's own type of connection, which driver.Limit finds inside of ours.
var standIns = map[string]string{
	"Limit": "limitUnderTest", "newConn": "connUnderTest", "NewConnector": "connectorUnderTest",
}

// callChanges points sql.Open("sqlite", …) at the driver to test, and calls at their stand-ins.
func callChanges(call *ast.CallExpr) []change {
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		if with := standIns[fun.Name]; with != "" {
			return []change{{fun, with}}
		}
	case *ast.SelectorExpr:
		pkg, ok := fun.X.(*ast.Ident)
		if ok && pkg.Name == "sql" && fun.Sel.Name == "Open" && isString(call.Args[0], "sqlite") {
			return []change{{call.Args[0], "driverName"}}
		}
	}
	return nil
}

func isString(e ast.Expr, want string) bool {
	lit, ok := e.(*ast.BasicLit)
	return ok && lit.Kind == token.STRING && lit.Value == `"`+want+`"`
}

// rounds are loops that take minutes upstream: the same is tried fewer times, or for less long.
// Each of the rounds of TestRegisteredFunctions takes 200 ms, a thousand of them twice.
var rounds = map[string]struct{ from, to string }{
	"TestRegisteredFunctions": {"1000", "5"},
	"TestIssue51":             {"time.Minute", "time.Second"},
}

func (s *source) shorten(fn *ast.FuncDecl, at func(ast.Node) (int, int)) {
	shorter, ok := rounds[fn.Name.Name]
	if !ok {
		return
	}
	ast.Inspect(fn, func(n ast.Node) bool {
		loop, ok := n.(*ast.ForStmt)
		if !ok {
			return true
		}
		if until, ok := loop.Cond.(*ast.BinaryExpr); ok {
			if from, to := at(until.Y); string(s.text[from:to]) == shorter.from {
				s.replace(from, to, shorter.to)
			}
		}
		return true
	})
}
