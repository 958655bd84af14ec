package suite

import (
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// dropped says why a declaration of modernc's tests cannot run outside of modernc's package.
type dropped struct{ name, reason string }

// pruner drops declarations until the rest type-checks.
type pruner struct {
	sources []*source
	exports map[string]string // import path to the file with its types
	dropped []dropped
}

// prune ends because each round drops something.
func (p *pruner) prune(t *testing.T) {
	t.Helper()
	for {
		fset := token.NewFileSet()
		files := p.parse(t, fset)
		failures := p.check(fset, files)
		if len(failures) == 0 {
			return
		}
		if !p.drop(fset, files, failures) {
			t.Fatalf("nothing to drop for %v", failures[0])
		}
	}
}

func (p *pruner) parse(t *testing.T, fset *token.FileSet) (files []*ast.File) {
	t.Helper()
	for _, s := range p.sources {
		file, err := parser.ParseFile(fset, s.name, s.text, parser.ParseComments|parser.SkipObjectResolution)
		must(t, err)
		files = append(files, file)
	}
	return files
}

// check returns all errors of the type checker, not the first ten as the compiler does.
func (p *pruner) check(fset *token.FileSet, files []*ast.File) (failures []types.Error) {
	config := types.Config{
		Importer: importer.ForCompiler(fset, "gc", p.open),
		Error: func(err error) {
			var failure types.Error
			if errors.As(err, &failure) {
				failures = append(failures, failure)
			}
		},
	}
	_, _ = config.Check(generate, fset, files, nil) // its error is the first of failures
	return failures
}

// open finds an import's types. A package that is internal to modernc's module has none here.
func (p *pruner) open(path string) (io.ReadCloser, error) {
	if name := p.exports[path]; name != "" && !strings.HasPrefix(path, upstream+"/internal/") {
		return os.Open(name)
	}
	return nil, errors.New(path + " cannot be imported from outside")
}

// drop removes what the failures are in and says whether that was anything. The shim is whole or
// wrong.
func (p *pruner) drop(fset *token.FileSet, files []*ast.File, failures []types.Error) bool {
	gone := map[ast.Node]bool{}
	for _, failure := range failures {
		i := slices.IndexFunc(files, func(f *ast.File) bool { return f.FileStart <= failure.Pos && failure.Pos <= f.FileEnd })
		if i < 0 || p.sources[i].name == shimName {
			continue
		}
		node, name := enclosing(files[i], failure.Pos)
		if node == nil || gone[node] {
			continue
		}
		gone[node] = true
		from, to := fset.Position(start(node)).Offset, fset.Position(node.End()).Offset
		p.sources[i].blank(from, to)
		if name != "" {
			p.dropped = append(p.dropped, dropped{name, failure.Msg})
		}
	}
	for _, s := range p.sources {
		s.apply()
	}
	return len(gone) > 0
}

// enclosing finds the smallest piece around pos that can go: a function, a declaration or one of
// its specifications, or a subtest. An import has no name.
func enclosing(file *ast.File, pos token.Pos) (ast.Node, string) {
	for _, decl := range file.Decls {
		if pos < decl.Pos() || pos >= decl.End() {
			continue
		}
		group, ok := decl.(*ast.GenDecl)
		if !ok {
			return enclosingTest(decl.(*ast.FuncDecl), pos)
		}
		if !group.Lparen.IsValid() {
			return group, specName(group.Specs[0])
		}
		for _, spec := range group.Specs {
			if spec.Pos() <= pos && pos < spec.End() {
				return spec, specName(spec)
			}
		}
	}
	return nil, ""
}

// enclosingTest is the function, or the subtest in it that pos is in if its name is a constant.
func enclosingTest(fn *ast.FuncDecl, pos token.Pos) (found ast.Node, name string) {
	found, name = fn, fn.Name.Name
	ast.Inspect(fn, func(n ast.Node) bool {
		stmt, ok := n.(*ast.ExprStmt)
		if !ok || pos < n.Pos() || pos >= n.End() {
			return true
		}
		if sub := subtest(stmt.X); sub != "" {
			found, name = stmt, fn.Name.Name+"/"+sub
		}
		return true
	})
	return found, name
}

// subtest is the name in t.Run("name", …), or "".
func subtest(e ast.Expr) string {
	call, ok := e.(*ast.CallExpr)
	if !ok || len(call.Args) != 2 {
		return ""
	}
	fun, ok := call.Fun.(*ast.SelectorExpr)
	lit, isLit := call.Args[0].(*ast.BasicLit)
	if !ok || fun.Sel.Name != "Run" || !isLit {
		return ""
	}
	name, _ := strconv.Unquote(lit.Value)
	return name
}

// start is where a piece begins, with the comment that may hold a //go:embed line.
func start(n ast.Node) token.Pos {
	if group, ok := n.(*ast.GenDecl); ok && group.Doc != nil {
		return group.Doc.Pos()
	}
	return n.Pos()
}

func specName(spec ast.Spec) string {
	switch spec := spec.(type) {
	case *ast.ValueSpec:
		return spec.Names[0].Name
	case *ast.TypeSpec:
		return spec.Name.Name
	}
	return ""
}

// exports asks the go command for the types of everything that the sources import.
func exports(t *testing.T, sources []*source) map[string]string {
	t.Helper()
	args := []string{"list", "-e", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}", upstream}
	for _, s := range sources {
		file, err := parser.ParseFile(token.NewFileSet(), s.name, s.text, parser.ImportsOnly)
		must(t, err)
		for _, spec := range file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			must(t, err)
			args = append(args, path)
		}
	}
	found := map[string]string{}
	for line := range strings.Lines(goTool(t, args...)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		found[path] = file
	}
	return found
}

// tests counts the functions that go test would run, by name.
func tests(t *testing.T, sources []*source) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	for _, file := range (&pruner{sources: sources}).parse(t, token.NewFileSet()) {
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if ok && fn.Recv == nil && isTest(fn.Name.Name) {
				names[fn.Name.Name] = true
			}
		}
	}
	return names
}

func isTest(name string) bool {
	return name != "TestMain" && (strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Fuzz"))
}
