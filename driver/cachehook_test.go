package driver

import (
	"context"
	"database/sql/driver"
	"errors"
	"path/filepath"
	"testing"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// deny is an authorizer that answers reads of a column as told.
func deny(column string, answer sqlite.AuthorizerReturnCode) sqlite.AuthorizerFn {
	return func(code sqlite.AuthorizerActionCode, _, read, _, _ string) sqlite.AuthorizerReturnCode {
		if code == sqlite3.SQLITE_READ && read == column {
			return answer
		}
		return sqlite.AuthorizerOK
	}
}

// compiledIn are changes of a connection that only compiling a statement takes note of.
var compiledIn = map[string][]func(s *transcript, c innerConn, dir string){
	"an authorizer comes and goes": {
		func(s *transcript, c innerConn, _ string) {
			s.notef("%s", failure(c.RegisterAuthorizer(deny("v", sqlite.AuthorizerDeny))))
		},
		func(s *transcript, c innerConn, _ string) { s.notef("%s", failure(c.RegisterAuthorizer(nil))) },
	},
	"an authorizer hides a column": {
		func(s *transcript, c innerConn, _ string) {
			s.notef("%s", failure(c.RegisterAuthorizer(deny("v", sqlite3.SQLITE_IGNORE))))
		},
		func(s *transcript, c innerConn, _ string) { s.notef("%s", failure(c.RegisterAuthorizer(nil))) },
	},
	"an authorizer changes its mind": {
		func(s *transcript, c innerConn, _ string) {
			asked := 0
			s.notef("%s", failure(c.RegisterAuthorizer(func(sqlite.AuthorizerActionCode, string, string, string, string) sqlite.AuthorizerReturnCode {
				if asked++; asked > 20 {
					return sqlite.AuthorizerDeny
				}
				return sqlite.AuthorizerOK
			})))
		},
	},
	"a pre-update hook comes and goes": {
		func(s *transcript, c innerConn, _ string) {
			c.RegisterPreUpdateHook(func(d sqlite.SQLitePreUpdateData) { s.notef("update of %s", d.TableName) })
		},
		func(_ *transcript, c innerConn, _ string) { c.RegisterPreUpdateHook(nil) },
	},
	"other hooks come and go": {
		func(s *transcript, c innerConn, _ string) {
			c.RegisterCommitHook(func() int32 { s.notef("commit"); return 0 })
			c.RegisterRollbackHook(func() { s.notef("rollback") })
		},
		func(_ *transcript, c innerConn, _ string) { c.RegisterCommitHook(func() int32 { return 1 }) },
		func(_ *transcript, c innerConn, _ string) { c.RegisterCommitHook(nil); c.RegisterRollbackHook(nil) },
	},
	"a database is put in place": {
		func(s *transcript, c innerConn, _ string) {
			image, err := c.Serialize()
			s.notef("%s", failure(err))
			_, err = c.ExecContext(context.Background(), "DROP TABLE t; CREATE TABLE t(one, two, v)", nil)
			s.notef("%s", failure(err))
			s.notef("%s", failure(c.Deserialize(image)))
		},
	},
	"a database is restored": {
		func(s *transcript, c innerConn, dir string) {
			file := filepath.Join(dir, "copy.db")
			copied, err := c.NewBackup(file)
			s.notef("%s", failure(err))
			_, err = copied.Step(-1)
			s.notef("%s", failure(errors.Join(err, copied.Finish())))
			_, err = c.ExecContext(context.Background(), "DROP TABLE t; CREATE TABLE t(one, two, v)", nil)
			s.notef("%s", failure(err))
			restore, err := c.NewRestore(file)
			s.notef("%s", failure(err))
			_, err = restore.Step(-1)
			s.notef("%s", failure(errors.Join(err, restore.Finish())))
		},
	},
}

// TestKeptStatementsAskWhatCompilingAsks runs texts over and over, on a connection whose hooks come
// and go by its own methods and by those of modernc's connection inside it.
func TestKeptStatementsAskWhatCompilingAsks(t *testing.T) {
	for name, steps := range compiledIn {
		for _, inside := range []string{"", " inside"} {
			t.Run(name+inside, func(t *testing.T) {
				everyConfig(t, func(t *testing.T, open opener, dir string) []string {
					var s transcript
					c := single(t, open(t, ":memory:"))
					ctx := context.Background()
					s.exec(ctx, c, "CREATE TABLE t(v)")
					look := func() {
						for range 3 {
							s.exec(ctx, c, "INSERT INTO t(v) VALUES(1), (2)")
							s.query(ctx, c, "SELECT v, * FROM t")
							s.exec(ctx, c, "DELETE FROM t")
						}
					}
					look()
					for _, step := range steps {
						raw(t, c, func(dc any) {
							if inside != "" {
								dc = Unwrap(dc)
							}
							step(&s, dc.(innerConn), dir)
						})
						look()
					}
					return s.lines
				})
			})
		}
	}
}

func TestLimitAppliesToKeptStatements(t *testing.T) {
	r := record(t, "", Config{StatementCache: 4})
	c := single(t, r.DB)
	const columns = 2 // SQLITE_LIMIT_COLUMN, https://sqlite.org/c3ref/c_limit_attached.html
	query := func() error {
		_, err := c.ExecContext(context.Background(), "SELECT 1, 2, 3")
		return err
	}
	must(t, query())
	before, err := Limit(c, columns, 2)
	if err != nil || before != 2000 {
		t.Errorf("Limit returns %d, %v", before, err)
	}
	if err := query(); err == nil {
		t.Error("three columns are read with a limit of two")
	}
	if now, err := Limit(c, columns, -1); err != nil || now != 2 {
		t.Errorf("Limit returns %d, %v", now, err)
	}
	other := single(t, bare(t, ":memory:"))
	if _, err := Limit(other, columns, -1); !errors.Is(err, ErrUnsupported) {
		t.Errorf("on the bare driver: %v", err)
	}
	raw(t, other, func(dc any) {
		if Unwrap(dc) != dc {
			t.Error("a bare connection is unwrapped")
		}
	})
}

// TestLimitIsModerncs holds Limit to what modernc's own function says of its connections.
func TestLimitIsModerncs(t *testing.T) {
	ours, theirs := single(t, wrapped(t, ":memory:")), single(t, bare(t, ":memory:"))
	for id := range 12 {
		for _, value := range []int{-1, 5, -1, 1 << 30, -1} {
			got, err := Limit(ours, id, value)
			want, wantErr := sqlite.Limit(theirs, id, value)
			if got != want || failure(err) != failure(wantErr) {
				t.Errorf("limit %d to %d: %d %v, want %d %v", id, value, got, err, want, wantErr)
			}
		}
	}
}

// TestAuthorizersOfConnectionHooksAreSeen holds that the cache is no way around an authorizer that
// was there before the connection was ours.
func TestAuthorizersOfConnectionHooksAreSeen(t *testing.T) {
	c, err := NewConnector(":memory:", Config{StatementCache: 4}).Connect(context.Background())
	must(t, err)
	defer c.Close()
	asked := 0
	must(t, Unwrap(c).(sqlite.AuthorizerRegisterer).RegisterAuthorizer(
		func(sqlite.AuthorizerActionCode, string, string, string, string) sqlite.AuthorizerReturnCode {
			asked++
			return sqlite.AuthorizerOK
		}))
	for range 3 {
		_, err := c.(driver.ExecerContext).ExecContext(context.Background(), "SELECT 1", nil)
		must(t, err)
	}
	if asked != 3 {
		t.Errorf("asked %d times of 3", asked)
	}
	if left := preparedOn(c.(*conn)); len(left) != 0 {
		t.Errorf("kept %q", left)
	}
}
