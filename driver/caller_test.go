package driver

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/template"

	"github.com/ngrok/sqlmw"
	"github.com/sqliteperf/sqliteperf/internal/capture"
)

// source is this file.
var source = sync.OnceValue(func() []string {
	text, _ := os.ReadFile("caller_test.go")
	return strings.Split(string(text), "\n")
})

// here is the line it is called on if a statement is run there, else the line above.
func here() string {
	_, file, line, _ := runtime.Caller(1)
	if text := source()[line-1]; !strings.Contains(text, "SELECT") && !strings.Contains(text, "Begin") {
		line--
	}
	return fmt.Sprintf("%s:%d", filepath.Base(file), line)
}

// inlined is small enough to be inlined.
func inlined(db *sql.DB) (string, error) { _, err := db.Exec("SELECT 1"); return here(), err }

//go:noinline
func notInlined(db *sql.DB) (string, error) { _, err := db.Exec("SELECT 1"); return here(), err }

func generic[T any](db *sql.DB, arg T) (string, error) {
	_, err := db.Exec("SELECT ?", arg)
	return here(), err
}

type repository struct{ db *sql.DB }

func (r *repository) find() (string, error) { _, err := r.db.Exec("SELECT 1"); return here(), err }
func (r repository) value() (string, error) { _, err := r.db.Exec("SELECT 1"); return here(), err }
func deferred(db *sql.DB) (at string, err error) {
	defer func() { _, err = db.Exec("SELECT 1"); at = here() }()
	return "", nil
}

func panicked(db *sql.DB) (at string, err error) {
	defer func() {
		recover()
		_, err = db.Exec("SELECT 1")
		at = here()
	}()
	panic("on its way")
}

// lines run statements, all on the line they return.
var lines = map[string]func(t *testing.T, db *sql.DB) (string, error){
	"exec": func(_ *testing.T, db *sql.DB) (string, error) { _, err := db.Exec("SELECT 1"); return here(), err },
	"query": func(_ *testing.T, db *sql.DB) (string, error) {
		rows, err := db.Query("SELECT 1")
		return here(), closing(rows, err)
	},
	"row": func(_ *testing.T, db *sql.DB) (string, error) { return here(), db.QueryRow("SELECT 1").Scan(new(int)) },
	"a statement": func(_ *testing.T, db *sql.DB) (string, error) {
		st, err := db.Prepare("SELECT 1")
		if err != nil {
			return "", err
		}
		defer st.Close()
		_, err = st.Exec()
		at := here()
		return at, err
	},
	"a connection": func(_ *testing.T, db *sql.DB) (string, error) {
		c, err := db.Conn(context.Background())
		if err != nil {
			return "", err
		}
		defer c.Close()
		_, err = c.ExecContext(context.Background(), "SELECT 1")
		return here(), err
	},
	"a transaction": func(_ *testing.T, db *sql.DB) (string, error) {
		tx, err := db.Begin()
		at := here()
		if err != nil {
			return "", err
		}
		return at, tx.Rollback()
	},
	"inlined":                           func(_ *testing.T, db *sql.DB) (string, error) { return inlined(db) },
	"not inlined":                       func(_ *testing.T, db *sql.DB) (string, error) { return notInlined(db) },
	"generic":                           func(_ *testing.T, db *sql.DB) (string, error) { return generic(db, "x") },
	"generic of a type of another path": func(_ *testing.T, db *sql.DB) (string, error) { return generic(db, sql.NullString{}) },
	"a method":                          func(_ *testing.T, db *sql.DB) (string, error) { return (&repository{db}).find() },
	"of a value":                        func(_ *testing.T, db *sql.DB) (string, error) { return repository{db}.value() },
	"a method's value":                  func(_ *testing.T, db *sql.DB) (string, error) { f := (&repository{db}).find; return f() },
	"deferred":                          func(_ *testing.T, db *sql.DB) (string, error) { return deferred(db) },
	"after a panic":                     func(_ *testing.T, db *sql.DB) (string, error) { return panicked(db) },
	"a goroutine": func(_ *testing.T, db *sql.DB) (at string, err error) {
		done := make(chan struct{})
		go func() { defer close(done); _, err = db.Exec("SELECT 1"); at = here() }()
		<-done
		return at, err
	},
	"a deep stack": func(_ *testing.T, db *sql.DB) (string, error) {
		return deep(200, func() (string, error) { return notInlined(db) })
	},
	"sorted within": func(_ *testing.T, db *sql.DB) (at string, err error) {
		slices.SortFunc([]int{2, 1}, func(a, b int) int { _, err = db.Exec("SELECT 1"); at = here(); return a - b })
		return at, err
	},
}

//go:noinline
func deep(n int, f func() (string, error)) (string, error) {
	if n > 0 {
		return deep(n-1, f)
	}
	return f()
}

func closing(rows *sql.Rows, err error) error {
	if err != nil {
		return err
	}
	return rows.Close()
}

// hasFrames says that call sites are found for every call and not only for some.
const hasFrames = runtime.GOARCH == "amd64" || runtime.GOARCH == "arm64"

// needsFrames skips a test where call sites are sampled, which allocates.
func needsFrames(t *testing.T) {
	t.Helper()
	if !hasFrames {
		t.Skip("no frame pointers on " + runtime.GOARCH)
	}
}

func TestCallSitesAreTheLinesThatRan(t *testing.T) {
	needsFrames(t)
	for configuration, config := range map[string]Config{
		"plain": {}, "interceptors": {Interceptors: []sqlmw.Interceptor{sqlmw.NullInterceptor{}}}, "kept": {StatementCache: 2},
	} {
		for name, run := range lines {
			t.Run(configuration+" "+name, func(t *testing.T) {
				r := record(t, "", config)
				for range 3 { // found, then known
					at, err := run(t, r.DB)
					must(t, err)
					events := r.events()
					if len(events) != 1 {
						t.Fatalf("%d events", len(events))
					}
					site := events[0].Site
					if site == nil || filepath.Base(site.File)+":"+fmt.Sprint(site.Line) != at || !strings.Contains(site.Function, "/driver.") {
						t.Errorf("called at %v, want %s", site, at)
					}
				}
			})
		}
	}
}

func TestNoCallersFindsNone(t *testing.T) {
	r := record(t, "", Config{NoCallers: true})
	must(t, visitOnce(r.DB))
	for _, ev := range r.events() {
		if ev.Site != nil {
			t.Errorf("called at %v", ev.Site)
		}
	}
}

func visitOnce(db *sql.DB) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	return tx.Rollback()
}

// TestFramesAndUnwinderAgree asks in all three ways from under ever more frames of a package that is
// skipped: a template that nests, which calls the driver's functions itself.
func TestFramesAndUnwinderAgree(t *testing.T) {
	more := []string{"text/template"}
	c := &conn{config: Config{CallerSkip: more}}
	found := 0
	for depth := range 60 {
		text := strings.Repeat("{{if true}}", depth) + "{{frames .None}} {{unwinder .More}} {{sampled .None .More}}" + strings.Repeat("{{end}}", depth)
		page := template.Must(template.New("").Funcs(template.FuncMap{"frames": c.caller, "unwinder": walkCallers, "sampled": sampledCaller}).Parse(text))
		for range 2 {
			var out strings.Builder
			must(t, page.Execute(&out, struct { // the call site
				None *capture.Statement
				More []string
			}{nil, more}))
			answers := strings.Fields(out.String()) // none where the stack is too deep
			slices.Sort(answers)
			answers = slices.Compact(answers)
			if len(answers) > 1 || depth < 15 && len(answers) != 1 || len(answers) == 1 && !strings.Contains(answers[0], "caller_test.go") {
				t.Errorf("depth %d: called at %q", depth, answers)
			}
			found += len(answers)
		}
	}
	if found > 60 {
		t.Errorf("%d of 120 were found in spite of their depth", found)
	}
}

// TestCallSitesBehindAMapper runs statements from under many frames of a package that is skipped.
func TestCallSitesBehindAMapper(t *testing.T) {
	needsFrames(t)
	r := record(t, "", Config{CallerSkip: []string{"text/template"}})
	for depth := range 12 {
		text := strings.Repeat("{{if true}}", depth) + `{{$r := .Exec "SELECT 1"}}` + strings.Repeat("{{end}}", depth)
		page := template.Must(template.New("").Parse(text))
		for range 2 {
			must(t, page.Execute(io.Discard, r.DB)) // Begin
			at := here()
			for _, ev := range r.events() {
				if ev.Site == nil || fmt.Sprintf("%s:%d", filepath.Base(ev.Site.File), ev.Site.Line) != at {
					t.Errorf("depth %d: called at %v, want %s", depth, ev.Site, at)
				}
			}
		}
	}
}

func TestPackageOfAFunction(t *testing.T) {
	for function, want := range map[string]string{
		"main.main": "main", "database/sql.(*DB).Query": "database/sql", "a.b/c.(*T).M": "a.b/c", "a.b/c.F.func1.2": "a.b/c",
		"a.b/c.F[...]": "a.b/c", "a.b/c.F[go.shape.string]": "a.b/c", "a.b/c.F[x.y/z.T]": "a.b/c", "a.b/c.(*G[x.y/z.T]).M": "a.b/c",
		"gopkg.in/a%2ev1.F": "gopkg.in/a%2ev1", "runtime": "runtime", "": "",
	} {
		if got := packageOf(function); got != want {
			t.Errorf("%s is of %q, want %q", function, got, want)
		}
	}
}

func TestSkippedPackages(t *testing.T) {
	for function, want := range map[string]bool{
		"database/sql.(*DB).Query": true, "gorm.io/gorm.(*DB).Find": true, "entgo.io/ent/dialect/sql.Do": true, "runtime.goexit": true,
		"github.com/sqliteperf/sqliteperf/driver.(*conn).begin": true, "github.com/sqliteperf/sqliteperf/driver/sqlmiddleware.F": true,
		"my/data.Find": true, "my/layer/one.F": true, "my/layer.F": false, "my/database.F": false, "main.main": false, "database/sqlite.F": false,
	} {
		if got := skip(function, "/src/x.go", []string{"my/data", "my/layer/"}); got != want {
			t.Errorf("%s: %v, want %v", function, got, want)
		}
	}
	if skip("database/sql.Test", "/src/sql_test.go", nil) {
		t.Error("a test's function is skipped")
	}
}

// TestSampledCallersFollowTheirSchedule counts which calls of a statement are looked at.
func TestSampledCallersFollowTheirSchedule(t *testing.T) {
	s := &capture.Statement{}
	var found []int
	for i := range 200 {
		if sampledCaller(s, nil) != nil {
			found = append(found, i)
		}
	}
	want := []int{0, 1, 2, 3, 4, 5, 6, 7, 32, 64, 96, 128, 160, 192}
	if !slices.Equal(found, want) {
		t.Errorf("looked at %v, want %v", found, want)
	}
}

// TestStacksAreTold runs from many stacks, more than a connection remembers, in turns.
func TestStacksAreTold(t *testing.T) {
	c := &conn{}
	var calls []func() *capture.Site
	for range 3 {
		calls = append(calls,
			func() *capture.Site { return c.caller(nil) },
			func() *capture.Site { return viaOne(c, 0) }, func() *capture.Site { return viaTwo(c, 0) },
			func() *capture.Site { return viaOne(c, 9) }, func() *capture.Site { return viaTwo(c, 9) })
	}
	want := make([]*capture.Site, len(calls))
	for i, call := range calls {
		want[i] = call()
	}
	for range 400 {
		for i, call := range calls {
			if got := call(); got == nil || got != want[i] {
				t.Fatalf("call %d is at %v, then at %v", i, want[i], got)
			}
		}
	}
}

//go:noinline
func viaOne(c *conn, n int) *capture.Site {
	if n > 0 {
		return viaTwo(c, n-1)
	}
	return c.caller(nil)
}

//go:noinline
func viaTwo(c *conn, n int) *capture.Site {
	if n > 0 {
		return viaOne(c, n-1)
	}
	return c.caller(nil)
}
